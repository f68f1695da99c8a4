// e2e: limit 10 min, long 30 min
// A daemon that was killed is followed by one that takes over every guest, by process id and start time, and starts none again. With `--long`
// a hundred of them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readProcess } from '../../src/helper/process-stat.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import { verify } from '../../src/local/verify.ts';
import type { Guest } from '../../src/model/guest-status.ts';
import { PausedHost } from './paused-guests.ts';

const count = process.env['CAISSON_TEST_LONG'] === '1' ? 100 : 20;
let host: PausedHost;

before(async () => {
  host = await PausedHost.open('adoption', count);
});
after(() => host.remove());

const namesOf = (all: readonly Guest[]) => all.map(({ uid, status }) => `${uid} ${status.pid} ${status.power}`).toSorted();
const startTimesOf = (all: readonly Guest[]) => all.map(({ status }) => readProcess(status.pid as number)?.startTime);

test(`${count} guests are taken over by the daemon that is started on them, and by each that follows one that was killed`, async () => {
  const first = await host.start();
  assert.equal(first.filter(({ status }) => status.power === 'paused').length, count);
  const startTimes = startTimesOf(first);
  assert.ok(startTimes.every((time) => time !== undefined));
  for (let kill = 0; kill < 3; kill++) {
    await host.kill();
    assert.deepEqual(namesOf(await host.start()), namesOf(first));
    assert.deepEqual(startTimesOf(first), startTimes);
  }
  const findings = await verify(host.data);
  assert.deepEqual(
    findings.filter(({ check }) => check === 'once' || check === 'processes'),
    [],
  );
});

test('one that ended while no daemon lived is told as crashed, and its number is nobody’s', async () => {
  await host.kill();
  const [first] = await host.start();
  assert.ok(first);
  await host.kill();
  const pid = first.status.pid as number;
  process.kill(pid, 'SIGKILL');
  await waitFor('it is gone', () => readProcess(pid) === undefined, { timeoutMs: 60_000 });
  const all = await host.start();
  assert.equal(all.find(({ uid }) => uid === first.uid)?.status.power, 'crashed');
  assert.equal(all.filter(({ status }) => status.power === 'paused').length, count - 1);
});
