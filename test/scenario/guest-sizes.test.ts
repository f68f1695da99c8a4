// Memory, processors, disks and nics of guests that run, on a simulated host: what follows at once, what is said to be pending, what is refused with
// nothing changed, and memory that goes where it is needed when a site overcommits.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { CaissonError } from '../../src/lib/errors.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import type { GuestChange } from '../../src/model/guest-change.ts';
import type { Guest } from '../../src/model/guest-status.ts';
import type { Job } from '../../src/model/job.ts';
import { parseSiteFile } from '../../src/model/site-file.ts';
import type { Site } from '../../src/model/site.ts';
import { createSimulatedWorld, type SimulatedDaemon, type SimulatedWorld, startSimulatedDaemon } from '../../src/daemon/simulate.ts';

const open = new Set<SimulatedDaemon>();
afterEach(async () => {
  for (const daemon of open) await daemon.close();
  open.clear();
});

const fields = 'image: debian-12, zone: inside';
const ranged = 'memory: { min: 512MiB, max: 2GiB, size: 1GiB }';

function site(guests: string, more = ''): Site {
  const text = `version: 1\nsite: lab\n${more}zones:\n  inside: { subnets: [10.20.0.0/16] }\nguests:\n${guests}`;
  const parsed = parseSiteFile(text, () => undefined);
  if ('problems' in parsed) assert.fail(JSON.stringify(parsed.problems));
  return parsed.site;
}

const web = (memory = ranged, disks = 'root: 4GiB', rest = '') => `  web: { ${fields}, ${memory}, disks: { ${disks} }${rest} }\n`;

async function start(world: SimulatedWorld = createSimulatedWorld()): Promise<SimulatedDaemon> {
  const daemon = await startSimulatedDaemon({ world, bootMs: 20 });
  open.add(daemon);
  return daemon;
}

async function apply(daemon: SimulatedDaemon, wanted: Site): Promise<Job> {
  const { engine } = daemon;
  const job = await engine.applySite(wanted, { prune: false, deleteDisks: false, overwrite: false }, 'test');
  return engine.jobs.wait(job.uid);
}

async function running(text = web(), world?: SimulatedWorld): Promise<SimulatedDaemon> {
  const daemon = await start(world);
  const job = await apply(daemon, site(text));
  assert.equal(job.state, 'succeeded', job.error?.message);
  return daemon;
}

async function set({ engine }: SimulatedDaemon, change: GuestChange, name = 'web'): Promise<string[]> {
  const job = await engine.jobs.wait((await engine.setGuest(name, change, 'test')).uid);
  assert.equal(job.state, 'succeeded', job.error?.message);
  return (job.result as { pending: string[] }).pending;
}

function live({ world }: SimulatedDaemon, guest: Guest) {
  const process = world.host.processes.get(guest.uid);
  assert.ok(process, `guest ${guest.name} runs`);
  return process;
}

async function refused(daemon: SimulatedDaemon, change: GuestChange, why: RegExp, code = 'invalid'): Promise<void> {
  const { engine } = daemon;
  const before = await engine.guest('web');
  await assert.rejects(
    async () => engine.setGuest('web', change, 'test'),
    (error: CaissonError) => error.code === code && why.test(error.message),
  );
  const after = await engine.guest('web');
  assert.deepEqual([after.spec, after.status.has], [before.spec, before.status.has]);
}

test('a guest that runs gets memory and processors, and gives them back, without being restarted', async () => {
  const daemon = await running();
  const before = await daemon.engine.guest('web');
  assert.deepEqual(live(daemon, before).live.memory, {
    boardMib: 512,
    plugged: { sizeMib: 512, requestedMib: 512, maxMib: 1536 },
    balloonMib: 0,
  });
  assert.deepEqual(await set(daemon, { memoryMib: 2048, cpus: 4 }), []);
  const grown = await daemon.engine.guest('web');
  assert.equal(grown.status.pid, before.status.pid);
  assert.deepEqual(grown.status.has, { memoryMib: 2048, promisedMib: 2048, cpus: 4 });
  assert.equal(live(daemon, grown).limits.memoryMib, 2048 + 220 + 32);
  assert.deepEqual(await set(daemon, { memoryMib: 512, cpus: 1 }), []);
  const small = await daemon.engine.guest('web');
  assert.deepEqual(small.status.has, { memoryMib: 512, promisedMib: 512, cpus: 1 });
  assert.equal(live(daemon, small).limits.memoryMib, 512 + 220 + 8);
  assert.equal((await daemon.engine.host()).memory.promisedMib, 512 + 220 + 8);
});

test('an apply of a changed file does the same, and a guest that was changed elsewhere is left as it is', async () => {
  const daemon = await running();
  const { pid } = (await daemon.engine.guest('web')).status;
  const job = await apply(
    daemon,
    site(web('memory: { min: 512MiB, max: 2GiB }', 'root: 8GiB, data: 1GiB', ', cpus: 2, cpu: { limit: 1.5 }')),
  );
  assert.equal(job.state, 'succeeded', job.error?.message);
  const { changes } = job.result as { changes: string[] };
  assert.ok(!changes.some((line) => line.includes('next start')), changes.join('\n'));
  const guest = await daemon.engine.guest('web');
  assert.equal(guest.status.pid, pid);
  assert.deepEqual([guest.status.has?.memoryMib, guest.status.has?.cpus, guest.status.pending], [2048, 2, []]);
  assert.deepEqual(live(daemon, guest).live.disks, [0, 1]);
  assert.equal(live(daemon, guest).limits.cpuLimit, 1.5);
  assert.deepEqual(
    guest.status.disks.map(({ name, sizeBytes }) => [name, sizeBytes / 1024 ** 3]),
    [
      ['root', 8],
      ['data', 1],
    ],
  );
  await set(daemon, { memoryMib: 1024 });
  await apply(daemon, site(web('memory: { min: 512MiB, max: 2GiB }', 'root: 8GiB, data: 1GiB', ', cpus: 2, cpu: { limit: 1.5 }')));
  assert.equal((await daemon.engine.guest('web')).spec.memoryMib, 1024);
});

test('what a guest cannot follow is pending in words, and done at its next start', async () => {
  const world = createSimulatedWorld();
  const daemon = await running(web('memory: 512MiB'), world);
  const { uid } = await daemon.engine.guest('web');
  assert.deepEqual(await set(daemon, { memoryMib: 1024, cpus: 12 }), [
    'memory 512 → 1,024 MiB: at its next start, since it has no range { min, max }',
    'processors 1 → 12: 8 are the most that it can have until its next start',
  ]);
  assert.equal((await daemon.engine.guest('web')).status.has?.memoryMib, 512);
  // Promised is what it has, not what it may have one day.
  assert.equal((await daemon.engine.host()).memory.promisedMib, 512 + 220 + 8 * 8);
  await daemon.engine.jobs.wait((await daemon.engine.stopGuest('web', 'test')).uid);
  assert.deepEqual((await daemon.engine.guest('web')).status.pending, []);
  await daemon.engine.jobs.wait((await daemon.engine.startGuest('web', 'test')).uid);
  const guest = await daemon.engine.guest(uid);
  assert.deepEqual([guest.status.has?.memoryMib, guest.status.has?.cpus, guest.status.pending], [1024, 12, []]);
});

test('a system that does not let go of a processor or a disk has them until its next start', async () => {
  const world = createSimulatedWorld();
  const daemon = await running(web(ranged, 'root: 4GiB, data: 1GiB', ', cpus: 4'), world);
  const { uid } = await daemon.engine.guest('web');
  world.host.behave(uid, { follows: { memory: true, balloon: true, cpus: false, disks: false, nics: false } });
  const clock = world.clock.sleep.bind(world.clock);
  // Its time is not waited for here.
  world.clock.sleep = (_ms, signal) => clock(1, signal);
  const pending = await set(daemon, { cpus: 1, disks: { data: null } });
  assert.deepEqual(pending, [
    'processors → 1: its system does not let go of 3; at its next start',
    'disk data (unplug): its system does not let go of it; at its next start',
  ]);
  world.clock.sleep = clock;
  world.host.behave(uid, { follows: { memory: true, balloon: true, cpus: true, disks: true, nics: true } });
  await daemon.engine.jobs.wait((await daemon.engine.stopGuest('web', 'test')).uid);
  await daemon.engine.jobs.wait((await daemon.engine.startGuest('web', 'test')).uid);
  const guest = await daemon.engine.guest('web');
  assert.deepEqual([guest.status.pending, guest.status.has?.cpus, live(daemon, guest).live.disks], [[], 1, [0]]);
});

test('a limit below what is used is put off, said, and set once less is used', async () => {
  const world = createSimulatedWorld();
  const daemon = await running(web(), world);
  const guest = await daemon.engine.guest('web');
  const before = live(daemon, guest).limits.memoryMib;
  world.host.behave(guest.uid, { usedBytes: 900 * 1024 * 1024 });
  assert.match(
    (await set(daemon, { memoryMib: 512 })).join(),
    /^the limit of its memory: guest \w+ uses 900 MiB, more than the 7\d\d it shall have$/,
  );
  assert.equal(live(daemon, guest).limits.memoryMib, before, 'it would be killed for it');
  world.host.behave(guest.uid, { usedBytes: 300 * 1024 * 1024 });
  assert.deepEqual(await set(daemon, {}), []);
  assert.ok(live(daemon, guest).limits.memoryMib < before);
});

test('what is asked of a guest that is stopped is refused, with its name and what can be', async () => {
  const daemon = await running();
  const { engine } = daemon;
  await engine.jobs.wait((await engine.stopGuest('web', 'test')).uid);
  const before = await engine.guest('web');
  const asked: Record<string, () => unknown> = {
    stop: () => engine.stopGuest('web', 'test'),
    pause: () => engine.pauseGuest('web', 'test'),
    resume: () => engine.resumeGuest('web', 'test'),
    console: () => engine.consoles.openSerial('web', { history: 0 }),
  };
  const refusal = (action: string) => new RegExp(`^guest “web” is stopped: ${action} needs it to be .*; possible now: start, delete$`);
  for (const [action, ask] of Object.entries(asked))
    await assert.rejects(async () => ask(), { code: 'not-allowed', message: refusal(action) }, action);
  const reboot = await engine.jobs.wait((await engine.rebootGuest('web', {}, 'test')).uid);
  assert.match(reboot.error?.message ?? '', refusal('reboot'));
  // That is what was asked for.
  assert.equal((await engine.jobs.wait((await engine.shutdownGuest('web', {}, 'test')).uid)).state, 'succeeded');
  await assert.rejects(engine.guestStats('web'), { code: 'not-allowed', message: /guest “web” does not run/ });
  await assert.rejects(async () => engine.startGuest('webb', 'test'), { code: 'not-found', message: /webb/ });
  assert.deepEqual(await engine.guest('web'), before);
});

const twoZones = 'zones:\n  inside: { subnets: [10.20.0.0/16] }\n  outside: { subnets: [192.0.2.0/24] }\n';
const twoNics = 'nics: [{ zone: inside, addresses: [10.20.0.10] }, { zone: outside, addresses: [192.0.2.10] }]';
const oneNic = 'zone: inside, addresses: [10.20.0.10]';

function nicSite(nics: string): Site {
  const text = `version: 1\nsite: lab\n${twoZones}guests:\n  web: { image: debian-12, ${nics}, memory: 512MiB, disks: { root: 4GiB } }\n`;
  const parsed = parseSiteFile(text, () => undefined);
  if ('problems' in parsed) assert.fail(JSON.stringify(parsed.problems));
  return parsed.site;
}

async function applied(daemon: SimulatedDaemon, nics: string): Promise<Guest> {
  const job = await apply(daemon, nicSite(nics));
  assert.equal(job.state, 'succeeded', job.error?.message);
  return daemon.engine.guest('web');
}

const tapsUp = async ({ world }: SimulatedDaemon) => (await world.network.observe()).taps;

test('a guest that runs gets a nic, and gives it back; its tap is there as long as the nic is', async () => {
  const daemon = await start();
  const first = await applied(daemon, oneNic);
  const second = await applied(daemon, twoNics);
  assert.deepEqual([live(daemon, second).live.nics, second.status.pending], [[4, 5], []]);
  assert.equal(second.status.pid, first.status.pid, 'it was not restarted');
  assert.deepEqual(await tapsUp(daemon), [`cs${second.uid}0`, `cs${second.uid}1`]);
  const third = await applied(daemon, oneNic);
  assert.deepEqual([live(daemon, third).live.nics, third.status.pending, third.status.pid], [[4], [], first.status.pid]);
  assert.deepEqual(await tapsUp(daemon), [`cs${third.uid}0`]);
  // What it got while it ran goes with it at its end.
  await applied(daemon, twoNics);
  await daemon.engine.jobs.wait((await daemon.engine.stopGuest('web', 'test')).uid);
  assert.deepEqual(await tapsUp(daemon), []);
});

test('other addresses of a nic that stays are pending until the next start, and what passes is theirs at once', async () => {
  const world = createSimulatedWorld();
  const daemon = await start(world);
  const at = (address: string, zone = 'inside') => `zone: ${zone}, addresses: [${address}]`;
  const why = 'at its next start, since its system was told the former; what passes is that of the latter already';
  const first = await applied(daemon, at('10.20.0.10'));
  assert.deepEqual(first.status.pending, []);
  const second = await applied(daemon, at('10.20.0.11'));
  assert.deepEqual(
    [second.status.pid, second.status.pending],
    [first.status.pid, [`addresses 10.20.0.10 → 10.20.0.11 in zone inside: ${why}`]],
  );
  assert.deepEqual(world.network.state?.nics[0]?.addresses, ['10.20.0.11']);
  assert.deepEqual((await applied(daemon, at('10.20.0.10'))).status.pending, [], 'as it was told');
  // A card that the nic of another zone takes over.
  await applied(daemon, at('192.0.2.10', 'outside'));
  open.delete(daemon);
  await daemon.close();
  const next = await start(world);
  const pending = [`addresses 10.20.0.10 → 192.0.2.10 in zone outside: ${why}`];
  const isSaid = async () => JSON.stringify((await next.engine.guest('web')).status.pending) === JSON.stringify(pending);
  await waitFor('the next daemon says so too', isSaid, { timeoutMs: 60_000 });
  await next.engine.jobs.wait((await next.engine.stopGuest('web', 'test')).uid);
  await next.engine.jobs.wait((await next.engine.startGuest('web', 'test')).uid);
  assert.deepEqual(await set(next, {}), []);
});

test('a nic comes and goes by a change of its guest alone, with an address from its zone, and the site has it', async () => {
  const daemon = await start();
  const first = await applied(daemon, oneNic);
  assert.deepEqual(await set(daemon, { nics: { outside: { addresses: [] } } }), []);
  const second = await daemon.engine.guest('web');
  assert.equal(second.status.pid, first.status.pid);
  assert.deepEqual(live(daemon, second).live.nics, [4, 5]);
  assert.deepEqual(
    second.status.nics.map(({ zone, addresses }) => [zone, ...addresses]),
    [
      ['inside', '10.20.0.10'],
      ['outside', '192.0.2.10'],
    ],
  );
  assert.deepEqual(daemon.world.network.state?.nics.at(-1)?.addresses, ['192.0.2.10']);
  assert.deepEqual(daemon.engine.site().site.guests['web']?.nics, second.spec.nics);
  // Somebody else's change since the last apply: the file does not take it back unasked.
  assert.equal((await apply(daemon, nicSite(oneNic))).state, 'succeeded');
  assert.equal((await daemon.engine.guest('web')).spec.nics.length, 2);
  assert.deepEqual(await set(daemon, { nics: { inside: null } }), []);
  const third = await daemon.engine.guest('web');
  assert.deepEqual([live(daemon, third).live.nics, await tapsUp(daemon)], [[5], [`cs${third.uid}1`]]);
  assert.deepEqual(
    daemon.world.network.state?.nics.map(({ addresses }) => addresses),
    [['192.0.2.10']],
  );
});

test('a nic that cannot be is refused, and so is taking out the last', async () => {
  const daemon = await start();
  await applied(daemon, oneNic);
  for (const [change, why] of [
    [{ nics: { inside: null } }, /guest web would have no nic left/],
    [{ nics: { outside: null } }, /guest web has no nic in zone outside; it has one in inside/],
    [{ nics: { elsewhere: { addresses: [] } } }, /elsewhere/],
    [{ nics: { outside: { addresses: ['10.20.0.99'] } } }, /10\.20\.0\.99 of guest “web” lies outside zone “outside”/],
    [{ nics: { outside: { addresses: ['192.0.2.1'] } } }, /it is the router’s address in zone “outside”/],
  ] satisfies [GuestChange, RegExp][])
    await refused(daemon, change, why);
});

test('a range of memory that is given while it runs counts from its next start on, and can be taken away', async () => {
  const daemon = await running(web('memory: 512MiB'));
  const memoryRange = { minMib: 256, maxMib: 1024 };
  const pending = await set(daemon, { memoryRange, memoryMib: 768 });
  assert.equal(pending.length, 1);
  assert.match(pending[0] ?? '', /next start/);
  assert.deepEqual((await daemon.engine.guest('web')).spec.memoryRange, memoryRange);
  await refused(daemon, { memoryRange: { minMib: 257, maxMib: 1024 } }, /steps of 2MiB, 257MiB does not/);
  await refused(daemon, { memoryRange, memoryMib: 128 }, /cannot be brought below 256MiB/);
  await set(daemon, { memoryRange: { minMib: 128, maxMib: 512 } });
  assert.equal((await daemon.engine.guest('web')).spec.memoryMib, 512, 'as much as lies within');
  await set(daemon, { memoryRange: null });
  const { spec } = await daemon.engine.guest('web');
  assert.deepEqual(['memoryRange' in spec, spec.memoryMib], [false, 512]);
});

test('a nic whose tap cannot be connected leaves nothing, and is tried again', async () => {
  const daemon = await start();
  const { uid } = await applied(daemon, oneNic);
  const { network } = daemon.world;
  const connect = network.connect.bind(network);
  network.connect = async (tap) => {
    if (tap === `cs${uid}1`) throw new Error('the kernel is out of devices');
    return connect(tap);
  };
  const failed = await applied(daemon, twoNics);
  assert.deepEqual(failed.status.pending, ['nic in zone outside (plug in): the kernel is out of devices']);
  assert.deepEqual([live(daemon, failed).live.nics, await tapsUp(daemon)], [[4], [`cs${uid}0`]]);
  network.connect = connect;
  assert.deepEqual(await set(daemon, {}), []);
  assert.deepEqual(live(daemon, failed).live.nics, [4, 5]);
});

test('a nic that cannot be connected and that its system keeps is connected as soon as that works', async () => {
  const world = createSimulatedWorld();
  const daemon = await start(world);
  const { uid } = await applied(daemon, oneNic);
  const { network } = world;
  const connect = network.connect.bind(network);
  network.connect = async (tap) => {
    if (tap === `cs${uid}1`) throw new Error('the kernel is out of devices');
    return connect(tap);
  };
  world.host.behave(uid, { follows: { memory: true, balloon: true, cpus: true, disks: true, nics: false } });
  const clock = world.clock.sleep.bind(world.clock);
  // Its time to let go is not waited for here.
  world.clock.sleep = (_ms, signal) => clock(1, signal);
  const failed = await applied(daemon, twoNics);
  world.clock.sleep = clock;
  assert.deepEqual(failed.status.pending, ['nic in zone outside (plug in): the kernel is out of devices']);
  // It has the card, with nothing behind it; that its tap may go with its process is written down.
  assert.deepEqual([live(daemon, failed).live.nics, await tapsUp(daemon)], [[4, 5], [`cs${uid}0`]]);
  network.connect = connect;
  await waitFor('it is connected', async () => (await tapsUp(daemon)).includes(`cs${uid}1`), { timeoutMs: 60_000 });
  assert.deepEqual(await set(daemon, {}), []);
  const now = await daemon.engine.guest('web');
  assert.deepEqual([live(daemon, now).live.nics, now.status.pid], [[4, 5], failed.status.pid]);
  await daemon.engine.jobs.wait((await daemon.engine.stopGuest('web', 'test')).uid);
  assert.deepEqual(await tapsUp(daemon), []);
});

test('a system that does not let go of a nic has it until its next start', async () => {
  const world = createSimulatedWorld();
  const daemon = await start(world);
  const { uid } = await applied(daemon, twoNics);
  world.host.behave(uid, { follows: { memory: true, balloon: true, cpus: true, disks: true, nics: false } });
  const clock = world.clock.sleep.bind(world.clock);
  // Its time is not waited for here.
  world.clock.sleep = (_ms, signal) => clock(1, signal);
  const kept = await applied(daemon, oneNic);
  world.clock.sleep = clock;
  assert.deepEqual(kept.status.pending, [
    'a nic that is not wished any more (unplug): its system does not let go of it; at its next start',
  ]);
  await daemon.engine.jobs.wait((await daemon.engine.stopGuest('web', 'test')).uid);
  await daemon.engine.jobs.wait((await daemon.engine.startGuest('web', 'test')).uid);
  const guest = await daemon.engine.guest('web');
  assert.deepEqual([guest.status.pending, live(daemon, guest).live.nics], [[], [4]]);
  assert.deepEqual(await tapsUp(daemon), [`cs${uid}0`]);
});

test('what cannot be is refused by name, and nothing has changed', async () => {
  const daemon = await running(web(ranged, 'root: 4GiB, data: 1GiB'));
  await refused(daemon, { memoryMib: 4096 }, /guest web can have 2GiB at most \(its range is \{ min: 512MiB, max: 2GiB \}\), not 4GiB/);
  await refused(daemon, { memoryMib: 256 }, /guest web cannot be brought below 512MiB/);
  await refused(daemon, { memoryMib: 1025 }, /steps of 2MiB, 1025MiB does not/);
  await refused(daemon, { disks: { root: null } }, /the root disk of guest web cannot be taken out/);
  await refused(daemon, { disks: { root: { sizeMib: 1024 } } }, /disk “root” of guest web has 4GiB and cannot shrink to 1GiB/);
  await refused(daemon, { disks: { tape: null } }, /guest web has no disk “tape”; it has root, data/);
  await refused(daemon, { disks: { data: { sizeMib: 2048, bus: 'scsi' } } }, /disk “data” of guest web is on bus virtio/);
  await refused(daemon, { cpus: 17 }, /guest web wants 17 processors, this host has 16/, 'no-capacity');
  await refused(daemon, { cpu: { pin: [16] } }, /guest web is to run on processor 16, this host has 0 to 15/, 'no-capacity');
});

test('more memory than is free is refused with the arithmetic', async () => {
  const world = createSimulatedWorld();
  world.identity.memoryMib = 4096;
  world.identity.reserveMib = 1024;
  const daemon = await running(web() + `  idle: { ${fields}, memory: 1300MiB, disks: { root: 4GiB }, autostart: false }\n`, world);
  await daemon.engine.jobs.wait((await daemon.engine.startGuest('idle', 'test')).uid);
  await refused(
    daemon,
    { memoryMib: 1400 },
    /guest web needs 1,628 MiB \(1,400 \+ 228 for QEMU\), 1,544 free \(4,096 − 1,024 reserve − 1,528 promised\)/,
    'no-capacity',
  );
  assert.deepEqual(await set(daemon, { memoryMib: 1200 }), []);
});

test('where memory is overcommitted, guests give towards their least for one that starts, and get it back', async () => {
  const world = createSimulatedWorld();
  world.identity.memoryMib = 4096;
  world.identity.reserveMib = 1024;
  const two = (name: string) =>
    `  ${name}: { ${fields}, memory: { min: 512MiB, max: 2GiB }, disks: { root: 4GiB }, autostart: ${name === 'one'} }\n`;
  const text = two('one') + two('two');
  const daemon = await start(world);
  assert.equal((await apply(daemon, site(text, 'overcommitMemory: true\n'))).state, 'succeeded');
  assert.equal((await daemon.engine.guest('one')).status.has?.memoryMib, 2048);
  const started = await daemon.engine.jobs.wait((await daemon.engine.startGuest('two', 'test')).uid);
  assert.equal(started.state, 'succeeded', started.error?.message);
  const has = async (name: string) => (await daemon.engine.guest(name)).status.has?.promisedMib ?? 0;
  // 3,072 − 2 × 228 for QEMU, in two equal shares.
  assert.deepEqual([await has('one'), await has('two')], [1308, 1308]);
  assert.ok((await daemon.engine.host()).memory.freeMib >= 0);

  await daemon.engine.jobs.wait((await daemon.engine.stopGuest('two', 'test')).uid);
  await set(daemon, {}, 'one');
  assert.equal(await has('one'), 2048);
});

test('without overcommitting, a guest that does not fit is refused and takes nothing from the others', async () => {
  const world = createSimulatedWorld();
  world.identity.memoryMib = 4096;
  world.identity.reserveMib = 1024;
  const other = `  two: { ${fields}, memory: { min: 512MiB, max: 2GiB }, disks: { root: 4GiB }, autostart: false }\n`;
  const daemon = await running(web('memory: { min: 512MiB, max: 2GiB }') + other, world);
  const job = await daemon.engine.jobs.wait((await daemon.engine.startGuest('two', 'test')).uid);
  assert.equal(job.state, 'failed');
  assert.match(job.error?.message ?? '', /needs 2,276 MiB \(2,048 \+ 228 for QEMU\), 796 free \(4,096 − 1,024 reserve − 2,276 promised\)/);
  assert.equal((await daemon.engine.guest('web')).status.has?.memoryMib, 2048);
});

test('the next daemon knows what runs with what, and takes up what is pending', async () => {
  const world = createSimulatedWorld();
  const first = await running(web(), world);
  await set(first, { memoryMib: 2048 });
  open.delete(first);
  await first.close();
  const { uid } = first.engine.guests()[0] as Guest;
  const process = world.host.processes.get(uid);
  assert.ok(process?.live.memory.plugged);
  process.live.memory.plugged.requestedMib = 512;
  process.live.memory.plugged.sizeMib = 512;
  const second = await start(world);
  const guest = await waitFor(
    'the memory that is wished',
    async () => {
      const seen = await second.engine.guest('web');
      return seen.status.has?.memoryMib === 2048 && seen;
    },
    { timeoutMs: 3000 },
  );
  assert.deepEqual(guest.status.pending, []);
});
