// What the engine says, in the reader’s language. The engine speaks English, in sentences made of fixed words and of what varies. Here they are read
// back into both, and said anew; what is not known stays as it was said, and is marked as English.
import type { Language } from './words.ts';
import { engineInFrench } from './engine-french.ts';

export interface SaidText {
  text: string;
  language: Language;
}

interface Sentence {
  pattern: RegExp;
  /** Names of what varies, in the order of the English. */
  names: string[];
  said: string;
}

const variable = /\{(\w+)(!?)\}/g;
/** Sentences within sentences, at most. */
const deepest = 4;
const mostKept = 4000;

const sentences = engineInFrench.map(([english, french]): Sentence => {
  const names: string[] = [];
  const parts = english.split(/(\{\w+!?\})/);
  const source = parts.map((part) => {
    if (!/^\{\w+!?\}$/.test(part)) return part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
    const name = part.slice(1, -1);
    names.push(name);
    return isName(name) ? String.raw`([^\s:;,]+)` : '(.+?)';
  });
  return { pattern: new RegExp(`^${source.join('')}$`, 's'), names, said: french };
});

const kept = new Map<string, string | undefined>();

export function sayInWords(text: string, language: Language): SaidText {
  if (language === 'en' || text === '') return { text, language };
  if (!kept.has(text)) {
    if (kept.size >= mostKept) kept.clear();
    kept.set(text, translate(text, deepest));
  }
  const said = kept.get(text);
  return said === undefined ? { text, language: 'en' } : { text: said, language };
}

function translate(text: string, depth: number): string | undefined {
  if (depth === 0) return undefined;
  for (const { pattern, names, said } of sentences) {
    const found = pattern.exec(text);
    if (!found) continue;
    const values = new Map(names.map((name, at) => [name, found[at + 1] ?? '']));
    const inner = new Map([...values].map(([name, value]) => [name, isSentence(name) ? translate(value, depth - 1) : value]));
    if ([...inner].some(([name, value]) => name.endsWith('!') && value === undefined)) continue;
    return said.replaceAll(variable, (whole, name: string, must: string) => inner.get(name + must) ?? values.get(name + must) ?? whole);
  }
  // A readiness check and what it found: `TCP 3306: connection refused`.
  const check = /^((?:TCP|HTTP|DNS|guest agent|command)\b.*?): (.+)$/s.exec(text);
  if (check) return `${check[1]} : ${translate(check[2] ?? '', depth - 1) ?? check[2]}`;
  return undefined;
}

/** What has neither spaces nor a colon. */
function isName(name: string): boolean {
  return ['guest', 'zone', 'image', 'site', 'user', 'token', 'job', 'disk', 'name', 'power', 'action'].includes(name);
}

/** Which of what varies is a sentence, not a name or a figure. */
function isSentence(name: string): boolean {
  return name.endsWith('!') || ['why', 'what', 'change'].includes(name);
}
