// Image work that needs the host's own network, which the daemon in the guests' network does not have. Both run as the daemon's
// user, never as root: files are theirs alone.
import { spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { CaissonError } from '../lib/errors.ts';
import { run } from '../lib/exec.ts';
import { readJsonLines } from '../lib/json-lines.ts';
import type { HelperArgs } from '../model/helper-protocol.ts';
import type { VerbContext } from './channel.ts';
import type { SystemUser } from './system-user.ts';

const fetchTimeoutMs = 2 * 60 * 60 * 1000;

/** Where all data directories keep what is the same for all. The builder works and keeps Debian packages here. */
export const cacheFolder = '/var/cache/caisson';
export const imageCache = `${cacheFolder}/images`;

/** Runs the builder and relays what it says, one JSON object a line: progress, at the end `{result}`. */
export async function buildImage(
  args: HelperArgs<'imageBuild'>,
  context: VerbContext,
  builder: [string, ...string[]],
): Promise<{ result: unknown }> {
  const [program, ...rest] = builder;
  const places = [
    '--work',
    `${cacheFolder}/work`,
    '--packages',
    `${cacheFolder}/packages`,
    ...(args.manifestPath ? ['--manifest', args.manifestPath] : []),
  ];
  const child = spawn(program, [...rest, args.recipePath, args.outPath, ...places], {
    cwd: '/',
    detached: true,
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let result: { value: unknown } | undefined;
  let failure: CaissonError | undefined;
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString('utf8')).slice(-4000)));
  readJsonLines(child.stdout, {
    maxBytes: 4 * 1024 * 1024,
    onValue: (value) => {
      if (typeof value !== 'object' || value === null) return;
      if (Object.hasOwn(value, 'result')) result = { value: (value as { result: unknown }).result };
      else context.progress(value as Record<string, unknown>);
    },
    onBad: (error) => (failure ??= new CaissonError('failed', `the image builder said something that is not JSON`, { cause: error })),
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = () => {
    // The builder starts programs of its own: all of its process group end with it.
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
    failure = new CaissonError('cancelled', 'the image build was cancelled');
  };
  context.signal.addEventListener('abort', abort, { once: true });
  child.on('error', (cause) => reject(new CaissonError('missing', 'the image builder cannot be run', { cause })));
  child.on('close', (code, signal) => {
    const last = said.trim().split('\n').at(-1);
    if (failure) reject(failure);
    else if (code === 0 && result) resolve();
    else
      reject(
        new CaissonError('failed', `the image builder ended without a result (${signal ?? `exit ${code}`})${last ? `: ${last}` : ''}`, {
          details: { said },
        }),
      );
  });
  await promise.finally(() => context.signal.removeEventListener('abort', abort));
  return { result: result?.value };
}

/** Fetches into a file beside, compares the digest, then renames: what has the name is complete. */
export async function fetchImage(args: HelperArgs<'imageFetch'>, context: VerbContext, user: SystemUser): Promise<{ sizeBytes: number }> {
  const part = `${args.outPath}.part`;
  const as = { uid: user.userId, gid: user.groupId, signal: context.signal };
  const timer = setInterval(() => {
    stat(part).then(
      ({ size }) => context.progress({ bytes: size }),
      () => undefined,
    );
  }, 1000);
  try {
    const curl = [
      '--fail',
      '--silent',
      '--show-error',
      '--location',
      '--max-redirs',
      '5',
      '--proto',
      '=http,https',
      '--connect-timeout',
      '20',
    ];
    await run(['curl', ...curl, '--speed-limit', '1000', '--speed-time', '60', '--output', part, '--', args.url], {
      ...as,
      timeoutMs: fetchTimeoutMs,
    });
    const { stdout } = await run(['sha256sum', '--binary', part], { ...as, timeoutMs: fetchTimeoutMs });
    const got = stdout.replace(/^\\/, '').slice(0, 64);
    if (got !== args.sha256) {
      throw new CaissonError(
        'failed',
        `${args.url} has the SHA-256 ${got}, not ${args.sha256}: it was changed, or the digest is of another file`,
      );
    }
    const { size } = await stat(part);
    await run(['mv', '--no-target-directory', '--', part, args.outPath], as);
    return { sizeBytes: size };
  } finally {
    clearInterval(timer);
    await run(['rm', '-f', '--', part], { uid: user.userId, gid: user.groupId });
  }
}
