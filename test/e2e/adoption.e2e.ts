// e2e: limit 10 min
// A daemon that was killed is followed by one that takes over every guest, by process id and start time, and starts none again. With `--long`
// a hundred of them.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createClient } from '../../src/api/client.ts';
import { createNodeTransport } from '../../src/api/node-transport.ts';
import { readProcess } from '../../src/helper/process-stat.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import { verify } from '../../src/local/verify.ts';
import type { Guest } from '../../src/model/guest-status.ts';
import { type PausedGuests, startPausedGuests } from './paused-guests.ts';

const launcher = join(import.meta.dirname, '../../bin/caisson');
const netns = 'cst-adoption';
const count = process.env['CAISSON_TEST_LONG'] === '1' ? 100 : 20;

let guests: PausedGuests;
let helper: ChildProcess | undefined;

before(async () => {
  guests = await startPausedGuests('adoption', count, netns);
  // The stores are the daemon's.
  for (const name of ['store.sqlite', 'journal.sqlite', 'daemon.json'])
    chownSync(`${guests.data}/${name}`, guests.fixture.user.userId, guests.fixture.user.groupId);
});

after(async () => {
  await killDaemon();
  await guests.fixture.remove();
});

async function startDaemon(): Promise<Guest[]> {
  let said = '';
  const child = spawn(launcher, ['daemon', '--data', guests.data, '--netns', netns], { stdio: ['ignore', 'pipe', 'pipe'] });
  helper = child;
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await waitFor(
    'the daemon is ready',
    () => {
      assert.equal(child.exitCode, null, said);
      return /^ready /m.test(said);
    },
    { timeoutMs: 60_000, everyMs: 5 },
  );
  const transport = createNodeTransport({ socketPath: join(guests.data, 'run/api.sock') });
  try {
    return (await createClient(transport).call('guestList', {})).items;
  } finally {
    transport.close();
  }
}

async function killDaemon(): Promise<void> {
  if (helper?.pid === undefined || helper.exitCode !== null) return;
  process.kill(helper.pid, 'SIGKILL');
  await waitFor('both are gone', () => helper?.signalCode === 'SIGKILL' && !isListed(), { timeoutMs: 20_000 });
}

function isListed(): boolean {
  try {
    execFileSync('pgrep', ['-f', `dist/daemon\\.js --data ${guests.data}`]);
    return true;
  } catch {
    return false;
  }
}

const namesOf = (all: readonly Guest[]) => all.map(({ uid, status }) => `${uid} ${status.pid} ${status.power}`).toSorted();

test(`${count} guests are taken over by the daemon that is started on them, and by each that follows one that was killed`, async () => {
  const first = await startDaemon();
  assert.equal(first.filter(({ status }) => status.power === 'paused').length, count);
  const startTimes = first.map(({ status }) => readProcess(status.pid as number)?.startTime);
  assert.ok(startTimes.every((time) => time !== undefined));
  for (let kill = 0; kill < 3; kill++) {
    await killDaemon();
    const next = await startDaemon();
    assert.deepEqual(namesOf(next), namesOf(first));
    assert.deepEqual(
      first.map(({ status }) => readProcess(status.pid as number)?.startTime),
      startTimes,
    );
  }
  assert.deepEqual(
    (await verify(guests.data)).filter(({ check }) => check === 'once' || check === 'processes'),
    [],
  );
});

test('one that ended while no daemon lived is told as crashed, and its number is nobody’s', async () => {
  const before = await startedGuest(0);
  await killDaemon();
  process.kill(before.pid, 'SIGKILL');
  await waitFor('it is gone', () => readProcess(before.pid) === undefined, { timeoutMs: 10_000 });
  const all = await startDaemon();
  assert.equal(all.find(({ uid }) => uid === before.uid)?.status.power, 'crashed');
  assert.equal(all.filter(({ status }) => status.power === 'paused').length, count - 1);
});

async function startedGuest(index: number): Promise<{ uid: string; pid: number }> {
  await killDaemon();
  const all = await startDaemon();
  const { uid, status } = all[index] as Guest;
  return { uid, pid: status.pid as number };
}
