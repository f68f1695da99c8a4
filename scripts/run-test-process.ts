// Runs test files in one process of their own and tells what became of each test. A process that dies or hangs is a
// failure too.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectRoot } from './project.ts';
import type { TestEnd } from './test-events.ts';

export interface TestProcessOptions {
  files: readonly string[];
  limitMs: number;
  testLimitMs: number;
  env: Record<string, string>;
  /** Only tests whose name matches. */
  namePattern?: string | undefined;
  onEnd: (end: TestEnd) => void;
  signal: AbortSignal;
}

export async function runTestProcess(options: TestProcessOptions): Promise<void> {
  const { files, onEnd } = options;
  const startedAt = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'caisson-test-'));
  const logPath = join(folder, 'output');
  const log = openSync(logPath, 'w');
  const args = [
    '--test',
    '--test-isolation=none',
    '--test-force-exit',
    `--test-timeout=${options.testLimitMs}`,
    '--no-warnings=ExperimentalWarning',
  ];
  if (options.namePattern !== undefined) args.push(`--test-name-pattern=${options.namePattern}`);
  args.push(`--test-reporter=${join(projectRoot, 'scripts/test-events.ts')}`, '--test-reporter-destination=stdout', ...files);
  // A process group of its own: what a test left running in it is ended with it.
  const child = spawn(process.execPath, args, {
    cwd: projectRoot,
    stdio: ['ignore', log, log, 'pipe'],
    env: { ...process.env, ...options.env },
    detached: true,
  });
  closeSync(log);
  let ending: string | undefined;
  const kill = (why: string) => {
    ending ??= why;
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-child.pid, 'SIGKILL');
  };
  const limit = setTimeout(() => kill(`not over after ${Math.round(options.limitMs / 1000)} s: killed`), options.limitMs);
  const abort = () => kill('stopped');
  options.signal.addEventListener('abort', abort, { once: true });

  let failed = 0;
  let ended = 0;
  const lines = createInterface({ input: child.stdio[3] as Readable });
  lines.on('line', (line) => {
    const end = JSON.parse(line) as TestEnd;
    ended += 1;
    if (end.outcome === 'failed') failed += 1;
    onEnd({ ...end, file: end.file.replace(`${projectRoot}/`, '') });
  });
  const linesEnd = once(lines, 'close');
  const code = await new Promise<string>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (exitCode, exitSignal) => resolve(exitSignal ?? `exit ${exitCode}`));
  });
  clearTimeout(limit);
  options.signal.removeEventListener('abort', abort);
  await Promise.race([linesEnd, sleep(2000)]); // a grandchild may hold the pipe open
  lines.close();
  if (ending !== undefined || (code !== 'exit 0' && failed === 0)) {
    const output = readFileSync(logPath, 'utf8').trim().split('\n').slice(-40).join('\n');
    const why = ending ?? `the process ended with ${code}${ended === 0 ? ' before any test' : ''}`;
    onEnd({
      names: [files.length === 1 ? 'runs to its end' : `the process of ${files.length} files runs to its end`],
      file: files.length === 1 ? (files[0] ?? '') : 'several files',
      outcome: 'failed',
      durationMs: performance.now() - startedAt,
      error: `${why}${output === '' ? '' : `\noutput:\n${output}`}`,
    });
  }
  rmSync(folder, { recursive: true, force: true });
}
