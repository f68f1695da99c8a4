// A real host whose daemon dies on purpose: helper, daemon and guests that boot nothing, with failpoints that are armed while it runs, and
// the look that nothing was forgotten.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '../../src/api/client.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import { verify } from '../../src/local/verify.ts';
import type { Finding } from '../../src/local/verify/finding.ts';
import { defaultRestart } from '../../src/model/guest-restart.ts';
import { defaultShutdown } from '../../src/model/guest-shutdown.ts';
import type { Job } from '../../src/model/job.ts';
import type { Site } from '../../src/model/site.ts';
import { RealDaemon, type RealDaemonOptions } from './real-daemon.ts';

export class KilledHost {
  readonly #daemon: RealDaemon;
  readonly #folder: string;
  readonly #control: string;
  readonly #log: string;
  #images = 0;

  constructor(name: string, more: Pick<RealDaemonOptions, 'patienceMs'> = {}) {
    this.#folder = mkdtempSync(join(tmpdir(), `caisson-${name}-`));
    chmodSync(this.#folder, 0o755);
    const data = join(this.#folder, 'data');
    mkdirSync(data);
    this.#control = join(this.#folder, 'failpoints');
    this.#log = join(this.#folder, 'passed');
    this.#daemon = new RealDaemon(`cst-${name}`, { data, env: { CAISSON_FAILPOINTS_FILE: this.#control }, ...more });
    this.arm('');
    closeSync(openSync(this.#log, 'a'));
    chmodSync(this.#log, 0o666);
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', join(this.#folder, 'empty.qcow2'), '1M']);
  }

  get data(): string {
    return this.#daemon.data;
  }

  get client(): Client {
    return this.#daemon.client;
  }

  /** By helper and daemon since the last start. */
  get said(): string {
    return this.#daemon.said;
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
  start(): Promise<boolean> {
    return this.#daemon.tryToStart();
  }

  /** Resolves when helper and daemon are gone. */
  whenDead(): Promise<void> {
    return this.#daemon.whenGone();
  }

  /** Kills both at once, as a machine that runs out of memory might. */
  kill(): Promise<void> {
    return this.#daemon.kill();
  }

  /** Until no job runs any more; fails when one of them does not end. */
  async settle(): Promise<void> {
    await waitFor('every job to end', async () => (await this.client.call('jobList', { query: { state: 'running' } })).items.length === 0, {
      timeoutMs: 120_000,
      everyMs: 25,
    });
  }

  async serves(): Promise<boolean> {
    try {
      await this.client.call('hostShow', {});
      return true;
    } catch {
      return false;
    }
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

  done(begun: Promise<Job>): Promise<Job> {
    return this.#daemon.finish(begun);
  }

  async succeeded(begun: Promise<Job>): Promise<void> {
    await this.#daemon.succeed(begun);
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
    const { netns } = this.#daemon;
    try {
      this.arm('');
      if (existsSync(join(this.data, 'host.json'))) {
        await this.recover();
        await this.#daemon.end(100);
      }
      this.#daemon.remove();
      // That we made it was written down in a folder that a test may have wiped.
      if (existsSync(`/run/netns/${netns}`)) execFileSync('ip', ['netns', 'delete', netns]);
    } finally {
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }
}
