import assert from 'node:assert/strict';
import { runInNewContext } from 'node:vm';
import { test } from 'node:test';
import { oneByte } from './one-byte.ts';

test('a program says the same, in one byte a character', () => {
  const code = '[`a “${1}” — 𝄞`, "ä’", /[“”]/.test("x”")]';
  const escaped = oneByte(code);
  assert.doesNotMatch(escaped, /[^\0-\xff]/);
  assert.equal(JSON.stringify(runInNewContext(escaped)), JSON.stringify(runInNewContext(code)));
});

test('where an escape would be read as it stands it is refused', () => {
  assert.throws(() => oneByte('String.raw`a”`'), /String\.raw/);
});
