import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admit } from './admission.ts';

const asked = { name: 'web', memoryMib: 1848, overheadMib: 200 };

test('a guest that fits exactly is admitted', () => {
  assert.deepEqual(admit({ totalMib: 4096, reserveMib: 1024, promised: [{ name: 'db', memoryMib: 900, overheadMib: 124 }], asked }), {
    kind: 'admitted',
    freeMib: 2048,
  });
});

test('a guest that is one MiB too large is refused with the arithmetic', () => {
  const answer = admit({ totalMib: 24_576, reserveMib: 1024, promised: [{ name: 'db', memoryMib: 21_000, overheadMib: 505 }], asked });
  assert.equal(answer.kind, 'refused');
  assert.equal(
    answer.kind === 'refused' && answer.message,
    'needs 2,048 MiB (1,848 + 200 for QEMU), 2,047 free (24,576 − 1,024 reserve − 21,505 promised)',
  );
});

test('a host that has promised more than it has says zero free, not less', () => {
  const answer = admit({ totalMib: 1024, reserveMib: 1024, promised: [{ name: 'db', memoryMib: 512, overheadMib: 0 }], asked });
  assert.match(answer.kind === 'refused' ? answer.message : '', / 0 free /);
});
