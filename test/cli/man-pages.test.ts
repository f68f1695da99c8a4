// The manual pages: one for each first word, complete, and without a complaint of those who read them.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { nouns } from '../../src/cli/nouns.ts';

const root = join(import.meta.dirname, '../..');
const pages = readdirSync(join(root, 'man')).toSorted();

test('there is a page for each first word, and the package has them all', () => {
  assert.deepEqual(pages, ['caisson.1', ...nouns.map(({ name }) => `caisson-${name}.1`)].toSorted());
  const { directories, files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    directories: { man: string };
    files: string[];
  };
  assert.equal(directories.man, 'man', 'npm makes its field “man” of what lies there');
  assert.ok(files.includes('man'));
});

test('mandoc finds nothing to complain of', () => {
  for (const page of pages) {
    const { status, stdout, stderr } = spawnSync('mandoc', ['-T', 'lint', '-W', 'style', join(root, 'man', page)], { encoding: 'utf8' });
    assert.equal(status, 0, `${page}: ${stdout}${stderr}`);
  }
});

test('what stands in a page is what the command says of itself', () => {
  const text = execFileSync('mandoc', ['-T', 'utf8', join(root, 'man/caisson-guest.1')], { encoding: 'utf8' }).replaceAll(/.\u0008/g, '');
  for (const words of ['caisson guest shutdown', '--with-dependents', 'Ctrl-] q       leave the console', 'Ctrl-C while waiting'])
    assert.ok(text.includes(words), `${words} is missing in\n${text}`);
});
