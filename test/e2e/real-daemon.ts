// Helper and daemon as a user starts them, on a data directory and a network namespace of one test's own. Nothing is left afterwards.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient } from '../../src/api/client.ts';
import { createNodeTransport, type NodeTransport } from '../../src/api/node-transport.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import type { Job } from '../../src/model/job.ts';
import { projectRoot } from '../../scripts/project.ts';

export const launcher = join(projectRoot, 'bin/caisson');
/** Everything is emulated, on a machine that does other things as well. */
const patientMs = 60_000;
/** Of the client, where nobody says otherwise. */
const usualPatienceMs = 10_000;

export interface RealDaemonOptions {
  /** More of `caisson daemon`. */
  options?: readonly string[];
  /** A data directory that there is; default: a new one. */
  data?: string;
  env?: Readonly<Record<string, string>>;
  /** How long a question, or what is followed, waits for the next daemon after the last one; as for everybody unless given. */
  patienceMs?: number;
}

export class RealDaemon {
  readonly netns: string;
  readonly data: string;
  /** What helper and daemon have said since the last start. */
  said = '';
  readonly #options: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  readonly #patienceMs: number;
  #helper: ChildProcess | undefined;
  #transport: NodeTransport | undefined;
  #client: Client | undefined;

  /** `netns` is nobody else's. */
  constructor(netns: string, { options = [], data, env = {}, patienceMs = usualPatienceMs }: RealDaemonOptions = {}) {
    this.netns = netns;
    this.#options = options;
    this.#env = env;
    this.#patienceMs = patienceMs;
    this.data = data ?? mkdtempSync(join(tmpdir(), `caisson-${netns.replace(/^cst-/, '')}-`));
  }

  get transport(): NodeTransport {
    return this.#transport ?? assert.fail('no daemon runs');
  }

  get client(): Client {
    return this.#client ?? assert.fail('no daemon runs');
  }

  /** Of the helper. */
  get isAlive(): boolean {
    return this.#helper !== undefined && this.#helper.exitCode === null && this.#helper.signalCode === null;
  }

  /** It is ready when this resolves; again after a `kill`. */
  async start(): Promise<void> {
    assert.ok(await this.tryToStart(), this.said);
  }

  /** False when it has died before it was ready. */
  async tryToStart(): Promise<boolean> {
    this.said = '';
    const argv = ['daemon', '--data', this.data, '--netns', this.netns, ...this.#options];
    const child = spawn(launcher, argv, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...this.#env } });
    this.#helper = child;
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (this.said += chunk.toString()));
    const isReady = () => /^ready /m.test(this.said);
    await waitFor('the daemon is ready, or dead', () => isReady() || !this.isAlive, { timeoutMs: patientMs, everyMs: 5 });
    if (!isReady()) return false;
    this.#transport = createNodeTransport({ socketPath: join(this.data, 'run/api.sock') }, { reconnectForMs: this.#patienceMs });
    this.#client = createClient(this.#transport, { againForMs: this.#patienceMs });
    return true;
  }

  /** The job as it is when it has ended, however that was. */
  async finish(started: Promise<Job>): Promise<Job> {
    let job = await started;
    for await (const state of this.client.stream('jobFollow', { params: { job: job.uid } })) job = state as Job;
    return job;
  }

  async succeed(started: Promise<Job>): Promise<Job> {
    const job = await this.finish(started);
    assert.equal(job.state, 'succeeded', `${job.title}: ${job.error?.message}`);
    return job;
  }

  /** Of the process below the helper. */
  get pid(): number {
    return Number(execFileSync('pgrep', ['-o', '-P', String(this.#helper?.pid), '-f', 'dist/daemon.js'], { encoding: 'utf8' }));
  }

  /** Kills helper and daemon at once, as a machine that runs out of memory might, and waits until both are gone. */
  async kill(): Promise<void> {
    for (const pid of [...this.#daemons(), ...(this.isAlive && this.#helper?.pid !== undefined ? [this.#helper.pid] : [])]) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
    await this.whenGone();
  }

  /** Resolves when helper and daemon are gone, whoever ended them. */
  async whenGone(): Promise<void> {
    await waitFor('helper and daemon are gone', () => !this.isAlive && this.#daemons().length === 0, { timeoutMs: patientMs, everyMs: 5 });
    this.#transport?.close();
  }

  /** Guests, of which each has so long to go down, daemon and helper. */
  async end(timeoutMs = 20_000): Promise<void> {
    if (this.isAlive) {
      if (this.#client) await this.finish(this.#client.call('hostShutdown', { body: { timeoutMs } }));
      this.#helper?.kill('SIGTERM');
      await this.whenGone();
    }
    this.#transport?.close();
  }

  /** The network and the data, once all has ended. */
  remove(): void {
    execFileSync(launcher, ['daemon', '--data', this.data, '--netns', this.netns, '--teardown'], { stdio: 'inherit' });
    rmSync(this.data, { recursive: true, force: true });
  }

  async close(): Promise<void> {
    await this.end();
    this.remove();
  }

  /** Processes of the daemon's program on the data directory, also one that has lost its helper. */
  #daemons(): number[] {
    try {
      const listed = execFileSync('pgrep', ['-f', `dist/daemon\\.js --data ${this.data}( |$)`], { encoding: 'utf8' });
      return listed.trim().split('\n').map(Number);
    } catch {
      return []; // none
    }
  }
}
