// Helper and daemon of the demo: started so that they outlive us until told to leave, ended with all that they made.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { CaissonError } from '../../src/lib/errors.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import { projectRoot } from '../project.ts';
import { ask } from './caisson.ts';
import { demo } from './place.ts';
import { isAlive, type ProcessName, processName } from './state.ts';

const program = join(projectRoot, 'bin/caisson');
const logPath = `${demo.dataDirectory}.log`;

export interface DemoDaemon {
  helper: ProcessName;
  address: string;
}

/** Starts them and waits until the API answers. */
export async function startDaemon(options: { signal: AbortSignal; onStarted: (helper: ProcessName) => void }): Promise<DemoDaemon> {
  const address = `127.0.0.1:${await findPort()}`;
  mkdirSync('/run', { recursive: true });
  const log = openSync(logPath, 'w');
  // In a session of its own: Ctrl-C is for us, and guests are shut down before the helper ends.
  const args = ['daemon', '--data', demo.dataDirectory, '--netns', demo.netns, '--listen', address];
  const child = spawn(program, args, { cwd: projectRoot, stdio: ['ignore', log, log], detached: true });
  closeSync(log);
  child.unref();
  const failed = new Promise<never>((_, reject) => {
    child.on('error', (cause) => reject(new CaissonError('failed', 'the daemon cannot be started', { cause })));
    child.on('exit', (code, signal) => reject(new CaissonError('failed', `the daemon ended with ${signal ?? `exit code ${code}`}`)));
  });
  failed.catch(() => {}); // it ends one day in any case
  const helper = processName(child.pid ?? -1);
  if (!helper) return failed;
  options.onStarted(helper);
  const answers = async () => {
    if (!existsSync(`${demo.dataDirectory}/run/api.sock`)) return false;
    try {
      await ask(['host', 'show'], { signal: options.signal });
      return true;
    } catch (error) {
      if (error instanceof CaissonError && error.code === 'failed') return false; // not yet
      throw error;
    }
  };
  await Promise.race([failed, waitFor('the daemon answers', answers, { timeoutMs: 30_000, everyMs: 100, signal: options.signal })]);
  return { helper, address };
}

/** What helper and daemon said last, for a message. */
export function logTail(lines = 15): string {
  try {
    return readFileSync(logPath, 'utf8').trim().split('\n').slice(-lines).join('\n');
  } catch {
    return '';
  }
}

/** Ends a helper and its daemon; guests go on. */
export async function stopDaemon(helper: ProcessName): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!isAlive(helper)) return;
    process.kill(helper.pid, signal);
    await waitFor('the daemon ends', () => !isAlive(helper), { timeoutMs: 15_000 }).catch(() => {});
  }
}

/** The helper of a killed demo, found by its command line. */
export function findHelper(): ProcessName | undefined {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (argv.some((arg) => arg.endsWith('/helper.js')) && argv.includes(demo.dataDirectory)) return processName(Number(pid));
    } catch {
      continue; // it has just ended
    }
  }
  return undefined;
}

export function removeLog(): void {
  rmSync(logPath, { force: true });
}

async function findPort(): Promise<number> {
  const free = (port: number) =>
    new Promise<number | undefined>((resolve) => {
      const server = createServer();
      server.on('error', () => resolve(undefined));
      server.listen(port, '127.0.0.1', () => {
        const bound = (server.address() as { port: number }).port;
        server.close(() => resolve(bound));
      });
    });
  const port = (await free(demo.preferredPort)) ?? (await free(0));
  if (port === undefined) throw new CaissonError('failed', 'no TCP port of 127.0.0.1 is free for the API');
  return port;
}
