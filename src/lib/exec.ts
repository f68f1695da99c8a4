// Running a program: an argument vector (never a shell line), bounded time and output, a clear error.
import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { CaissonError } from './errors.ts';

export interface RunOptions {
  /** Killed with SIGKILL after this many milliseconds; default 30,000. */
  timeoutMs?: number;
  signal?: AbortSignal;
  cwd?: string;
  env?: Record<string, string>;
  /** A file descriptor given as standard input; nothing otherwise. */
  stdin?: number;
  /** Text that the program reads from its standard input, a pipe (`nft` refuses those: give it a file). */
  input?: string;
  /** Exit codes that are an answer, not a failure; default [0]. */
  okCodes?: readonly number[];
  /** At most this many bytes of each output are kept (the first ones); default 16 MiB. */
  maxOutputBytes?: number;
  uid?: number;
  gid?: number;
  /** Told the process id as soon as there is one. */
  onSpawn?: (pid: number) => void;
}

export interface RunResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** What programs are given of an environment: the same wherever we were started, and words that can be compared. */
export const programEnv = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' };

/**
 * Runs `argv` to its end. Throws `missing` when the program is not there, `timeout`, `cancelled`, or `failed` with the
 * last lines of what it said.
 */
export function run(argv: readonly [string, ...string[]], options: RunOptions = {}): Promise<RunResult> {
  const { promise, resolve, reject } = Promise.withResolvers<RunResult>();
  const [program, ...args] = argv;
  const child = spawn(program, args, {
    stdio: [options.input === undefined ? (options.stdin ?? 'ignore') : 'pipe', 'pipe', 'pipe'],
    cwd: options.cwd,
    env: { ...programEnv, ...options.env },
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
  });
  if (child.pid !== undefined) options.onSpawn?.(child.pid);
  // A program that ends before it has read everything is judged by its exit code.
  child.stdin?.on('error', () => undefined).end(options.input);
  const max = options.maxOutputBytes ?? 16 * 1024 * 1024;
  const stdout = collect(child.stdout as Readable, max);
  const stderr = collect(child.stderr as Readable, max);
  let ending: CaissonError | undefined;
  const end = (error: CaissonError) => {
    ending ??= error;
    child.kill('SIGKILL');
  };
  const timeoutMs = options.timeoutMs ?? 30_000;
  const timer = setTimeout(() => end(new CaissonError('timeout', `${program} took longer than ${timeoutMs} ms`)), timeoutMs);
  const abort = () => end(new CaissonError('cancelled', `${program} was cancelled`, { cause: options.signal?.reason }));
  if (options.signal?.aborted) abort();
  options.signal?.addEventListener('abort', abort, { once: true });
  const settle = () => {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', abort);
  };
  child.on('error', (cause) => {
    settle();
    const code = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'missing' : 'failed';
    reject(new CaissonError(code, `${program} cannot be run${code === 'missing' ? ': it is not installed' : ''}`, { cause }));
  });
  child.on('close', (code, signalName) => {
    settle();
    if (ending) return reject(ending);
    try {
      resolve(judgeRun(argv, { code, signal: signalName, stdout: stdout(), stderr: stderr() }, options.okCodes));
    } catch (error) {
      reject(error);
    }
  });
  return promise;
}

/** What came of a program. Throws `failed` when its exit code is none of `okCodes`, and `missing` when a shell has not found it. */
export function judgeRun(
  argv: readonly [string, ...string[]],
  { code, signal, stdout, stderr }: { code: number | null; signal: string | null; stdout: string; stderr: string },
  okCodes: readonly number[] = [0],
): RunResult {
  if (code !== null && okCodes.includes(code)) return { code, stdout, stderr };
  const [program] = argv;
  if (code === 127 && stderr.trim().endsWith(`${program}: not found`))
    throw new CaissonError('missing', `${program} cannot be run: it is not installed`);
  // The last two lines: some say the reason first and the place after it.
  const said = (stderr.trim() || stdout.trim()).split('\n').slice(-2).join(' ').slice(-400);
  throw new CaissonError('failed', `${program} failed (${signal ?? `exit ${code}`})${said ? `: ${said}` : ''}`, {
    details: { argv, code, signal, stderr: stderr.slice(-4000) },
  });
}

function collect(stream: Readable, max: number): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    if (size < max) chunks.push(size + chunk.length > max ? chunk.subarray(0, max - size) : chunk);
    size += chunk.length;
  });
  return () => Buffer.concat(chunks).toString('utf8');
}
