// Helper and daemon as a user starts them, on a data directory and a network namespace of one test's own. Nothing is left afterwards.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
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

export class RealDaemon {
  readonly netns: string;
  readonly data: string;
  /** What helper and daemon have said since the last start. */
  said = '';
  readonly #options: readonly string[];
  #helper: ChildProcess | undefined;
  #transport: NodeTransport | undefined;
  #client: Client | undefined;

  /** `netns` is nobody else's; `options`: more of `caisson daemon`. */
  constructor(netns: string, ...options: string[]) {
    this.netns = netns;
    this.#options = options;
    this.data = mkdtempSync(join(tmpdir(), `caisson-${netns.replace(/^cst-/, '')}-`));
  }

  get transport(): NodeTransport {
    return this.#transport ?? assert.fail('no daemon runs');
  }

  get client(): Client {
    return this.#client ?? assert.fail('no daemon runs');
  }

  /** It is ready when this resolves; again after a `kill`. */
  async start(): Promise<void> {
    this.said = '';
    const argv = ['daemon', '--data', this.data, '--netns', this.netns, ...this.#options];
    const child = spawn(launcher, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#helper = child;
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (this.said += chunk.toString()));
    const isReady = () => {
      assert.equal(child.exitCode, null, this.said);
      return /^ready /m.test(this.said);
    };
    await waitFor('the daemon is ready', isReady, { timeoutMs: patientMs });
    this.#transport = createNodeTransport({ socketPath: join(this.data, 'run/api.sock') });
    this.#client = createClient(this.#transport);
  }

  /** The job as it is when it has ended, however that was. */
  async finish(started: Promise<Job>): Promise<Job> {
    let job = await started;
    for await (const state of this.client.stream('jobFollow', { params: { job: job.uid } })) job = state as Job;
    return job;
  }

  async succeed(started: Promise<Job>): Promise<Job> {
    const job = await this.finish(started);
    assert.equal(job.state, 'succeeded', job.error?.message);
    return job;
  }

  /** Of the process below the helper. */
  get pid(): number {
    return Number(execFileSync('pgrep', ['-o', '-P', String(this.#helper?.pid), '-f', 'dist/daemon.js'], { encoding: 'utf8' }));
  }

  /** Kills helper and daemon at once, as a machine that runs out of memory might, and waits until both are gone. */
  async kill(): Promise<void> {
    const helper = this.#helper ?? assert.fail('no daemon runs');
    const { pid } = this;
    for (const victim of [pid, helper.pid as number]) process.kill(victim, 'SIGKILL');
    this.#transport?.close();
    await waitFor('both are gone', () => helper.signalCode === 'SIGKILL' && !existsSync(`/proc/${pid}/exe`), { timeoutMs: patientMs });
  }

  /** Guests, daemon and helper. */
  async end(): Promise<void> {
    const helper = this.#helper;
    if (helper && helper.exitCode === null && helper.signalCode === null) {
      if (this.#client) await this.finish(this.#client.call('hostShutdown', { body: { timeoutMs: 20_000 } }));
      helper.kill('SIGTERM');
      await waitFor('the helper ends', () => helper.exitCode !== null, { timeoutMs: patientMs });
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
}
