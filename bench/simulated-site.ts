// A simulated daemon with a site of many guests, in a process of its own, for whoever measures what API and command line cost.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '../src/api/client.ts';
import { createNodeTransport } from '../src/api/node-transport.ts';
import type { Job } from '../src/model/job.ts';
import { projectRoot } from '../scripts/project.ts';
import { sampleSite } from '../test/daemon/sample-site.ts';

export interface SimulatedSite {
  /** Data directory, with room for files of the bench. */
  folder: string;
  socketPath: string;
  /** Of the daemon. */
  pid: number;
  /** Where the page is; empty unless it was asked for. */
  url: string;
  /** Ends the daemon and removes the folder. */
  close(): Promise<void>;
}

/** Resolves once all guests of the site are ready. `nodeOptions` are for the daemon’s runtime. */
export async function openSimulatedSite(
  guests: number,
  nodeOptions: readonly string[] = [],
  options: { withPage?: boolean } = {},
): Promise<SimulatedSite> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-bench-'));
  let daemon: ChildProcess | undefined;
  const close = async () => {
    if (daemon) await stopped(daemon);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const socketPath = join(folder, 'run/api.sock');
    const listen = options.withPage ? ['--listen', '127.0.0.1:0'] : [];
    const args = [...nodeOptions, join(projectRoot, 'dist/daemon.js'), '--simulate', '--data', folder, '--boot-ms', '1', ...listen];
    const { child, said } = await startedSaying(args);
    daemon = child;
    await applySite(socketPath, guests);
    return { folder, socketPath, pid: child.pid ?? 0, url: /https?:\S+/.exec(said)?.[0] ?? '', close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function applySite(socketPath: string, guests: number): Promise<void> {
  const transport = createNodeTransport({ socketPath });
  try {
    const client = createClient(transport);
    const { uid } = await client.call('siteApply', { body: { site: sampleSite(guests) } });
    let job: Job | undefined;
    for await (const state of client.stream('jobFollow', { params: { job: uid } })) job = state as Job;
    if (job?.state !== 'succeeded') throw new Error(`the site was not applied: ${job?.error?.message}`);
  } finally {
    transport.close();
  }
}

/** A process of the runtime, once it says that it is ready. */
export async function started(args: string[]): Promise<ChildProcess> {
  return (await startedSaying(args)).child;
}

function startedSaying(args: string[]): Promise<{ child: ChildProcess; said: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ child: ChildProcess; said: string }>();
  const child = spawn(process.execPath, ['--max-semi-space-size=1', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.once('data', (said: Buffer) => resolve({ child, said: said.toString() }));
  child.once('exit', (code) => reject(new Error(`${args.join(' ')} ended with ${code} before it was ready`)));
  return promise;
}

export function stopped(child: ChildProcess): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (child.exitCode !== null || child.signalCode !== null) resolve();
  child.once('exit', () => resolve());
  child.kill('SIGTERM');
  return promise;
}
