// A real host with two tiny guests of which one requires the other: daemon and helper, QEMU, a network of its own. What the guests write
// lies on a file system that a test can fill; what a guest does to itself is typed at its serial console.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '../../src/api/client.ts';
import { stateWord } from '../../src/cli/guest-state.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import type { Event } from '../../src/model/event.ts';
import type { Guest } from '../../src/model/guest-status.ts';
import type { Job } from '../../src/model/job.ts';
import { parseSiteFile } from '../../src/model/site-file.ts';
import { GuestShell } from './guest-shell.ts';
import { launcher, RealDaemon } from './real-daemon.ts';

/** Everything here is emulated, on a machine that does other things as well. */
export const soonMs = 400_000;

export class TwoGuests {
  readonly #daemon: RealDaemon;
  readonly #shells = new Map<string, GuestShell>();

  /** `name` is that of the network namespace, and of nobody else's. */
  constructor(name: string) {
    this.#daemon = new RealDaemon(name);
  }

  get #guests(): string {
    return join(this.#daemon.data, 'guests');
  }

  get client(): Client {
    return this.#daemon.client;
  }

  /** Both are ready when it resolves. */
  async start(image: string): Promise<void> {
    await this.#daemon.start();
    const folder = this.#guests;
    const { mode, uid, gid } = statSync(folder);
    const options = `size=20m,mode=${(mode & 0o7777).toString(8)},uid=${uid},gid=${gid}`;
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'caisson-life', folder]);
    await this.#daemon.succeed(this.client.call('siteApply', { body: { site: siteOf(image) } }));
  }

  /** More room for what the guests write. */
  makeRoom(): void {
    execFileSync('mount', ['-o', 'remount,size=200m', this.#guests]);
  }

  async stop(): Promise<void> {
    for (const shell of this.#shells.values()) shell.close();
    // Before what the guests write on is taken away from under them.
    await this.#daemon.end();
    spawnSync('umount', [this.#guests]);
    this.#daemon.remove();
  }

  finish(started: Promise<Job>): Promise<Job> {
    return this.#daemon.finish(started);
  }

  guest(name: string): Promise<Guest> {
    return this.client.call('guestShow', { params: { guest: name } });
  }

  /** Waits until the guest is in a state, in the command line's words: one that stays. */
  reaches(name: string, word: string): Promise<Guest> {
    const look = async () => {
      const found = await this.guest(name);
      return stateWord(found) === word ? found : undefined;
    };
    return waitFor(`${name} is ${word}`, look, { timeoutMs: soonMs });
  }

  /** Waits until that has been told of the guest, in such words: of what passes by, this stays. */
  told({ uid, name }: Guest, kind: Event['kind'], words: RegExp): Promise<Event> {
    const look = async () => (await this.events(kind)).find(({ object, message }) => object === `guest/${uid}` && words.test(message));
    return waitFor(`${kind} is told of ${name}`, look, { timeoutMs: soonMs });
  }

  /** Another process than before is ready. */
  comesBack({ name, status }: Guest): Promise<Guest> {
    const look = async () => {
      const now = await this.guest(name);
      return now.status.ready && now.status.pid !== status.pid ? now : undefined;
    };
    return waitFor(`${name} is ready anew`, look, { timeoutMs: soonMs });
  }

  /** Types a line at the console of a guest, once its shell reads: one that is not heard of again. */
  type(name: string, line: string): Promise<void> {
    return this.#shell(name).type(line);
  }

  /** What a command prints that is run at the console of a guest. */
  run(name: string, command: string): Promise<string> {
    return this.#shell(name).answer(command);
  }

  #shell(name: string): GuestShell {
    const shell = this.#shells.get(name) ?? new GuestShell(this.#daemon.transport, name);
    this.#shells.set(name, shell);
    return shell;
  }

  /** Beside this process, which goes on: a connection that nobody looks after is closed by the daemon. */
  async caisson(argv: readonly string[], input = ''): Promise<{ status: number | null; stdout: string; stderr: string }> {
    const child = spawn(launcher, [...argv, '--data', this.#daemon.data], { stdio: ['pipe', 'pipe', 'pipe'], timeout: soonMs });
    const said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (chunk: Buffer) => (said[name] += chunk.toString()));
    child.stdin.end(input);
    const [status] = (await once(child, 'close')) as [number | null];
    return { status, ...said };
  }

  async events(kind: Event['kind']): Promise<Event[]> {
    const { items } = await this.client.call('eventList', { query: { limit: 500 } });
    return items.filter((event) => event.kind === kind);
  }
}

function siteOf(image: string) {
  const text = `
version: 1
site: life
zones: { one: { subnets: [10.78.1.0/24] } }
images: { tiny: { file: ${image} } }
guests:
  a:
    image: tiny
    zone: one
    memory: 128MiB
    disks: { root: 64MiB, data: 64MiB }
    display: none
    service: { ready: { agent: true } }
    shutdown: { agent: 5s, powerButton: 90s }
  b:
    image: tiny
    zone: one
    memory: 128MiB
    disks: { root: 64MiB }
    display: none
    service: { ready: { command: [/bin/true] } }
    after: [{ requires: a }]
    shutdown: { agent: 5s, powerButton: 5s }
`;
  const parsed = parseSiteFile(text, () => undefined);
  if ('problems' in parsed) assert.fail(JSON.stringify(parsed.problems));
  return parsed.site;
}
