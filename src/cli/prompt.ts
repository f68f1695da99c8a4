// Questions at a terminal: a line that is seen, or one that is not; elsewhere, what comes through standard input.
import { StringDecoder } from 'node:string_decoder';
import { CaissonError } from '../lib/errors.ts';
import { Ended, exitCodes } from './failure.ts';
import type { Io } from './io.ts';

const mostChars = 4096;

/** What is typed until Enter; edited as the terminal does it. */
export async function askLine(io: Io, question: string): Promise<string> {
  io.stderr.write(question);
  const { promise, resolve } = Promise.withResolvers<string>();
  let typed = '';
  const decoder = new StringDecoder('utf8');
  io.stdin.on('data', (chunk) => {
    typed += decoder.write(chunk);
    if (typed.includes('\n') || typed.length > mostChars) resolve(typed);
  });
  io.stdin.on('end', () => resolve(typed));
  io.stdin.resume();
  const answer = await promise;
  io.stdin.pause();
  return (answer.split('\n', 1)[0] ?? '').trim();
}

/** The same, and nothing is shown. Ctrl-C ends the program. */
export async function askSecret(io: Io, question: string): Promise<string> {
  io.stderr.write(question);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const decoder = new StringDecoder('utf8');
  let typed: string[] = [];
  let isOver = false;
  const end = (settle: () => void) => {
    isOver = true;
    settle();
  };
  const take = (key: string) => {
    switch (key) {
      case '\r':
      case '\n':
        return end(() => resolve(typed.join('')));
      case '\u0003':
        return end(() => reject(new Ended(exitCodes.interrupted)));
      case '\u0004':
        return typed.length === 0 ? end(() => reject(new CaissonError('cancelled', 'nothing was typed'))) : undefined;
      case '\u007f':
      case '\b':
        typed.pop();
        return undefined;
      case '\u0015':
        typed = [];
        return undefined;
      default:
        if (key >= ' ' && typed.length < mostChars) typed.push(key);
    }
  };
  io.stdin.on('data', (chunk) => {
    for (const key of Array.from(decoder.write(chunk))) if (!isOver) take(key);
  });
  io.stdin.on('end', () => end(() => resolve(typed.join(''))));
  io.stdin.setRawMode?.(true);
  io.stdin.resume();
  try {
    return await promise;
  } finally {
    io.stdin.setRawMode?.(false);
    io.stdin.pause();
    io.stderr.write('\n');
  }
}

/** The first line of standard input. */
export async function readSecretLine(io: Io): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const chunks: Buffer[] = [];
  io.stdin.on('data', (chunk) => chunks.push(chunk));
  io.stdin.on('end', () => resolve());
  io.stdin.resume();
  await promise;
  return (Buffer.concat(chunks).toString('utf8').split('\n', 1)[0] ?? '').replace(/\r$/, '');
}

/** A password: from standard input where that was asked for, else from the terminal; a new one is typed twice. */
export async function readPassword(
  io: Io,
  { fromStdin, isNew, of }: { fromStdin?: boolean | undefined; isNew?: boolean; of: string },
): Promise<string> {
  if (fromStdin) return readSecretLine(io);
  if (!io.stdin.isTTY)
    throw new CaissonError('invalid', `nobody can be asked for the password of ${of} here: give it with --password-stdin`);
  const password = await askSecret(io, `${isNew ? 'New password' : 'Password'} of ${of}: `);
  if (isNew && (await askSecret(io, 'Once more: ')) !== password)
    throw new CaissonError('invalid', 'the two are not the same; nothing was changed');
  return password;
}
