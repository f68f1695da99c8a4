// Helper and daemon as a user starts them, with a data directory and a network namespace of their own, for what is measured on a real
// host. Nothing is left afterwards.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient } from '../src/api/client.ts';
import { createNodeTransport } from '../src/api/node-transport.ts';
import type { Job } from '../src/model/job.ts';
import type { Site } from '../src/model/site.ts';
import { projectRoot } from '../scripts/project.ts';
import { gone } from './process-times.ts';
import { stopped } from './simulated-site.ts';

const launcher = join(projectRoot, 'bin/caisson');
const netns = 'caisson-bench';

export interface RealHost {
  /** Data directory. */
  folder: string;
  socketPath: string;
  client: Client;
  helper: ChildProcess;
  /** Process id of the daemon. */
  daemon: number;
  netns: string;
  /** Kills both with SIGKILL, as a host out of memory does, and starts them again. */
  restart(): Promise<void>;
}

/** Runs `measure` with helper and daemon of a new data directory, and takes everything away again. */
export async function onHost<T>(measure: (host: RealHost) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-bench-'));
  const socketPath = join(folder, 'run/api.sock');
  const transport = createNodeTransport({ socketPath });
  const start = () => ready(['daemon', '--data', folder, '--netns', netns]);
  let host: RealHost | undefined;
  try {
    const helper = await start();
    host = {
      folder,
      socketPath,
      client: createClient(transport),
      helper,
      daemon: daemonOf(helper),
      netns,
      async restart() {
        process.kill(this.daemon, 'SIGKILL');
        this.helper.kill('SIGKILL');
        await gone(this.daemon);
        this.helper = await start();
        this.daemon = daemonOf(this.helper);
      },
    };
    return await measure(host);
  } finally {
    transport.close();
    if (host) {
      try {
        execFileSync(launcher, ['host', 'shutdown', '--data', folder], { stdio: 'ignore' });
      } finally {
        await stopped(host.helper);
      }
    }
    execFileSync(launcher, ['daemon', '--data', folder, '--netns', netns, '--teardown'], { stdio: 'ignore' });
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function applySite(client: Client, site: Site): Promise<void> {
  await succeeded(client, client.call('siteApply', { body: { site } }));
}

/** Waits for the job's end; throws when it was another than success. */
export async function succeeded(client: Client, begun: Promise<Job>): Promise<void> {
  const { uid, title } = await begun;
  let job: Job | undefined;
  for await (const state of client.stream('jobFollow', { params: { job: uid } })) job = state as Job;
  if (job?.state !== 'succeeded') throw new Error(`${title}: ${job?.error?.message}`);
}

function ready(args: string[]): Promise<ChildProcess> {
  const { promise, resolve, reject } = Promise.withResolvers<ChildProcess>();
  let said = '';
  // In a group of its own: a Ctrl-C is for the bench, which needs the daemon to take the guests away.
  const child = spawn(launcher, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stdout.on('data', (chunk: Buffer) => chunk.includes('ready ') && resolve(child));
  child.once('close', (code) => reject(new Error(`the daemon ended with ${code}: ${said}`)));
  return promise;
}

function daemonOf(helper: ChildProcess): number {
  return Number(execFileSync('pgrep', ['-o', '-P', String(helper.pid), '-f', 'dist/daemon.js'], { encoding: 'utf8' }));
}
