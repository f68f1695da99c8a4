// The serial console of a guest on this terminal: every key goes to the guest, but for the one that leaves (Ctrl-] q).
import { pathOf } from '../api/client.ts';
import { endpoints } from '../api/endpoints.ts';
import type { Connection } from './connection.ts';

const leaveKey = 0x1d; // Ctrl-]

export async function openConsole({ transport }: Connection, guest: string, history: number): Promise<void> {
  const stream = await transport.openWebSocket(pathOf(endpoints.guestConsole, { guest }, { history }));
  const { stdin, stdout, stderr } = process;
  const interactive = stdin.isTTY === true;
  if (interactive) {
    stderr.write(`console of ${guest}: leave with Ctrl-] and then q\r\n`);
    stdin.setRawMode(true);
  }
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let leaving = false;
  stdin.on('data', (chunk: Buffer) => {
    const keys: number[] = [];
    for (const key of interactive ? chunk : []) {
      if (leaving && (key === 0x71 || key === 0x2e)) return resolve();
      // Ctrl-] twice sends one to the guest.
      if (key === leaveKey && !leaving) leaving = true;
      else {
        leaving = false;
        keys.push(key);
      }
    }
    stream.write(interactive ? Buffer.from(keys) : chunk);
  });
  // Piped input ends the session a moment after its end, so that the guest's answer is still seen.
  if (!interactive) stdin.on('end', () => setTimeout(resolve, 1000));
  stream.on('data', (chunk: Buffer) => {
    if (!stdout.write(chunk)) {
      stream.pause();
      stdout.once('drain', () => stream.resume());
    }
  });
  stream.on('end', resolve);
  stream.on('close', resolve);
  stream.on('error', reject);
  try {
    await promise;
  } finally {
    stream.destroy();
    if (interactive) {
      stdin.setRawMode(false);
      // What the guest's programs switched on must not stay: colours, alternate screen, hidden cursor.
      stdout.write('\u001b[0m\u001b[?1049l\u001b[?25h\r\n');
    }
    stdin.pause();
  }
}
