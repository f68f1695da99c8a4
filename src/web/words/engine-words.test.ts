import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { engineInFrench } from './engine-french.ts';
import { sayInWords } from './engine-words.ts';
import { siteProblemsInFrench } from './site-problems-french.ts';

const root = join(import.meta.dirname, '../..');

/** All that is written in the sources of who speaks, the page’s own ones too, whatever is put in replaced by {}. */
function sources(): string {
  const folders = ['engine', 'plan', 'model', 'drivers', 'daemon', 'web'].map((folder) => join(root, folder));
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.tsx?$/.test(name) && !/\.test\.ts$|^words\//.test(name))
      .map((name) => join(folder, name)),
  );
  return files.map((file) => readFileSync(file, 'utf8')).join('\n');
}

/** What is fixed of a sentence, piece by piece. */
function pieces(sentence: string): string[] {
  return sentence
    .split(/\{\w+!?\}|[“”;:]/)
    .map((piece) => piece.trim())
    .filter((piece) => /\w{2}/.test(piece));
}

/** As it stands, or put together of two pieces that stand there. */
function stands(said: string, piece: string): boolean {
  if (said.includes(piece)) return true;
  const words = piece.split(' ');
  return words.some((_, at) => at > 1 && said.includes(words.slice(0, at).join(' ')) && said.includes(` ${words.slice(at).join(' ')}`));
}

test('the engine says what is translated here: what it does not say any more is taken out', () => {
  const said = sources();
  for (const table of [engineInFrench, siteProblemsInFrench])
    assert.deepEqual(
      table.flatMap(([english]) => pieces(english).filter((piece) => !stands(said, piece))),
      [],
    );
});

test('a sentence has the same variables in both languages, and stands there once', () => {
  const variables = (text: string) => (text.match(/\{\w+!?\}/g) ?? []).toSorted();
  for (const table of [engineInFrench, siteProblemsInFrench]) {
    for (const [english, french] of table) assert.deepEqual(variables(french), variables(english), english);
    const all = table.map(([english]) => english);
    assert.deepEqual(
      all.filter((english, at) => all.indexOf(english) !== at),
      [],
    );
  }
});

test('each is found again, with what varies in its place, and none is taken for another', () => {
  for (const [english, french] of engineInFrench) {
    const fill = (text: string) => text.replaceAll(/\{(\w+)!?\}/g, (_, name: string) => `<${name}>`);
    if (english.includes('!}')) continue;
    assert.deepEqual(sayInWords(fill(english), 'fr'), { text: fill(french), language: 'fr' }, english);
  }
});

test('sentences within sentences are said, names stay names, and what is not known stays English', () => {
  const said = (text: string) => sayInWords(text, 'fr');
  assert.deepEqual(said('crashed: QEMU ended without a word; it is started again in 10 s (try 1 of 5)'), {
    text: 'planté : QEMU s’est terminé sans un mot ; il est redémarré dans 10 s (essai 1 sur 5)',
    language: 'fr',
  });
  assert.equal(
    said('is not started: it requires database, which is stopped; it starts by itself once that is ready').text,
    'n’est pas démarré : il a besoin de database, qui est arrêté ; il démarre de lui-même dès que celui-ci est prêt',
  );
  assert.equal(
    said('guest web is not ready any more: TCP 80: connection refused').text,
    'l’invité web n’est plus prêt : TCP 80 : connexion refusée',
  );
  assert.equal(
    said('“University” does not answer: try again, or sign in with a password: 127.0.0.1:4 could not be asked: socket hang up').text,
    '« University » ne répond pas : réessayez, ou connectez-vous avec un mot de passe : 127.0.0.1:4 could not be asked : socket hang up',
  );
  assert.equal(
    said('user anna was changed: disabled; operator on zone:dmz, viewer on site').text,
    'l’utilisateur anna a été modifié : désactivé ; opérateur sur zone:dmz, lecteur sur site',
  );
  assert.equal(
    said('user anna was changed: operator on guest:web, viewer on guest:gaaaaaaaaaa (deleted)').text,
    'l’utilisateur anna a été modifié : opérateur sur guest:web, lecteur sur guest:gaaaaaaaaaa (supprimé)',
  );
  assert.equal(said('Start guest ready').text, 'Démarrer l’invité ready');
  assert.equal(
    said('Start guest web: guest web did not start: something odd').text,
    'Démarrer l’invité web : l’invité web n’a pas démarré : something odd',
  );
  assert.deepEqual(said('something that nobody has translated'), { text: 'something that nobody has translated', language: 'en' });
  assert.deepEqual(sayInWords('is paused', 'en'), { text: 'is paused', language: 'en' });
});
