// Sentences that were put together of fixed words and of what varies, read back into both, and said in another language. A table has each sentence, what varies
// in braces, and the same in the other language. Pure.

export type Sentences = readonly (readonly [said: string, anew: string])[];

/** Undefined: it is not known. */
export type Translator = (text: string) => string | undefined;

export interface Variables {
  /** What has neither spaces nor a colon. */
  names?: ReadonlySet<string>;
  /** What is a sentence itself, and stays as it is where it is not known; one whose name ends with “!” has to be known. */
  sentences?: ReadonlySet<string>;
  /** How others are said; what they do not know is another sentence. Default: as they stand. */
  others?: (name: string, value: string) => string | undefined;
  /** Of what is in no sentence; `translate` for a part of it. */
  otherwise?: (text: string, translate: Translator) => string | undefined;
}

interface Sentence {
  pattern: RegExp;
  /** Names of what varies, in the order in which it was said. */
  names: string[];
  anew: string;
}

const variable = /\{(\w+!?)\}/g;
/** Sentences within sentences, at most. */
const deepest = 8;
const mostKept = 4000;
const none: ReadonlySet<string> = new Set();

export function createTranslator(
  table: Sentences,
  { names: short = none, sentences = none, others = (_, value) => value, otherwise }: Variables,
): Translator {
  // Of sentences in a row the first may be meant, or all but the last.
  const known = table.flatMap(([said, anew]) =>
    (said.includes('!}') ? ['.+?', '.+'] : ['.+?']).map((inner) => readSentence(said, anew, { short, inner })),
  );
  const kept = new Map<string, string | undefined>();

  const say = (name: string, value: string, depth: number): string | undefined => {
    if (name.endsWith('!')) return translate(value, depth - 1);
    if (sentences.has(name)) return translate(value, depth - 1) ?? value;
    return others(name, value);
  };
  const translate = (text: string, depth: number): string | undefined => {
    if (depth === 0) return undefined;
    for (const { pattern, names, anew } of known) {
      const found = pattern.exec(text);
      if (!found) continue;
      const values = new Map(names.map((name, at) => [name, say(name, found[at + 1] ?? '', depth)]));
      if ([...values.values()].includes(undefined)) continue;
      return anew.replaceAll(variable, (whole, name: string) => values.get(name) ?? whole);
    }
    return otherwise?.(text, (part) => translate(part, depth - 1));
  };
  return (text) => {
    if (!kept.has(text)) {
      if (kept.size >= mostKept) kept.clear();
      kept.set(text, translate(text, deepest));
    }
    return kept.get(text);
  };
}

/** `inner`: what a sentence within it is. */
function readSentence(said: string, anew: string, { short, inner }: { short: ReadonlySet<string>; inner: string }): Sentence {
  const names: string[] = [];
  const parts = said.split(/(\{\w+!?\})/).map((part) => {
    if (!/^\{\w+!?\}$/.test(part)) return part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
    const name = part.slice(1, -1);
    names.push(name);
    if (short.has(name)) return String.raw`([^\s:;,]+)`;
    return name.endsWith('!') ? `(${inner})` : '(.+?)';
  });
  return { pattern: new RegExp(`^${parts.join('')}$`, 's'), names, anew };
}
