import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startsAtOnce } from './start-capacity.ts';

test('boots at once follow the processors, fewer where they are emulated', () => {
  assert.equal(startsAtOnce({ cpus: 2, accelerator: 'tcg' }), 4);
  assert.equal(startsAtOnce({ cpus: 16, accelerator: 'kvm' }), 64);
  assert.equal(startsAtOnce({ cpus: 0, accelerator: 'tcg' }), 2);
});
