// Twenty guests that are started at once, from the first request until the agent of the last one answers, beside a script that starts the same
// QEMU commands all at once, and beside libvirt: ours are let boot a few at a time, and what that costs, or saves, is what is measured. What
// each costs the daemon while it does nothing; and what they notice of helper and daemon that are killed and started again.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../src/lib/wait-for.ts';
import type { Event } from '../src/model/event.ts';
import { parseSiteFile } from '../src/model/site-file.ts';
import type { Site } from '../src/model/site.ts';
import { tinyDisk } from '../test/tiny-guest/tiny-disk.ts';
import type { Bench, BenchContext } from './figure.ts';
import { HandTypedQemu } from './hand-typed-qemu.ts';
import { hardwareOf, hasLibvirt, Libvirt } from './libvirt.ts';
import { cpuMs } from './process-times.ts';
import { applySite, onHost, type RealHost, succeeded } from './real-host.ts';
import { inTurns, median, timed } from './statistics.ts';

const storm = 'guest/start-20';
const stormOfLibvirt = 'guest/start-20-against-libvirt';
const lost = 'daemon/packets-lost-in-restart';
const idleMemory = 'guest/idle-cost-memory';
const idleProcessor = 'guest/idle-cost-cpu';
const count = 20;
const rounds = 2;
const fullRounds = 5;
const readyTimeoutMs = 300_000;
const memoryMib = 96;
/** To each guest, one each 50 ms: for longer than a restart takes. */
const packets = 240;
/** Until what a start needed is given back. */
const settleMs = 15_000;
/** Between two looks of the history: wherever this begins, one is in it. */
const watchMs = 60_000;

export const bench: Bench = {
  figures: [
    { name: storm, unit: 'ratio', goal: { atMost: 1.1 } },
    { name: stormOfLibvirt, unit: 'ratio', goal: { atMost: 1 }, isMeasurable: hasLibvirt },
    { name: lost, unit: 'packets', goal: { atMost: 0 } },
    { name: idleMemory, unit: 'KiB', goal: { atMost: 300 } },
    { name: idleProcessor, unit: '% of a processor', goal: { atMost: 0.1 } },
  ],
  async run(context) {
    const { isWanted, say } = context;
    const image = await tinyDisk();
    await onHost(context.signal, async (host) => {
      const site = siteOf(image);
      const isIdleWanted = isWanted(idleMemory) || isWanted(idleProcessor);
      const one = isIdleWanted ? await costOfOne(context, host, site) : undefined;
      say(`${count} guests are made, and started once`);
      await applySite(host.client, site);
      if (one) tellIdleCost(context, one, await cost(host));
      const { items } = await host.client.call('guestList', {});
      const guests = items.map(({ name, uid, status }) => ({ name, uid, address: status.nics[0]?.addresses[0] as string }));
      if (isWanted(lost)) await countLost(context, host, guests);
      if (isWanted(storm) || isWanted(stormOfLibvirt)) await startTogether(context, host, guests, image);
    });
  },
};

type Named = readonly { name: string; uid: string; address: string }[];

async function startTogether(context: BenchContext, host: RealHost, guests: Named, image: string): Promise<void> {
  const { full, isWanted, report, say, signal } = context;
  await stopAll(host, guests);
  const runDirectory = realpathSync(join(host.folder, 'run'));
  const raw: HandTypedQemu[] = [];
  let libvirt: Libvirt | undefined;
  try {
    for (const [index, { uid }] of guests.entries())
      raw.push(new HandTypedQemu({ uid, dataDirectory: host.folder, runDirectory }, `caisson-bench-raw${index}`));
    const told = (what: string, ms: number) => {
      say(`${what} after ${(ms / 1000).toFixed(1)} s`);
      return ms;
    };
    const contenders: Record<string, () => Promise<number>> = {
      ours: async () => {
        const ms = told('ours: all are ready', await startAll(host, guests));
        await stopAll(host, guests);
        return ms;
      },
    };
    if (isWanted(storm))
      contenders['byHand'] = async () => {
        const ms = told('by hand: all answer', await timed(() => Promise.all(raw.map((one) => one.start()))));
        await Promise.all(raw.map((one) => one.end('SIGKILL')));
        return ms;
      };
    const [first] = raw;
    if (isWanted(stormOfLibvirt) && first) {
      say('libvirt looks at QEMU');
      libvirt = await Libvirt.open(first.netns);
      const domains = guests.map((_, index) => {
        const tap = `csglibvirt${index}`;
        first.addTap(tap);
        return (libvirt as Libvirt).define({ name: `caisson-bench${index}`, tap, image, memoryMib, ...hardwareOf(first.argv) });
      });
      contenders['libvirt'] = async () => {
        const ms = told('libvirt: all answer', await timed(() => Promise.all(domains.map((one) => one.start()))));
        await Promise.all(domains.map((one) => one.stop()));
        return ms;
      };
    }
    const measured = await inTurns({ rounds: full ? fullRounds : rounds, signal }, contenders);
    const tell = (name: string, peer: string, what: string) => {
      if (!isWanted(name)) return;
      const [value, baseline] = [measured.map((ms) => (ms['ours'] ?? NaN) / (ms[peer] ?? NaN)), measured.map((ms) => ms[peer] ?? NaN)];
      report(name, { value: median(value), baseline: { what, value: median(baseline), unit: 'ms' } });
    };
    tell(storm, 'byHand', 'the same QEMU commands started all at once');
    tell(stormOfLibvirt, 'libvirt', 'virsh start of as many such guests all at once');
  } finally {
    await libvirt?.close();
    for (const one of raw) await one.close();
  }
}

interface Cost {
  kib: number;
  percent: number;
}

/** Of the daemon with one guest: what it needs for guests at all is not what each costs. */
async function costOfOne({ say }: BenchContext, host: RealHost, site: Site): Promise<Cost> {
  say('one guest');
  await applySite(host.client, { ...site, guests: Object.fromEntries(Object.entries(site.guests).slice(0, 1)) });
  return cost(host);
}

function tellIdleCost({ isWanted, report }: BenchContext, one: Cost, all: Cost): void {
  const tell = (name: string, key: keyof Cost) => {
    if (!isWanted(name)) return;
    const value = Math.max(0, all[key] - one[key]) / (count - 1);
    report(name, { value, baseline: { what: 'the daemon with one guest', value: one[key] } });
  };
  tell(idleMemory, 'kib');
  tell(idleProcessor, 'percent');
}

/** What the daemon needs while nothing happens. */
async function cost({ daemon, signal }: RealHost): Promise<Cost> {
  await sleep(settleMs, undefined, { signal });
  const before = cpuMs(daemon).own;
  const begun = performance.now();
  await sleep(watchMs, undefined, { signal });
  const percent = ((cpuMs(daemon).own - before) * 100) / (performance.now() - begun);
  // Its own: what it shares with others of the same program changes with how many of those run.
  const kib = Number(/^Anonymous:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${daemon}/smaps_rollup`, 'latin1'))?.[1]);
  return { kib, percent };
}

async function countLost({ report, say }: BenchContext, host: RealHost, guests: Named): Promise<void> {
  const before = await lostDuring(host, guests, () => Promise.resolve());
  const begun = performance.now();
  const value = await lostDuring(host, guests, async () => {
    await host.restart();
    say(`helper and daemon are there again after ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  });
  report(lost, { value, baseline: { what: `of ${packets * guests.length} without a restart`, value: before } });
}

/** Of the packets that are sent to every guest while something is done, those that were not answered. */
async function lostDuring({ netns }: RealHost, guests: Named, work: () => Promise<void>): Promise<number> {
  const pings = guests.map(({ address }) => {
    const argv = ['netns', 'exec', netns, 'ping', '-q', '-i', '0.05', '-W', '10', '-c', String(packets), address];
    return told(spawn('ip', argv, { stdio: ['ignore', 'pipe', 'inherit'] }));
  });
  await work();
  const answers = await Promise.all(pings);
  return answers.reduce((sum, text) => {
    const received = /(\d+) packets transmitted, (\d+) received/.exec(text);
    if (Number(received?.[1]) !== packets) throw new Error(`ping said: ${text}`);
    return sum + packets - Number(received?.[2]);
  }, 0);
}

async function told(child: ChildProcess): Promise<string> {
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await once(child, 'close');
  return said;
}

/** Milliseconds from the first request until the last guest is ready, as the daemon tells it. */
async function startAll({ client, signal }: RealHost, guests: Named): Promise<number> {
  const following = new AbortController();
  const ready = new Set<string>();
  const follow = async () => {
    for await (const event of client.stream('eventFollow', {}, { signal: following.signal })) {
      const { kind, object } = event as Event;
      if (kind === 'guest-ready' && object !== undefined) ready.add(object);
    }
  };
  const told = follow();
  told.catch(() => undefined);
  try {
    const begun = performance.now();
    const jobs = await Promise.all(guests.map(({ name }) => client.call('guestStart', { params: { guest: name } })));
    await waitFor('every guest to be ready', () => ready.size === guests.length, { timeoutMs: readyTimeoutMs, everyMs: 5, signal });
    const ms = performance.now() - begun;
    await Promise.all(jobs.map((job) => succeeded(client, Promise.resolve(job))));
    return ms;
  } finally {
    following.abort();
  }
}

async function stopAll({ client }: RealHost, guests: Named): Promise<void> {
  await Promise.all(guests.map(({ name }) => succeeded(client, client.call('guestStop', { params: { guest: name } }))));
}

function siteOf(image: string): Site {
  const guests = Array.from(
    { length: count },
    (_, index) =>
      `  tiny${index}: { image: tiny, zone: one, memory: ${memoryMib}MiB, disks: { root: 64MiB }, display: none, service: { ready: { agent: true } } }\n`,
  );
  const text = `version: 1\nsite: bench\nzones:\n  one: { subnets: [10.77.1.0/24] }\nimages: { tiny: { file: ${image} } }\nguests:\n${guests.join('')}`;
  const parsed = parseSiteFile(text, () => undefined);
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  return parsed.site;
}
