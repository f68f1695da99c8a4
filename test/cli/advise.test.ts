// What `caisson guest advise` tells on a terminal: what should be another stands in columns of its own, and of one guest the whole sentence.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runCli } from '../../src/cli/run-cli.ts';
import { createSimulatedWorld, type SimulatedDaemon, startSimulatedDaemon } from '../../src/daemon/simulate.ts';
import { sampleSite } from '../daemon/sample-site.ts';
import { Terminal } from './terminal.ts';

const hourMs = 3_600_000;
let daemon: SimulatedDaemon;
let folder = '';

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'caisson-advise-'));
  const world = createSimulatedWorld();
  daemon = await startSimulatedDaemon({ world, bootMs: 1, socketPath: join(folder, 'api.sock') });
  const site = sampleSite(3, { autostart: false });
  const [narrow, plain] = Object.values(site.guests);
  Object.assign(narrow ?? {}, { memoryMib: 2048, memoryRange: { minMib: 512, maxMib: 2048 }, cpus: 2 });
  Object.assign(plain ?? {}, { memoryMib: 1024, cpus: 1 });
  const { engine } = daemon;
  await engine.jobs.wait((await engine.applySite(site, { prune: false, deleteDisks: false, overwrite: false }, 'test')).uid);
  const now = world.clock.now();
  for (const { uid, name } of engine.guests()) {
    if (name === 'guest-2') continue;
    const sample = { uid, cpuPermille: 300, usedMib: name === 'guest-0' ? 700 : 200, costMib: 900 };
    const rest = { readKib: 0, writtenKib: 0, receivedKib: 0, sentKib: 0 };
    const samples = Array.from({ length: 24 * 8 }, (_, hour) => ({ ...sample, ...rest, time: now - (24 * 8 - hour) * hourMs }));
    await world.history.add(samples, now);
  }
});

after(async () => {
  await daemon.close();
  await rm(folder, { recursive: true, force: true });
});

async function advise(...argv: string[]): Promise<string> {
  const terminal = new Terminal({ size: { columns: 100, rows: 30 }, env: { NO_COLOR: '1', HOME: folder } });
  const exit = await runCli(['guest', 'advise', '--url', `unix:${join(folder, 'api.sock')}`, ...argv], terminal);
  assert.equal(exit, 0, terminal.err);
  return terminal.out;
}

test('what should be another is told on a narrow terminal too', async () => {
  const [title, ...lines] = (await advise()).trimEnd().split('\n');
  assert.match(title ?? '', /^NAME +ADVICE +MEMORY +PROCESSORS +WHY$/);
  assert.ok(lines.every((line) => line.length <= 100));
  assert.match(lines[0] ?? '', /^guest-0 +larger +min 512 → 896, max 2,048 → 896 MiB +2 → 1 +uses 700/);
  assert.match(lines[1] ?? '', /^guest-1 +smaller +1,024 → 320 MiB +uses 200/);
  assert.match(lines[2] ?? '', /^guest-2 +too-short +the history/);
});

test('of one guest the whole sentence is told, each sum on a line', async () => {
  assert.equal(
    (await advise('guest-0')).replaceAll(/over [\d.]+ days/g, 'over 8 days'),
    [
      'guest       guest-0',
      'advice      larger',
      'memory      min 512 → 896, max 2,048 → 896 MiB',
      'processors  2 → 1',
      'why         uses 700 of 2,048 MiB and 0.30 of 2 processors at p99 over 8 days (at most 700 MiB)',
      '            in nine of ten hours 700 MiB or less',
      '            min 512 → 896 MiB (700 × 1.25 = 875)',
      '            max 2,048 → 896 MiB (700 × 1.25 = 875)',
      '            1 processor would do',
      '',
    ].join('\n'),
  );
  const { items } = JSON.parse(await advise('guest-0', '-o', 'json')) as { items: { name: string; memory: { range: object } }[] };
  assert.deepEqual(
    items.map(({ name, memory }) => [name, Object.keys(memory.range).length]),
    [['guest-0', 6]],
  );
});
