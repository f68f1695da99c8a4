// Helper and daemon as a user starts them, with a data directory and a network namespace of their own, for what is measured on a real
// host. Nothing is left afterwards, also of what is stopped in the middle: what it asks and waits for fails then, and it takes its own things away; then
// guests, daemon and network are taken away.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, createClient } from '../src/api/client.ts';
import { createNodeTransport } from '../src/api/node-transport.ts';
import type { Request, Transport } from '../src/api/transport.ts';
import type { Job } from '../src/model/job.ts';
import type { Site } from '../src/model/site.ts';
import { projectRoot } from '../scripts/project.ts';
import { gone } from './process-times.ts';
import { stopped } from './simulated-site.ts';

const launcher = join(projectRoot, 'bin/caisson');
/** Of what is stopped in the middle, until its own things are taken away. */
const ownEndMs = 30_000;
/** For each guest; those that boot nothing do not hear. */
const shutdownMs = 5000;

export interface RealHost {
  /** Data directory. */
  folder: string;
  socketPath: string;
  client: Client;
  helper: ChildProcess;
  /** Process id of the daemon. */
  daemon: number;
  netns: string;
  /** Somebody wants no more figures. */
  signal: AbortSignal;
  /** What `promise` comes to; rejects when no more figures are wanted. */
  unlessStopped<V>(promise: Promise<V>): Promise<V>;
  /** Kills both with SIGKILL, as a host out of memory does, and starts them again. */
  restart(): Promise<void>;
}

export interface HostOptions {
  /** Default `caisson-bench`. */
  netns?: string;
}

/** Runs `measure` with helper and daemon of a new data directory, and takes everything away again. Rejects with the signal's reason when it is stopped. */
export async function onHost<T>(
  signal: AbortSignal,
  measure: (host: RealHost) => Promise<T>,
  { netns = 'caisson-bench' }: HostOptions = {},
): Promise<T> {
  signal.throwIfAborted();
  if (existsSync(`/run/netns/${netns}`))
    throw new Error(
      `there is a network namespace ${netns}, which a bench that was killed has left: ` +
        `“caisson daemon --data FOLDER --netns ${netns} --teardown” takes it away, FOLDER being its ${tmpdir()}/caisson-bench-…`,
    );
  const folder = mkdtempSync(join(tmpdir(), 'caisson-bench-'));
  const socketPath = join(folder, 'run/api.sock');
  const transport = createNodeTransport({ socketPath });
  const unlessStopped = racer(signal);
  const daemon = new BenchDaemon(folder, netns);
  let measuring: Promise<T> | undefined;
  try {
    const helper = await unlessStopped(daemon.start());
    const host: RealHost = {
      folder,
      socketPath,
      client: createClient(stoppable(transport, signal, unlessStopped)),
      helper,
      daemon: daemonOf(helper),
      netns,
      signal,
      unlessStopped,
      async restart() {
        process.kill(this.daemon, 'SIGKILL');
        this.helper.kill('SIGKILL');
        await gone(this.daemon);
        this.helper = await unlessStopped(daemon.start());
        this.daemon = daemonOf(this.helper);
      },
    };
    measuring = measure(host);
    return await unlessStopped(measuring);
  } finally {
    await Promise.race([Promise.allSettled([measuring]), sleep(ownEndMs, undefined, { ref: false })]);
    transport.close();
    await daemon.takeAway();
  }
}

/** Helper and daemon in a group of their own: a Ctrl-C is for the bench, which needs them to take the guests away. */
class BenchDaemon {
  readonly #folder: string;
  readonly #netns: string;
  #helper: ChildProcess | undefined;

  constructor(folder: string, netns: string) {
    this.#folder = folder;
    this.#netns = netns;
  }

  /** Resolves when it is ready. */
  start(): Promise<ChildProcess> {
    const { promise, resolve, reject } = Promise.withResolvers<ChildProcess>();
    let said = '';
    const child = spawn(launcher, this.#argv(), { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    this.#helper = child;
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.stdout.on('data', (chunk: Buffer) => chunk.includes('ready ') && resolve(child));
    child.once('close', (code) => reject(new Error(`the daemon ended with ${code}: ${said}`)));
    // Nobody may be waiting any more.
    promise.catch(() => undefined);
    return promise;
  }

  /** Each of guests, daemon, network and folder, whatever becomes of the others. */
  async takeAway(): Promise<void> {
    try {
      if (existsSync(join(this.#folder, 'run/api.sock'))) await this.#shutDown();
    } finally {
      if (this.#helper) await stopped(this.#helper);
      try {
        await this.#tearDown();
      } finally {
        rmSync(this.#folder, { recursive: true, force: true });
      }
    }
  }

  async #shutDown(): Promise<void> {
    const transport = createNodeTransport({ socketPath: join(this.#folder, 'run/api.sock') }, { reconnectForMs: 0 });
    try {
      const client = createClient(transport);
      await succeeded(client, client.call('hostShutdown', { body: { timeoutMs: shutdownMs } }));
    } finally {
      transport.close();
    }
  }

  async #tearDown(): Promise<void> {
    const child = spawn(launcher, [...this.#argv(), '--teardown'], { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new Error(`the network could not be taken away: ${said}`);
  }

  #argv(): string[] {
    return ['daemon', '--data', this.#folder, '--netns', this.#netns];
  }
}

function racer(signal: AbortSignal): RealHost['unlessStopped'] {
  const stopping = Promise.withResolvers<never>();
  stopping.promise.catch(() => undefined);
  signal.addEventListener('abort', () => stopping.reject(signal.reason as Error), { once: true });
  return (promise) => {
    promise.catch(() => undefined);
    return Promise.race([promise, stopping.promise]);
  };
}

/** Requests fail, and streams end, when no more figures are wanted. */
function stoppable(transport: Transport, signal: AbortSignal, unlessStopped: RealHost['unlessStopped']): Transport {
  const withSignal = (request: Request): Request => ({
    ...request,
    signal: request.signal ? AbortSignal.any([signal, request.signal]) : signal,
  });
  return {
    request: (request) => unlessStopped(transport.request(withSignal(request))),
    bytes: (request) => unlessStopped(transport.bytes(withSignal(request))),
    events: (request) => transport.events(withSignal(request)),
  };
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

function daemonOf(helper: ChildProcess): number {
  return Number(execFileSync('pgrep', ['-o', '-P', String(helper.pid), '-f', 'dist/daemon.js'], { encoding: 'utf8' }));
}
