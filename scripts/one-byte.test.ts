import assert from 'node:assert/strict';
import { runInNewContext } from 'node:vm';
import { test } from 'node:test';
import { oneByte } from './one-byte.ts';

test('a program says the same, in one byte a character', () => {
  const code = '[`a “${1}” — 𝄞`, "ä’é", /[“”à]/.test("x”"), /^\\p{L}ß$/u.test("éß")]';
  const escaped = oneByte(code);
  assert.doesNotMatch(escaped, /[^\0-\x7f]/);
  assert.equal(JSON.stringify(runInNewContext(escaped)), JSON.stringify(runInNewContext(code)));
});

test('where an escape would be read as it stands it is refused', () => {
  assert.throws(() => oneByte('String.raw`a”`'), /String\.raw/);
});
