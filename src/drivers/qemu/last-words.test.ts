import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lastWords } from './last-words.ts';

test('the last message is told with its hints and without time, program and option', () => {
  const said = `2026-01-02T03:04:05.678901Z qemu-system-x86_64: warning: host doesn't support requested feature
2026-01-02T03:04:05.678901Z qemu-system-x86_64: -device {"driver":"virtio-blk-pci","a":{"b":1}}: Failed to get "write" lock
Is another process using the image [/guests/x/root.qcow2]?
`;
  assert.equal(lastWords(said), 'Failed to get "write" lock; Is another process using the image [/guests/x/root.qcow2]?');
  assert.equal(lastWords('qemu: could not open kernel file\n'), 'could not open kernel file');
});

test('what is not in QEMU’s form is told as it is, what is too long is cut, and silence is nothing', () => {
  assert.equal(lastWords('Segmentation fault\n'), 'Segmentation fault');
  assert.equal(lastWords('x'.repeat(2000)).length, 501);
  assert.equal(lastWords(' \n'), '');
});
