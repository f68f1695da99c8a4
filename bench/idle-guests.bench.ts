// What one running guest that does nothing costs the daemon, in memory and processor time: the difference between a site of eight and one of
// none, measured on the same daemon. The guests run and never boot: what they do is not what is measured.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sampleSite } from '../test/daemon/sample-site.ts';
import type { Bench } from './figure.ts';
import { cpuMs } from './process-times.ts';
import { applySite, onHost, type RealHost } from './real-host.ts';

const memory = 'guest/idle-cost-memory';
const processor = 'guest/idle-cost-cpu';
const guests = 8;
/** Until start-up is over and what it needed is given back. */
const settleMs = 15_000;
/** Two looks of the history and more. */
const watchMs = 130_000;

export const bench: Bench = {
  figures: [
    { name: memory, unit: 'KiB', goal: { atMost: 300 } },
    { name: processor, unit: '% of a processor', goal: { atMost: 0.1 } },
  ],
  async run({ isWanted, report, say }) {
    await onHost(async (host) => {
      const image = join(host.folder, 'empty.qcow2');
      execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', image, '64M']);
      const site = sampleSite(guests);
      for (const spec of Object.values(site.guests)) {
        spec.image = 'empty';
        spec.memoryMib = 64;
        delete spec.service;
      }
      const images = { empty: { file: image } };
      say('without guests');
      await applySite(host.client, { ...site, images, guests: {}, flows: [] });
      const alone = await cost(host);
      say(`with ${guests} guests`);
      await applySite(host.client, { ...site, images });
      const busy = await cost(host);
      const perGuest = (of: (cost: Cost) => number) => Math.max(0, (of(busy) - of(alone)) / guests);
      if (isWanted(memory)) {
        const value = perGuest(({ kib }) => kib);
        report(memory, { value, baseline: { what: 'the daemon without guests', value: alone.kib } });
      }
      if (isWanted(processor)) {
        const value = perGuest(({ percent }) => percent);
        report(processor, { value, baseline: { what: 'the daemon without guests', value: alone.percent } });
      }
    });
  },
};

interface Cost {
  kib: number;
  percent: number;
}

async function cost({ daemon }: RealHost): Promise<Cost> {
  await sleep(settleMs);
  const before = cpuMs(daemon).own;
  const begun = performance.now();
  await sleep(watchMs);
  const percent = ((cpuMs(daemon).own - before) * 100) / (performance.now() - begun);
  const kib = Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${daemon}/smaps_rollup`, 'latin1'))?.[1]);
  return { kib, percent };
}
