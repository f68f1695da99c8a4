// A guest's life on a real host, beside the same QEMU command typed by hand and, when it is installed, beside libvirt. The guest is
// the tiny one of the tests; all take turns, so that what else the machine does hits all of them.
import { execFileSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../src/lib/wait-for.ts';
import type { Event } from '../src/model/event.ts';
import { memoryMib, tinySite } from './tiny-site.ts';
import { tinyDisk } from '../test/tiny-guest/tiny-disk.ts';
import type { Bench, BenchContext } from './figure.ts';
import { HandTypedQemu } from './hand-typed-qemu.ts';
import { hardwareOf, hasLibvirt, Libvirt, type LibvirtDomain } from './libvirt.ts';
import { cpuMs, gone } from './process-times.ts';
import { applySite, onHost, type RealHost, succeeded } from './real-host.ts';
import { inPairs, median } from './statistics.ts';

const startToAgent = 'guest/start-to-agent';
const cpuPerStart = 'guest/cpu-of-daemon-and-helper-per-start';
const stopToGone = 'guest/stop-to-gone';
const killedToEvent = 'guest/killed-to-event';
const rounds = 6;
const fullRounds = 20;
/** Beside a warm-up. */
const libvirtRounds = 4;
const idleSeconds = 20;

export const bench: Bench = {
  figures: [
    { name: startToAgent, unit: 'ratio', goal: { atMost: 1.05 } },
    { name: cpuPerStart, unit: 'ms', goal: { atMost: 80 } },
    { name: stopToGone, unit: 'ms', goal: { atMost: 50 } },
    { name: killedToEvent, unit: 'ms', goal: { atMost: 50 } },
  ],
  async run(context) {
    const image = await tinyDisk();
    await onHost(context.signal, async (host) => {
      const guest = await OurGuest.open(host, image);
      const raw = new HandTypedQemu(guest);
      let libvirt: Libvirt | undefined;
      try {
        let theirs: Theirs | undefined;
        if (hasLibvirt()) {
          context.say('libvirt looks at QEMU');
          libvirt = await Libvirt.open(raw.netns);
          const tap = 'csglibvirt0';
          raw.addTap(tap);
          const domain = libvirt.define({ name: 'caisson-bench', tap, image, memoryMib, ...hardwareOf(raw.argv) });
          theirs = { libvirt, domain };
        }
        await measure(context, guest, raw, theirs);
      } finally {
        await libvirt?.close();
        await raw.close();
        guest.close();
      }
    });
  },
};

interface Theirs {
  libvirt: Libvirt;
  domain: LibvirtDomain;
}

async function measure(context: BenchContext, guest: OurGuest, raw: HandTypedQemu, peer: Theirs | undefined): Promise<void> {
  const { full, isWanted, report, say, signal } = context;
  const count = full ? fullRounds : rounds;
  const cpu: number[] = [];
  const ended = { stop: [] as number[], kill: [] as number[], term: [] as number[], rawKill: [] as number[] };
  const theirs = { ratio: [] as number[], cpu: [] as number[], stop: [] as number[], kill: [] as number[] };
  let turn = 0;
  let rawMs = 0;
  const ours = async () => {
    const start = await guest.start();
    cpu.push(start.cpuMs);
    // Every other one is killed, the first, which warms up, too.
    if (turn % 2 === 0) ended.kill.push(await guest.kill());
    else ended.stop.push(await guest.stop());
    return start.ms;
  };
  const byHand = async () => {
    rawMs = await raw.start();
    if (turn % 2 === 0) ended.rawKill.push(await raw.end('SIGKILL'));
    else ended.term.push(await raw.end('SIGTERM'));
    return rawMs;
  };
  const libvirtToo = async () => {
    if (!peer) return;
    const before = peer.libvirt.cpuMs();
    const ms = await peer.domain.start();
    theirs.cpu.push(peer.libvirt.cpuMs() - before);
    theirs.ratio.push(ms / rawMs);
    if (turn % 2 === 0) theirs.kill.push(await peer.domain.kill());
    else theirs.stop.push(await peer.domain.stop());
  };
  let halves = 0;
  const turnOver = async (ms: Promise<number>) => {
    const value = await ms;
    // Both of a round are over.
    if (++halves % 2 === 0) {
      if (full || turn <= libvirtRounds) await libvirtToo();
      say(`round ${turn} of ${count}${turn === 0 ? ' (warms up)' : ''}`);
      turn += 1;
    }
    return value;
  };
  say(`${count} starts and ends, in turns${peer ? ', libvirt beside them' : ''}`);
  const pairs = await inPairs(
    { rounds: count, signal },
    () => turnOver(ours()),
    () => turnOver(byHand()),
  );
  say(`start to agent: ${rangeOf(pairs.rounds.map(({ a, b }) => a / b))} × by hand; ours ${pairs.a.toFixed(0)} ms`);
  const tell = (name: string, value: number, what: string, baseline: number | null, unit: string, peer: number | null) => {
    if (isWanted(name)) report(name, { value, baseline: { what, value: baseline, unit }, peers: [{ what: 'libvirt', value: peer }] });
  };
  const middle = (values: number[]) => (values.length > 0 ? median(values) : null);
  tell(startToAgent, pairs.ratio, 'the same QEMU command typed by hand', pairs.b, 'ms', middle(theirs.ratio.slice(1)));
  // The kernel counts in steps of 10 ms, so a mean says more than a median.
  const idleMs = ((await guest.cpuPerSecond()) * pairs.a) / 1000;
  const programs = mean(guest.programMs.slice(1)).toFixed(0);
  const theirCpu = theirs.cpu.length > 1 ? mean(theirs.cpu.slice(1)) : null;
  tell(
    cpuPerStart,
    mean(cpu.slice(1)),
    `in as long a time while nothing starts (programs run for a start: ${programs} ms)`,
    idleMs,
    'ms',
    theirCpu,
  );
  tell(stopToGone, median(ended.stop), 'SIGTERM to QEMU started by hand', median(ended.term), 'ms', middle(theirs.stop));
  tell(killedToEvent, median(ended.kill), 'SIGKILL until QEMU started by hand is gone', median(ended.rawKill), 'ms', middle(theirs.kill));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function rangeOf(values: readonly number[]): string {
  return `${Math.min(...values).toFixed(3)}–${Math.max(...values).toFixed(3)}`;
}

/** The guest as our users have it: told what to do by the API, heard of by its events. */
class OurGuest {
  readonly uid: string;
  readonly dataDirectory: string;
  readonly runDirectory: string;
  /** Processor time of the programs that helper and daemon have run, for each start. */
  readonly programMs: number[] = [];
  readonly #host: RealHost;
  readonly #following = new AbortController();
  #awaited: { kind: Event['kind']; told: PromiseWithResolvers<number> } | undefined;

  private constructor(host: RealHost, uid: string) {
    this.#host = host;
    this.uid = uid;
    this.dataDirectory = host.folder;
    this.runDirectory = realpathSync(join(host.folder, 'run'));
    void this.#follow();
  }

  /** Started once, so that its disks are made, and stopped again. */
  static async open(host: RealHost, image: string): Promise<OurGuest> {
    await applySite(host.client, tinySite(image));
    const { uid } = await host.client.call('guestShow', { params: { guest: 'tiny' } });
    const guest = new OurGuest(host, uid);
    await guest.stop();
    return guest;
  }

  /** Milliseconds until the agent answers, as the daemon tells it, and what daemon and helper computed meanwhile. */
  async start(): Promise<{ ms: number; cpuMs: number }> {
    const before = this.#cpuMs();
    const ready = this.#next('guest-ready');
    const startedAt = performance.now();
    const job = await this.#host.client.call('guestStart', this.#params());
    const ms = (await ready) - startedAt;
    const after = this.#cpuMs();
    await succeeded(this.#host.client, Promise.resolve(job));
    const programs = after.programs - before.programs + cpuMs(await this.#pid()).children;
    this.programMs.push(programs);
    return { ms, cpuMs: after.own - before.own + programs };
  }

  /** What daemon and helper compute in a second while the guest just runs, in milliseconds. */
  async cpuPerSecond(): Promise<number> {
    await this.start();
    const sum = ({ own, programs }: { own: number; programs: number }) => own + programs;
    const before = sum(this.#cpuMs());
    await sleep(idleSeconds * 1000, undefined, { signal: this.#host.signal });
    const spent = sum(this.#cpuMs()) - before;
    await this.stop();
    return spent / idleSeconds;
  }

  /** Milliseconds from the request until the process is gone and a client knows. */
  async stop(): Promise<number> {
    const pid = await this.#pid();
    const stopped = this.#next('guest-stopped');
    const stoppedAt = performance.now();
    const job = this.#host.client.call('guestStop', this.#params());
    job.catch(() => undefined);
    await Promise.all([gone(pid), stopped]);
    const ms = performance.now() - stoppedAt;
    await succeeded(this.#host.client, job);
    await this.#isClean();
    return ms;
  }

  /** Milliseconds from the death of QEMU until a client has the event. */
  async kill(): Promise<number> {
    const pid = await this.#pid();
    const crashed = this.#next('guest-crashed');
    const killedAt = performance.now();
    process.kill(pid, 'SIGKILL');
    const ms = (await crashed) - killedAt;
    await this.#isClean();
    return ms;
  }

  close(): void {
    this.#following.abort();
  }

  async #pid(): Promise<number> {
    const { status } = await this.#host.client.call('guestShow', this.#params());
    if (status.pid === undefined) throw new Error(`the guest does not run: ${status.reason}`);
    return status.pid;
  }

  #params(): { params: { guest: string } } {
    return { params: { guest: 'tiny' } };
  }

  /** What follows a guest's end is not to be counted as the next start's. */
  #isClean(): Promise<unknown> {
    const tap = `cs${this.uid}0`;
    return waitFor(
      'the tap to be gone',
      () => !execFileSync('ip', ['-n', this.#host.netns, '-o', 'link'], { encoding: 'utf8' }).includes(tap),
      { timeoutMs: 10_000 },
    );
  }

  #next(kind: Event['kind']): Promise<number> {
    this.#awaited = { kind, told: Promise.withResolvers<number>() };
    return this.#host.unlessStopped(this.#awaited.told.promise);
  }

  async #follow(): Promise<void> {
    try {
      for await (const event of this.#host.client.stream('eventFollow', {}, { signal: this.#following.signal })) {
        const { kind } = event as Event;
        if (kind === this.#awaited?.kind) this.#awaited.told.resolve(performance.now());
        else if (kind === 'guest-start-failed') this.#awaited?.told.reject(new Error((event as Event).message));
      }
    } catch (error) {
      this.#awaited?.told.reject(error);
    }
  }

  #cpuMs(): { own: number; programs: number } {
    const { daemon, helper } = this.#host;
    const both = [cpuMs(helper.pid as number), cpuMs(daemon)];
    const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
    return { own: sum(both.map(({ own }) => own)), programs: sum(both.map(({ children }) => children)) };
  }
}
