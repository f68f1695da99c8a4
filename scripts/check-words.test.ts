import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findForbiddenWords } from './check-words.ts';

for (const line of [
  'see /work/main',
  'http://deb.debian.org/debian',
  'https://registry.npmjs.org/x',
  '// TODO: later',
  '// FIXME',
  '<<<<<<< HEAD',
]) {
  test(`"${line}" is found with its place`, () => {
    assert.match(findForbiddenWords('src/lib/a.ts', `const a = 1;\n${line}\n`).join('\n'), /^src\/lib\/a\.ts:2: /);
  });
}

for (const line of ['src/network/work/a', '// TODO(#12): later', 'the homework/ folder', 'www.debian.org']) {
  test(`"${line}" is allowed`, () => {
    assert.deepEqual(findForbiddenWords('src/lib/a.ts', line), []);
  });
}
