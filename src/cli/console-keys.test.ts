import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConsoleKeys } from './console-keys.ts';

function typing(...pieces: string[]): { sent: string; left: boolean } {
  const keys = new ConsoleKeys();
  let sent = '';
  for (const piece of pieces) {
    const { send, leave } = keys.read(Buffer.from(piece));
    sent += send.toString();
    if (leave) return { sent, left: true };
  }
  return { sent, left: false };
}

test('every key goes to the guest, Ctrl-C too', () => {
  assert.deepEqual(typing('ls\r', '\u0003', 'q', 'é'), { sent: 'ls\r\u0003qé', left: false });
});

test('Ctrl-] q leaves, also when it comes in two pieces', () => {
  assert.deepEqual(typing('ls\u001dqrm\r'), { sent: 'ls', left: true });
  assert.deepEqual(typing('ls', '\u001d', 'q'), { sent: 'ls', left: true });
});

test('Ctrl-] twice sends one, and before another key it is sent with that', () => {
  assert.deepEqual(typing('\u001d\u001dq'), { sent: '\u001dq', left: false });
  assert.deepEqual(typing('\u001d', 'x'), { sent: '\u001dx', left: false });
});
