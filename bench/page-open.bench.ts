// What a daemon holds in memory with a page open (its event stream, lists now and then) over 1,000 defined guests of which 20 run, after 10,000 requests;
// and, with --full, how much more it is after half an hour of that.
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { sampleSite } from '../test/daemon/sample-site.ts';
import { emptyGuests } from './empty-guests.ts';
import type { Bench } from './figure.ts';
import { applySite, onHost, type RealHost } from './real-host.ts';

const open = 'memory/page-open-after-10000-requests';
const soak = 'memory/page-open-growth-in-30-min';
const defined = 1000;
const running = 20;
const requests = 10_000;
const settleMs = 25_000;
const soakMs = 30 * 60_000;

export const bench: Bench = {
  figures: [
    { name: open, unit: 'MiB', goal: { atMost: 130 } },
    { name: soak, unit: 'MiB', goal: { atMost: 8 }, full: true },
  ],
  async run({ isWanted, report, say, signal }) {
    await onHost(signal, async (host) => {
      const before = pssMib(host.daemon);
      say(`${defined} guests, ${running} of them run`);
      await applySite(host.client, siteOf(host));
      // As a browser does: it follows events for as long as it is open.
      const page = connect(host.socketPath);
      page.on('error', () => {});
      page.resume();
      page.write('GET /v1/events/stream HTTP/1.1\r\nhost: x\r\n\r\n');
      try {
        say(`${requests} requests`);
        for (let index = 0; index < requests; index++) await look(host, index);
        await sleep(settleMs, undefined, { signal });
        const value = pssMib(host.daemon);
        const own = pssMib(host.daemon, 'Pss_Anon');
        if (isWanted(open)) report(open, { value, baseline: { what: 'the daemon without guests', value: before } });
        if (!isWanted(soak)) return;
        say('half an hour of that');
        const until = performance.now() + soakMs;
        for (let index = 0; performance.now() < until; index++) {
          signal.throwIfAborted();
          await look(host, index);
          await sleep(20);
        }
        await sleep(settleMs, undefined, { signal });
        // The program's own pages are shared with whoever else runs the same one meanwhile.
        const after = pssMib(host.daemon, 'Pss_Anon');
        say(`its own memory: ${own.toFixed(1)} MiB before, ${after.toFixed(1)} after`);
        report(soak, { value: after - own, baseline: { what: 'its own memory before', value: own } });
      } finally {
        page.destroy();
      }
    });
  },
};

/** What a page asks for: one guest after the other, and now and then the whole list. */
async function look({ client }: RealHost, index: number): Promise<void> {
  if (index % 100 === 0) await client.call('guestList');
  else await client.call('guestShow', { params: { guest: `guest-${index % defined}` } });
}

function siteOf({ folder }: RealHost) {
  const site = sampleSite(defined, { autostart: false });
  const started = Object.values(site.guests).slice(0, running);
  for (const spec of started) spec.autostart = true;
  return { ...site, images: { ...site.images, ...emptyGuests(started, { folder, memoryMib: 64 }) } };
}

function pssMib(pid: number, field: 'Pss' | 'Pss_Anon' = 'Pss'): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]) / 1024;
}
