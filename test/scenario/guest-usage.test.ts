// What guests use, on a simulated host: looked at now, noted each minute, advised from after a week; and the host that runs short of memory.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../src/lib/clock.ts';
import { parseSiteFile } from '../../src/model/site-file.ts';
import { createSimulatedWorld, startSimulatedDaemon } from '../../src/daemon/simulate.ts';

const minuteMs = 60_000;

function site() {
  const fields = 'image: debian-12, zone: inside, memory: 512MiB, cpus: 2, disks: { root: 4GiB }';
  const text = `version: 1\nsite: lab\nzones: { inside: { subnets: [10.20.0.0/16] } }\nguests:\n  web: { ${fields} }\n  idle: { ${fields}, autostart: false }\n`;
  const parsed = parseSiteFile(text, () => undefined);
  if ('problems' in parsed) assert.fail(JSON.stringify(parsed.problems));
  return parsed.site;
}

async function running() {
  const clock = new FakeClock();
  const world = createSimulatedWorld({ clock });
  const daemon = await startSimulatedDaemon({ world, bootMs: 1000 });
  const job = await daemon.engine.applySite(site(), { prune: false, deleteDisks: false, overwrite: false }, 'test');
  await clock.advance(10_000);
  assert.equal((await daemon.engine.jobs.get(job.uid)).state, 'succeeded');
  return { clock, world, daemon, engine: daemon.engine };
}

test('a guest that runs tells what it uses; one that does not has nothing to count', async (t) => {
  const { world, daemon, engine } = await running();
  t.after(() => daemon.close());
  const { uid, status } = await engine.guest('web');
  world.sensors.counters.set(status.nics[0]?.tap ?? '', { receivedBytes: 1000, receivedPackets: 10, sentBytes: 3000, sentPackets: 30 });
  const [stats, ...others] = await engine.stats();
  assert.deepEqual(others, []);
  assert.deepEqual([stats?.uid, stats?.cpus, stats?.memory.promisedMib, stats?.memory.swapBytes], [uid, 2, 512, 0]);
  assert.equal((stats?.memory.guest?.totalBytes ?? 0) - (stats?.memory.guest?.availableBytes ?? 0), 64 * 1024 * 1024);
  // What the host has sent is what the guest has received.
  assert.deepEqual(
    stats?.nics.map(({ receivedBytes, sentBytes }) => [receivedBytes, sentBytes]),
    [[3000, 1000]],
  );
  assert.deepEqual(
    stats?.disks.map(({ name }) => name),
    ['root'],
  );
  await assert.rejects(engine.guestStats('idle'), { code: 'not-allowed', message: /does not run/ });
});

test('each minute is noted, hours are made of them, and a deleted guest is forgotten', async (t) => {
  const { clock, daemon, engine } = await running();
  t.after(() => daemon.close());
  for (let minute = 0; minute < 125; minute++) await clock.advance(minuteMs);
  const { uid, items } = await engine.guestHistory('web', 'minute');
  assert.ok(items.length >= 120, `${items.length} minutes`);
  assert.ok(items.every(({ cpuPermille, usedMib }) => Math.abs(cpuPermille.mean - 100) <= 1 && usedMib?.max === 64));
  const hours = (await engine.guestHistory('web', 'hour')).items;
  assert.ok(hours.length >= 1 && hours[0]?.usedMib?.p99 === 64);
  assert.deepEqual((await engine.guestHistory('idle', 'minute')).items, []);
  const advice = await engine.advice();
  assert.deepEqual(
    advice.map(({ name, verdict }) => [name, verdict]),
    [
      ['idle', 'too-short'],
      ['web', 'too-short'],
    ],
  );
  for (const begin of [() => engine.stopGuest('web', 'test'), () => engine.deleteGuest('web', { deleteDisks: true }, 'test')]) {
    const job = await begin();
    await clock.advance(5000);
    assert.equal((await engine.jobs.get(job.uid)).state, 'succeeded');
  }
  assert.deepEqual(await daemon.world.history.read({ uid, resolution: 'minute' }), []);
});

test('a system that has hardly any memory left is noted with what it was given, and a range is advised of', async (t) => {
  const clock = new FakeClock();
  const world = createSimulatedWorld({ clock });
  const daemon = await startSimulatedDaemon({ world, bootMs: 1000 });
  t.after(() => daemon.close());
  const { engine } = daemon;
  const wanted = site();
  Object.assign(wanted.guests['web'] ?? {}, { memoryRange: { minMib: 256, maxMib: 1024 } });
  await engine.applySite(wanted, { prune: false, deleteDisks: false, overwrite: false }, 'test');
  await clock.advance(10_000);
  const { uid } = await engine.guest('web');
  world.host.behave(uid, { usedBytes: 470 * 1024 * 1024 });
  for (let minute = 0; minute < 3; minute++) await clock.advance(minuteMs);
  const last = (await engine.guestHistory('web', 'minute')).items.at(-1);
  assert.deepEqual([last?.usedMib?.max, last?.short], [470, { minutes: 1, ofMib: 512 }]);
  // A week of the same.
  const hours = 24 * 7;
  const sample = {
    uid,
    cpuPermille: 100,
    usedMib: 470,
    shortOfMib: 512,
    costMib: 600,
    readKib: 0,
    writtenKib: 0,
    receivedKib: 0,
    sentKib: 0,
  };
  const now = clock.now();
  const samples = Array.from({ length: hours }, (_, hour) => ({ ...sample, time: now - (hours - hour) * 60 * minuteMs }));
  await world.history.add(samples, now);
  const advice = (await engine.advice()).find(({ name }) => name === 'web');
  assert.equal(advice?.verdict, 'larger');
  assert.deepEqual(advice?.memory?.range, {
    ordinaryMib: 470,
    cappedPercent: 0,
    givenMinMib: 256,
    proposedMinMib: 640,
    givenMaxMib: 1024,
    proposedMaxMib: 1024,
  });
  assert.equal(advice?.memory?.proposedMib, 640);
});

test('a disk that runs full is told once, the host shows it as long as it lasts, and it is told that it is over', async (t) => {
  const { clock, world, daemon, engine } = await running();
  t.after(() => daemon.close());
  const told = async () =>
    (await engine.events.list({ limit: 100 })).filter(({ kind }) => kind === 'host-disk-low').map(({ message }) => message);
  const shown = async () => (await engine.host()).disks.map(({ problem }) => problem);
  const gib = 1024 ** 3;
  const leave = async (freeGib: number) => {
    world.sensors.space = [{ path: '/srv', sizeBytes: 100 * gib, freeBytes: freeGib * gib }];
    await clock.advance(2 * minuteMs);
  };
  await leave(6);
  assert.deepEqual([await told(), await shown()], [[], [undefined]]);
  await leave(4);
  await leave(3);
  const low = 'the disk of /srv has 3,072 MiB left of 100.0 GiB: a guest that finds no space is paused; make space there, or give it more';
  assert.deepEqual(await shown(), [low]);
  // Not yet clearly enough: nothing new.
  await leave(5);
  await leave(4);
  assert.equal((await told()).length, 1);
  await leave(20);
  assert.deepEqual(await told(), [low.replace('3,072', '4,096'), 'the disk of /srv has enough space again: 20.0 GiB']);
  assert.deepEqual(await shown(), [undefined]);
});

test('a host that runs short of memory says so once, and once more when it is over', async (t) => {
  const { clock, world, daemon, engine } = await running();
  t.after(() => daemon.close());
  const told = async () =>
    (await engine.events.list({ limit: 100 })).filter(({ kind }) => kind === 'host-memory-low').map(({ message }) => message);
  await clock.advance(2 * minuteMs);
  assert.deepEqual(await told(), []);
  world.sensors.pressure = { availableMib: 5000, swapUsedMib: 0, waiting: { some: 0.4, full: 0.1 } };
  await clock.advance(3 * minuteMs);
  world.sensors.pressure = { availableMib: 5000, swapUsedMib: 0, waiting: { some: 0, full: 0 } };
  await clock.advance(minuteMs);
  assert.deepEqual(await told(), [
    'the host runs short of memory: programs have waited for memory in 40 % of the last ten seconds; 5,000 MiB are available',
    'the host has enough memory again',
  ]);
});
