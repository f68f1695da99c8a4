import assert from 'node:assert/strict';
import { test } from 'node:test';
import { badSites } from '../../../test/bad-input/bad-sites.ts';
import { sayProblem } from './site-problems.ts';

const messages = [...new Set(badSites.flatMap(({ problems }) => problems.map((line) => line.replace(/^\d+:\d+: /, ''))))];

test('whatever is said of the site files known to be bad is said in French', () => {
  assert.deepEqual(
    messages.filter((message) => sayProblem(message, 'fr').language !== 'fr'),
    [],
  );
});

test('nothing of it is left in English, but for what stands in the file', () => {
  const english = /(?<!\p{L})(?:the|is|are|of|not|with|which|its|and|expected|guest|nothing|cannot|or|such|as|for|an)(?!\p{L})/u;
  const inQuotes = /« [^»]* »|\{[^}]*\}|\[[^\]]*\]|\(its fields[^)]*\)/g;
  assert.deepEqual(
    messages
      .map((message) => sayProblem(message, 'fr').text)
      .filter((text) => english.test(text.replaceAll(inQuotes, '')) && !text.startsWith('ce n’est pas du YAML')),
    [],
  );
});

test('places are said as one says them, and what is no place is no such sentence', () => {
  const said = (message: string) => sayProblem(message, 'fr').text;
  assert.equal(
    said(
      'memory of guest “web”: “512MB” is not a memory size: a whole number with MiB, GiB or TiB is expected, for example 512MiB; did you mean “512MiB”?',
    ),
    'memory de l’invité « web » : « 512MB » n’est pas une taille de mémoire : il faut un nombre entier avec MiB, GiB ou TiB, par exemple 512MiB ; vouliez-vous dire « 512MiB » ?',
  );
  assert.equal(said('port 2 of flow 1: a text is expected, not nothing'), 'le port 2 du flux 1 : il faut un texte, et non rien');
  assert.equal(
    said('the site file has no field “guest”; did you mean “guests”?'),
    'le fichier de site n’a pas de champ « guest » ; vouliez-vous dire « guests » ?',
  );
  assert.deepEqual(sayProblem('this and that: a text is expected', 'fr'), { text: 'this and that: a text is expected', language: 'en' });
});
