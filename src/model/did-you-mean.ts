// What was probably meant by a word that is not known.
import { distance } from 'fastest-levenshtein';
import { quote } from './quote.ts';

/** Beyond these, guessing costs more than it helps. */
const mostCandidates = 5000;
const longestWord = 128;

/** The nearest candidate, when one is near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > longestWord) return undefined;
  const written = word.toLowerCase();
  let best: { candidate: string; far: number } | undefined;
  let looked = 0;
  for (const candidate of candidates) {
    if (++looked > mostCandidates) break;
    const allowed = Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3));
    if (Math.abs(candidate.length - word.length) > allowed) continue;
    const far = steps(written, candidate.toLowerCase());
    if (far <= allowed && far < Math.min(best?.far ?? Infinity, candidate.length)) best = { candidate, far };
  }
  return best?.candidate;
}

/** Typing steps between two words; two letters in the wrong order are one. */
function steps(a: string, b: string): number {
  const far = distance(a, b);
  return far === 2 && a.length === b.length && letters(a) === letters(b) ? 1 : far;
}

function letters(word: string): string {
  return word.split('').toSorted().join('');
}

/** `; did you mean “x”?` for the nearest candidate, or nothing when none is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const near = nearest(word, candidates);
  return near === undefined || near === word ? '' : `; did you mean ${quote(near)}?`;
}
