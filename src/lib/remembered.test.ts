import assert from 'node:assert/strict';
import { test } from 'node:test';
import { remembered } from './remembered.ts';

test('each text is computed once, also when nothing comes of it, and the number of results is bounded', () => {
  const asked: string[] = [];
  const length = remembered(2, (text) => {
    asked.push(text);
    return text === '' ? undefined : text.length;
  });
  assert.deepEqual([length('a'), length(''), length('a'), length('')], [1, undefined, 1, undefined]);
  assert.deepEqual(asked, ['a', '']);
  assert.equal(length('bb'), 2);
  assert.equal(length('a'), 1);
  assert.deepEqual(asked, ['a', '', 'bb', 'a']);
});
