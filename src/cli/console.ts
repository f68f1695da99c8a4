// The serial console of a guest on this terminal. Whatever the guest says, and however this ends, the terminal is usable afterwards.
import type { Duplex } from 'node:stream';
import { pathOf } from '../api/client.ts';
import { endpoints } from '../api/endpoints.ts';
import type { Connection } from './connection.ts';
import { ConsoleKeys } from './console-keys.ts';
import { Ended } from './failure.ts';
import type { Io } from './io.ts';

/** Without a terminal: how long the guest is silent after the end of the input before the console is left. */
const silenceMs = 1000;

/** A terminal answers at once; one at the other end of a long line a little later. */
const answersMs = 150;

/** Undoes what a guest's program, or a hostile guest, switched on; what is on the screen stays. */
const resetTerminal = [
  '\u001b[?1049l\u001b[?47l', // back from the alternate screen
  '\u001b[!p\u001b[0m\u001b(B\u000f', // soft reset; colours; character set
  '\u001b7\u001b[r\u001b8\u001b[4l\u001b[20l\u001b[?7h', // scroll region (keeping the cursor), insert, newline, wrap
  '\u001b[?25h\u001b[?1l\u001b>', // cursor shown; keypad
  '\u001b[?9l\u001b[?1000l\u001b[?1002l\u001b[?1003l\u001b[?1004l\u001b[?1005l\u001b[?1006l\u001b[?1015l\u001b[?2004l', // mouse, focus, paste
  '\u001b]112\u0007\u001b[0 q', // cursor's colour and shape
].join('');

export async function openConsole(io: Io, { transport }: Connection, guest: string, history: number): Promise<void> {
  const stream = await transport.openWebSocket(pathOf(endpoints.guestConsole, { guest }, { history }));
  if (!io.stdin.isTTY) return pipe(io, stream);
  io.stderr.write(`console of ${guest}: leave with Ctrl-] and then q\n`);
  io.stdin.setRawMode?.(true);
  const { promise, resolve, reject } = Promise.withResolvers<'left' | 'closed' | 'killed'>();
  const stop = io.onInterrupt(() => resolve('killed'));
  const keys = new ConsoleKeys();
  io.stdin.on('data', (chunk) => {
    const { send, leave } = keys.read(chunk);
    if (send.length > 0 && !stream.destroyed) stream.write(send);
    if (leave) resolve('left');
  });
  io.stdin.on('end', () => resolve('left'));
  show(io, stream);
  stream.on('close', () => resolve('closed'));
  stream.on('error', reject);
  let how: 'left' | 'closed' | 'killed';
  try {
    how = await promise;
  } finally {
    stop();
    stream.on('error', () => {}); // what fails now fails behind the back
    stream.destroy();
    if (io.stdout.isTTY) io.stdout.write(`${resetTerminal}\n`);
    await swallowAnswers();
    io.stdin.setRawMode?.(false);
    io.stdin.pause();
  }
  if (how === 'closed') io.stderr.write(`the console of ${guest} was closed: the guest has ended\n`);
  if (how === 'killed') throw new Ended(1);
}

/**
 * A guest can ask the terminal something (its size, its title) just before the end. The answer comes as if it had been typed: it must
 * not be left for the shell. It is read here, and goes nowhere.
 */
async function swallowAnswers(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, answersMs));
}

/** For scripts: standard input to the guest, what it says to standard output. */
async function pipe(io: Io, stream: Duplex): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let silence: NodeJS.Timeout | undefined;
  const listen = () => {
    clearTimeout(silence);
    silence = setTimeout(resolve, silenceMs);
  };
  const stop = io.onInterrupt(resolve);
  io.stdin.on('data', (chunk) => {
    if (stream.destroyed || stream.write(chunk)) return;
    io.stdin.pause();
    stream.once('drain', () => io.stdin.resume());
  });
  io.stdin.on('end', listen);
  show(io, stream, () => silence && listen());
  stream.on('close', resolve);
  stream.on('error', reject);
  try {
    await promise;
  } finally {
    stop();
    clearTimeout(silence);
    stream.on('error', () => {});
    stream.destroy();
    io.stdin.pause();
  }
}

function show(io: Io, stream: Duplex, onData?: () => void): void {
  stream.on('data', (chunk: Buffer) => {
    onData?.();
    if (io.stdout.write(chunk)) return;
    stream.pause();
    io.stdout.once('drain', () => stream.resume());
  });
}
