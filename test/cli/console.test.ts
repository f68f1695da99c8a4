// Leaving a guest's console: whatever the guest did to the terminal is undone, and what it made the terminal say goes to nobody.
import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import type { NodeTransport } from '../../src/api/node-transport.ts';
import { openConsole } from '../../src/cli/console.ts';
import type { Connection } from '../../src/cli/connection.ts';
import { Terminal } from './terminal.ts';

/** A console whose guest says `words`; what is typed is kept. */
function guestThat(says: string): { connection: Connection; typed: string[] } {
  const typed: string[] = [];
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      typed.push(chunk.toString());
      done();
    },
  });
  stream.push(says);
  const transport = { openWebSocket: () => Promise.resolve(stream) } as unknown as NodeTransport;
  return { connection: { transport } as Connection, typed };
}

test('what a guest makes the terminal answer reaches neither the guest after leaving, nor the shell', async () => {
  const terminal = new Terminal({ size: { columns: 80, rows: 25 } });
  const { connection, typed } = guestThat('\u001b[6n\u001b[21t\u001b[?1049h\u001b[31m');
  const read: boolean[] = [];
  terminal.stdin.on('data', () => read.push(terminal.stdin.rawModes.at(-1) === true));
  const console = openConsole(terminal, connection, 'web', 0);
  await new Promise(setImmediate);
  terminal.stdin.emit('data', Buffer.from('ls\r'));
  terminal.stdin.emit('data', Buffer.from('\u001dq'));
  // The answer arrives after leaving: it is still read here, with the terminal not yet given back.
  await new Promise(setImmediate);
  terminal.stdin.emit('data', Buffer.from('\u001b[12;40R'));
  await console;
  assert.deepEqual(typed, ['ls\r']);
  assert.deepEqual(read, [true, true, true]);
  assert.deepEqual(terminal.stdin.rawModes, [true, false]);
  const last = terminal.written.at(-1)?.text ?? '';
  for (const undone of ['\u001b[?1049l', '\u001b[0m', '\u001b[?25h', '\u001b[?2004l'])
    assert.ok(last.includes(undone), JSON.stringify(undone));
});
