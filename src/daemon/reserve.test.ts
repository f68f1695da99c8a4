import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reserveMib } from './reserve.ts';

test('small hosts keep a quarter, usual ones a tenth, large ones 8 GiB', () => {
  assert.deepEqual([2048, 4096, 24_576, 1_048_576].map(reserveMib), [512, 1024, 2457, 8192]);
});
