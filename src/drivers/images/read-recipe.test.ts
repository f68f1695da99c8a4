import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CaissonError } from '../../lib/errors.ts';
import { parseRecipe } from './read-recipe.ts';

const good = {
  recipe: 'debian',
  suite: 'trixie',
  packages: ['nginx', 'bash'],
  files: { '/etc/motd': { text: 'hi', mode: '0644' } },
  run: ['true'],
  sizeMib: 1024,
};

test('a recipe is read, its packages sorted', () => {
  assert.deepEqual(parseRecipe(good), { ...good, packages: ['bash', 'nginx'] });
});

const bad: [string, Record<string, unknown>][] = [
  ['an unknown field', { extra: 1 }],
  ['another recipe', { recipe: 'alpine' }],
  ['another suite', { suite: 'sid' }],
  ['an option in place of a package', { packages: ['--variant=apt'] }],
  ['a package with a comma', { packages: ['a,b'] }],
  ['a path in place of a package', { packages: ['./evil.deb'] }],
  ['a relative path', { files: { 'etc/motd': { text: '', mode: '0644' } } }],
  ['a path that climbs', { files: { '/etc/../../motd': { text: '', mode: '0644' } } }],
  ['a path with a line break', { files: { '/etc/mo\ntd': { text: '', mode: '0644' } } }],
  ['a file with two contents', { files: { '/etc/motd': { text: '', base64: '', mode: '0644' } } }],
  ['a mode that is none', { files: { '/etc/motd': { text: '', mode: 'u+x' } } }],
  ['an unknown field of a file', { files: { '/etc/motd': { text: '', mode: '0644', owner: 'root' } } }],
  ['a size that holds no system', { sizeMib: 100 }],
  ['commands that are no list', { run: 'true' }],
];

for (const [what, change] of bad) {
  test(`a recipe is refused for ${what}`, () => {
    assert.throws(
      () => parseRecipe({ ...good, ...change }),
      (error: unknown) => error instanceof CaissonError && error.code === 'invalid',
    );
  });
}
