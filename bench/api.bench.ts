// What the API costs with 1,000 guests defined and running, beside a bare server of the runtime that sends the same bytes.
import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { projectRoot } from '../scripts/project.ts';
import type { Bench, BenchContext } from './figure.ts';
import { openSimulatedSite, started, stopped } from './simulated-site.ts';
import { inPairs, median, timed } from './statistics.ts';

const guests = 1000;
const listPath = '/v1/guests';
const onePath = '/v1/guests/guest-500';

export const bench: Bench = {
  figures: [
    { name: 'api/list-of-1000', unit: 'ms', goal: { atMost: 10 } },
    { name: 'api/one-guest', unit: 'ms', goal: { atMost: 1 } },
    { name: 'api/requests-per-second', unit: '1/s', goal: { atLeast: 2000 } },
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

const agent = new Agent({ keepAlive: true, maxSockets: 4 });

function get(socketPath: string, path: string): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const outgoing = request({ socketPath, path, agent }, (response) => {
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
