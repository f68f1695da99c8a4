// What helper and daemon of a real host hold in memory together (PSS: shared pages counted once), guests not included.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectRoot } from '../scripts/project.ts';
import { sampleSite } from '../test/daemon/sample-site.ts';
import { emptyGuests } from './empty-guests.ts';
import type { Bench, BenchContext } from './figure.ts';
import { applySite, onHost, type RealHost } from './real-host.ts';
import { started, stopped } from './simulated-site.ts';

const idle = 'memory/idle-with-4-guests';
const busy = 'memory/1000-guests-after-20000-requests';
const requests = 20_000;
/** Until start-up is over and what it needed is given back. */
const settleMs = 15_000;

export const bench: Bench = {
  figures: [
    { name: idle, unit: 'MiB', goal: { atMost: 95 } },
    { name: busy, unit: 'MiB', goal: { atMost: 130 } },
  ],
  async run(context) {
    const bare = await bareServer();
    if (context.isWanted(idle))
      context.report(idle, {
        value: await onHost(context.signal, withFourGuests),
        baseline: { what: 'a bare server of the runtime', value: bare.idle },
      });
    if (context.isWanted(busy)) {
      context.report(busy, {
        value: await onHost(context.signal, (host) => withThousand(host, context)),
        baseline: { what: 'a bare server after as many', value: bare.busy },
      });
    }
  },
};

async function withFourGuests({ client, daemon, folder, helper, signal }: RealHost): Promise<number> {
  const site = sampleSite(4);
  await applySite(client, { ...site, images: emptyGuests(Object.values(site.guests), { folder, memoryMib: 128 }) });
  await sleep(settleMs, undefined, { signal });
  return pssOf(helper.pid) + pssOf(daemon);
}

async function withThousand({ client, daemon, socketPath, helper }: RealHost, { say }: BenchContext): Promise<number> {
  await applySite(client, sampleSite(1000, { autostart: false }));
  say(`${requests} requests`);
  await ask(socketPath, '/v1/guests/guest-500', requests);
  return pssOf(helper.pid) + pssOf(daemon);
}

async function bareServer(): Promise<{ idle: number; busy: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-bench-'));
  const socketPath = join(folder, 'bare.sock');
  const answer = join(folder, 'answer');
  writeFileSync(answer, 'x'.repeat(1024));
  const server = await started([join(projectRoot, 'bench/bare-server.ts'), socketPath, '/one', answer]);
  try {
    const before = pssOf(server.pid);
    await ask(socketPath, '/one', requests);
    return { idle: before, busy: pssOf(server.pid) };
  } finally {
    await stopped(server);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function ask(socketPath: string, path: string, count: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const one = () => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const outgoing = request({ socketPath, path, agent }, (response) => {
      response.resume();
      response.on('end', () => (response.statusCode === 200 ? resolve() : reject(new Error(`${path} answered ${response.statusCode}`))));
    });
    outgoing.on('error', reject);
    outgoing.end();
    return promise;
  };
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let index = 0; index < count / 4; index++) await one();
    }),
  );
  agent.destroy();
}

function pssOf(pid: number | undefined): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  return Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1]) / 1024;
}
