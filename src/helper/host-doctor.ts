// Examining the host: the program's own doctor, in the host's own network, as the daemon's user and never as root. So the few checks that try something
// as root say that they were not made: whoever is root runs the doctor by hand.
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { CaissonError } from '../lib/errors.ts';

const limitMs = 100_000;

/** What it says is passed on as it is; the daemon reads it. */
export async function examineHost(
  [program, ...args]: [string, ...string[]],
  dataDirectory: string,
  netns: string | undefined,
  signal: AbortSignal,
): Promise<{ said: unknown }> {
  const child = spawn(
    program,
    [...args, 'doctor', '--output', 'json', '--data', dataDirectory, ...(netns === undefined ? [] : ['--netns', netns])],
    {
      cwd: '/',
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8', HOME: '/nonexistent' },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: AbortSignal.any([signal, AbortSignal.timeout(limitMs)]),
    },
  );
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.on('error', (cause) =>
    reject(
      cause.name === 'AbortError'
        ? new CaissonError(
            signal.aborted ? 'cancelled' : 'timeout',
            signal.aborted ? 'the examination was cancelled' : 'the doctor did not end in time',
          )
        : new CaissonError('missing', 'the doctor cannot be run', { cause }),
    ),
  );
  child.on('close', resolve);
  const [said, complaint, code] = await Promise.all([text(child.stdout), text(child.stderr), promise]);
  try {
    return { said: JSON.parse(said) as unknown };
  } catch (cause) {
    throw new CaissonError('failed', `the doctor ended with ${code} and without a result: ${complaint.trim().slice(-500)}`, { cause });
  }
}
