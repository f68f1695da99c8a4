// What the API costs with 1,000 guests defined and running, beside a bare server of the runtime that sends the same bytes.
import { type ChildProcess, execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from '../src/lib/percentile.ts';
import { projectRoot } from '../scripts/project.ts';
import type { Bench, BenchContext } from './figure.ts';
import { openSimulatedSite, started, stopped } from './simulated-site.ts';
import { inPairs, median, timed } from './statistics.ts';

const steady = 'api/p99-at-2000-per-second-on-one-core';
const guests = 1000;
const listPath = '/v1/guests';
const onePath = '/v1/guests/guest-500';

export const bench: Bench = {
  figures: [
    { name: 'api/list-of-1000', unit: 'ms', goal: { atMost: 10 } },
    { name: 'api/one-guest', unit: 'ms', goal: { atMost: 1 } },
    { name: 'api/requests-per-second', unit: '1/s', goal: { atLeast: 2000 } },
    { name: steady, unit: 'ms', goal: { atMost: 20 } },
  ],
  async run(context) {
    context.say(`a site of ${guests} guests is applied`);
    const site = await openSimulatedSite(guests);
    const { folder, socketPath: daemon } = site;
    let bareServer: ChildProcess | undefined;
    try {
      const bare = join(folder, 'bare.sock');
      const copies = await Promise.all(
        [listPath, onePath].map(async (path, index) => [path, saved(folder, index, await get(daemon, path))]),
      );
      bareServer = await started([join(projectRoot, 'bench/bare-server.ts'), bare, ...copies.flat()]);
      await measure(context, daemon, bare);
      if (context.isWanted(steady)) await measureSteady(context, [site.pid, daemon], [bareServer.pid ?? 0, bare]);
    } finally {
      if (bareServer) await stopped(bareServer);
      await site.close();
    }
  },
};

async function measure({ isWanted, report, signal }: BenchContext, daemon: string, bare: string): Promise<void> {
  const what = 'a bare server sending the same bytes';
  const compare = (path: string, rounds: number) =>
    inPairs(
      { rounds, warmUp: 3, signal },
      () => medianTime(daemon, path, rounds),
      () => medianTime(bare, path, rounds),
    );
  if (isWanted('api/list-of-1000')) {
    const { a, b } = await compare(listPath, 15);
    report('api/list-of-1000', { value: a, baseline: { what, value: b } });
  }
  if (isWanted('api/one-guest')) {
    await medianTime(daemon, onePath, 500);
    const { a, b } = await compare(onePath, 50);
    report('api/one-guest', { value: a, baseline: { what, value: b } });
  }
  if (isWanted('api/requests-per-second')) {
    const { a, b } = await inPairs(
      { rounds: 5, signal },
      () => rate(daemon),
      () => rate(bare),
    );
    report('api/requests-per-second', { value: a, baseline: { what, value: b } });
  }
}

type Pinned = readonly [pid: number, socketPath: string];

/** Each on one core while it is measured; we on the others, where there are any. */
async function measureSteady({ report }: BenchContext, daemon: Pinned, bare: Pinned): Promise<void> {
  const tail = async ([pid, socketPath]: Pinned) => {
    pin(pid, '0');
    await steadyTimes(socketPath, 2000);
    return percentile(await steadyTimes(socketPath, steadyMs), 0.99);
  };
  const value = await tail(daemon);
  report(steady, { value, baseline: { what: 'a bare server sending the same bytes', value: await tail(bare) } });
}

const perSecond = 2000;
const steadyMs = 10_000;

/** Requests begin when their time has come, whether the ones before are answered or not; each is timed from then. */
async function steadyTimes(socketPath: string, forMs: number): Promise<number[]> {
  const wide = new Agent({ keepAlive: true, maxSockets: 32 });
  const times: Promise<number>[] = [];
  const begun = performance.now();
  try {
    for (let elapsed = 0; elapsed < forMs; elapsed = performance.now() - begun) {
      while (times.length < (elapsed * perSecond) / 1000) {
        const due = begun + (times.length * 1000) / perSecond;
        times.push(get(socketPath, onePath, wide).then(() => performance.now() - due));
      }
      await sleep(1);
    }
    return await Promise.all(times);
  } finally {
    wide.destroy();
  }
}

function pin(pid: number, cores: string): void {
  execFileSync('taskset', ['-a', '-p', '-c', cores, String(pid)], { stdio: 'ignore' });
}

const agent = new Agent({ keepAlive: true, maxSockets: 4 });

function get(socketPath: string, path: string, through = agent): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const outgoing = request({ socketPath, path, agent: through }, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('error', reject);
    response.on('end', () => {
      if (response.statusCode === 200) resolve(Buffer.concat(chunks));
      else reject(new Error(`${path} answered ${response.statusCode}`));
    });
  });
  outgoing.on('error', reject);
  outgoing.end();
  return promise;
}

async function medianTime(socketPath: string, path: string, count: number): Promise<number> {
  const times: number[] = [];
  for (let index = 0; index < count; index++) times.push(await timed(() => get(socketPath, path)));
  return median(times);
}

/** Requests of one guest per second, four connections at once. */
async function rate(socketPath: string): Promise<number> {
  const each = 500;
  const ask = async () => {
    for (let index = 0; index < each; index++) await get(socketPath, onePath);
  };
  return (4 * each * 1000) / (await timed(() => Promise.all([ask(), ask(), ask(), ask()])));
}

function saved(folder: string, index: number, content: Buffer): string {
  const path = join(folder, `answer-${index}.json`);
  writeFileSync(path, content);
  return path;
}
