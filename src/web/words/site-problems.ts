// What is wrong with a site file, in the reader’s language. Loaded with the pages that edit.
import { type SaidText, sayBy } from './engine-words.ts';
import { createTranslator } from './read-back.ts';
import { siteProblemsInFrench } from './site-problems-french.ts';
import type { Language } from './words.ts';

const inFrench = createTranslator(siteProblemsInFrench, {
  others(name, value) {
    if (name === 'path') return pathInFrench(value);
    if (name === 'value') return values[value] ?? quotesInFrench(value);
    return quotesInFrench(value);
  },
});

export function sayProblem(message: string, language: Language): SaidText {
  return sayBy(inFrench, message, language);
}

/** Of what stands somewhere, what has a word of its own. */
const values: Record<string, string> = { nothing: 'rien', 'a list': 'une liste', 'a map': 'un dictionnaire' };

function quotesInFrench(text: string): string {
  return text.replaceAll(/“([^”]*)”/g, '« $1 »');
}

const nouns: Record<string, string> = {
  zone: 'la zone',
  image: 'l’image',
  guest: 'l’invité',
  disk: 'le disque',
  label: 'l’étiquette',
  file: 'le fichier',
  flow: 'le flux',
  subnet: 'le sous-réseau',
  publication: 'la publication',
  nic: 'la carte réseau',
  range: 'la plage',
  address: 'l’adresse',
  'SSH key': 'la clé SSH',
  dependency: 'la dépendance',
  package: 'le paquet',
  command: 'la commande',
  port: 'le port',
  'readiness check': 'le contrôle',
  word: 'le mot',
  processor: 'le processeur',
};

const step = new RegExp(String.raw`^(?:(?<noun>${Object.keys(nouns).join('|')}) (?<which>“[^”]*”|\d+)|(?<field>[\w./~@%+…-]+))(?: of |$)`);

/** `port 2 of service of guest “web”` → `le port 2 de service de l’invité « web »`. Undefined for what is no place in a site file. */
function pathInFrench(path: string): string | undefined {
  if (path === 'the site file') return 'le fichier de site';
  const steps: string[] = [];
  for (let rest = path; rest !== '';) {
    const found = step.exec(rest);
    const { noun, which = '', field } = found?.groups ?? {};
    const name = noun === undefined ? field : nouns[noun] && `${nouns[noun]} ${quotesInFrench(which)}`;
    if (!found || name === undefined) return undefined;
    steps.push(steps.length === 0 ? name : `de ${name}`.replace(/^de le /, 'du '));
    rest = rest.slice(found[0].length);
  }
  return steps.join(' ');
}
