// A real host whose daemon dies on purpose: helper, daemon and guests that boot nothing, with failpoints that are armed while it runs, and
// the look that nothing was forgotten.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient } from '../../src/api/client.ts';
import { createNodeTransport, type NodeTransport } from '../../src/api/node-transport.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import { verify } from '../../src/local/verify.ts';
import type { Finding } from '../../src/local/verify/finding.ts';
import { defaultRestart } from '../../src/model/guest-restart.ts';
import { defaultShutdown } from '../../src/model/guest-shutdown.ts';
import type { Job } from '../../src/model/job.ts';
import type { Site } from '../../src/model/site.ts';

const launcher = join(import.meta.dirname, '../../bin/caisson');

export class KilledHost {
  readonly data: string;
  readonly #folder: string;
  readonly #netns: string;
  readonly #control: string;
  readonly #log: string;
  client!: Client;
  helper: ChildProcess | undefined;
  /** By the last one that died before it was ready. */
  said = '';
  #transport: NodeTransport | undefined;
  #images = 0;

  constructor(name: string) {
    this.#folder = mkdtempSync(join(tmpdir(), `caisson-${name}-`));
    chmodSync(this.#folder, 0o755);
    this.data = join(this.#folder, 'data');
    mkdirSync(this.data);
    this.#netns = `cst-${name}`;
    this.#control = join(this.#folder, 'failpoints');
    this.#log = join(this.#folder, 'passed');
    this.arm('');
    closeSync(openSync(this.#log, 'a'));
    chmodSync(this.#log, 0o666);
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', join(this.#folder, 'empty.qcow2'), '1M']);
  }

  get isAlive(): boolean {
    return this.helper !== undefined && this.helper.exitCode === null && this.helper.signalCode === null;
  }

  /** What the running daemon and helper read the next time that they pass a failpoint. */
  arm(text: string): void {
    writeFileSync(this.#control, text, { mode: 0o644 });
  }

  /** The failpoints that are passed until `stop` is called, in order. */
  record(): { stop: () => string[] } {
    writeFileSync(this.#log, '');
    this.arm(`log ${this.#log}\n`);
    return {
      stop: () => {
        this.arm('');
        return readFileSync(this.#log, 'utf8').split('\n').filter(Boolean);
      },
    };
  }

  /** False when it died before it was ready, as it was armed to. */
  async start(): Promise<boolean> {
    let said = '';
    const child = spawn(launcher, ['daemon', '--data', this.data, '--netns', this.#netns], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, CAISSON_FAILPOINTS_FILE: this.#control },
    });
    this.helper = child;
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    await waitFor('the daemon is ready, or dead', () => /^ready /m.test(said) || !this.isAlive, { timeoutMs: 60_000, everyMs: 10 });
    if (!/^ready /m.test(said)) {
      this.said = said;
      return false;
    }
    this.#transport = createNodeTransport({ socketPath: join(this.data, 'run/api.sock') });
    this.client = createClient(this.#transport);
    return true;
  }

  /** Resolves when helper and daemon are gone. */
  async whenDead(): Promise<void> {
    await waitFor('helper and daemon are gone', () => !this.isAlive && daemonsOf(this.data).length === 0, {
      timeoutMs: 60_000,
      everyMs: 5,
    });
    this.#transport?.close();
  }

  /** Kills both at once, as a machine that runs out of memory might. */
  async kill(): Promise<void> {
    for (const pid of [...daemonsOf(this.data), ...(this.isAlive && this.helper?.pid !== undefined ? [this.helper.pid] : [])]) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
    await this.whenDead();
  }

  /** Until no job runs any more; fails when one of them does not end. */
  async settle(): Promise<void> {
    await waitFor('every job to end', async () => (await this.client.call('jobList', { query: { state: 'running' } })).items.length === 0, {
      timeoutMs: 120_000,
      everyMs: 25,
    });
  }

  serves(): Promise<boolean> {
    return this.client.call('hostShow', {}).then(
      () => true,
      () => false,
    );
  }

  /** A daemon that serves, started again where it has died, and no job at work. */
  async recover(): Promise<void> {
    if (!(await this.serves())) {
      await this.whenDead();
      assert.ok(await this.start(), this.said);
    }
    await this.settle();
  }

  /** What is found but for notes. */
  async verify(): Promise<Finding[]> {
    return (await verify(this.data)).filter(({ verdict }) => verdict !== 'note');
  }

  async done(begun: Promise<Job>): Promise<Job> {
    const { uid } = await begun;
    let job: Job | undefined;
    for await (const state of this.client.stream('jobFollow', { params: { job: uid } })) job = state as Job;
    return job as Job;
  }

  async succeeded(begun: Promise<Job>): Promise<void> {
    const job = await this.done(begun);
    assert.equal(job.state, 'succeeded', `${job.title}: ${job.error?.message}`);
  }

  /** Another image file each time. */
  newImage(): string {
    const path = join(this.#folder, `image-${++this.#images}.qcow2`);
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', path, `${this.#images + 1}M`]);
    return path;
  }

  /** Guests of that name that run, one zone, nothing that boots. */
  site(names: readonly string[], change: (guests: Site['guests']) => void = () => undefined): Site {
    const guests: Site['guests'] = {};
    for (const name of names) {
      guests[name] = {
        image: 'empty',
        nics: [{ zone: 'only', addresses: [] }],
        labels: {},
        cpus: 1,
        memoryMib: 16,
        disks: { root: { sizeMib: 1, bus: 'virtio' } },
        firmware: 'bios',
        os: 'linux',
        display: 'none',
        sshKeys: [],
        after: [],
        autostart: true,
        restart: defaultRestart,
        shutdown: defaultShutdown,
      };
    }
    change(guests);
    return {
      version: 1,
      site: 'killed',
      timezone: 'UTC',
      zones: { only: { subnets: ['10.78.0.0/24'] } },
      flows: [],
      images: { empty: { file: join(this.#folder, 'empty.qcow2') } },
      guests,
    };
  }

  /** Takes everything away. */
  async remove(): Promise<void> {
    try {
      this.arm('');
      if (existsSync(join(this.data, 'host.json'))) {
        await this.recover();
        await this.done(this.client.call('hostShutdown', { body: { timeoutMs: 100 } }));
        this.helper?.kill('SIGTERM');
        await this.whenDead();
      }
      execFileSync(launcher, ['daemon', '--data', this.data, '--netns', this.#netns, '--teardown'], { stdio: 'inherit' });
      // That we made it was written down in a folder that a test may have wiped.
      if (existsSync(`/run/netns/${this.#netns}`)) execFileSync('ip', ['netns', 'delete', this.#netns]);
    } finally {
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }
}

/** Processes of the daemon's program on a data directory. */
function daemonsOf(data: string): number[] {
  try {
    const listed = execFileSync('pgrep', ['-f', `dist/daemon\\.js --data ${data}( |$)`], { encoding: 'utf8' });
    return listed.trim().split('\n').map(Number);
  } catch {
    return []; // none
  }
}
