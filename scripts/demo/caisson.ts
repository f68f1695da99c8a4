// Runs bin/caisson on the demo's data directory: the demo uses nothing that a user could not type.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { CaissonError } from '../../src/lib/errors.ts';
import { projectRoot } from '../project.ts';
import { demo } from './place.ts';

const program = join(projectRoot, 'bin/caisson');

/** Runs a command whose words are for people: they go where `output` says. Throws when it fails, quoting nothing: it was seen. */
export async function tell(args: readonly string[], options: { output: 1 | 2; signal?: AbortSignal }): Promise<void> {
  // A session of its own: Ctrl-C is for the demo to handle.
  const child = spawn(program, withData(args), { cwd: projectRoot, stdio: ['ignore', options.output, options.output], detached: true });
  await ended(child, args, options.signal, '');
}

/** Runs a command with `-o json` and returns what it said. `okCodes`: exit codes that come with an answer; `progress`: where it tells how it goes on. */
export async function ask<T>(
  args: readonly string[],
  options: { signal?: AbortSignal; okCodes?: readonly number[]; progress?: 1 | 2 } = {},
): Promise<T> {
  const argv = withData([...args, '-o', 'json']);
  const child = spawn(program, argv, { cwd: projectRoot, stdio: ['ignore', 'pipe', options.progress ?? 'pipe'], detached: true });
  const [stdout, stderr] = [text(child.stdout as Readable), child.stderr ? text(child.stderr) : ''];
  await ended(child, args, options.signal, stderr, options.okCodes);
  return JSON.parse(await stdout) as T;
}

function withData(args: readonly string[]): string[] {
  return [...args, '--data', demo.dataDirectory];
}

async function ended(
  child: ChildProcess,
  args: readonly string[],
  signal: AbortSignal | undefined,
  said: Promise<string> | string,
  okCodes: readonly number[] = [0],
): Promise<void> {
  const abort = () => child.kill('SIGTERM');
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  const [code, killed] = (await once(child, 'close')) as [number | null, string | null];
  signal?.removeEventListener('abort', abort);
  if (signal?.aborted) throw new CaissonError('cancelled', 'the demo was told to leave');
  if (code !== null && okCodes.includes(code)) return;
  const reason = (await said).trim();
  throw new CaissonError(
    'failed',
    `caisson ${args.join(' ')} ended with ${killed ?? `exit code ${code}`}${reason === '' ? '' : `: ${reason}`}`,
  );
}
