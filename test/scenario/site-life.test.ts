// Whole stories on a simulated host: real engine, store contract, jobs; fake QEMU, network, images. What a daemon that died leaves is
// taken over by the next one on the same world.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { CaissonError } from '../../src/lib/errors.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import type { Guest } from '../../src/model/guest-status.ts';
import type { Job } from '../../src/model/job.ts';
import { parseSiteFile } from '../../src/model/site-file.ts';
import type { Site } from '../../src/model/site.ts';
import { createSimulatedWorld, type SimulatedDaemon, startSimulatedDaemon, type SimulatedWorld } from '../../src/daemon/simulate.ts';

const open = new Set<SimulatedDaemon>();
afterEach(async () => {
  for (const daemon of open) await daemon.close();
  open.clear();
});

async function start(world?: SimulatedWorld): Promise<SimulatedDaemon> {
  const daemon = await startSimulatedDaemon({ world: world ?? createSimulatedWorld(), bootMs: 30 });
  open.add(daemon);
  return daemon;
}

async function stop(daemon: SimulatedDaemon): Promise<void> {
  open.delete(daemon);
  await daemon.close();
}

function site(change: (text: string) => string = (text) => text): Site {
  const parsed = parseSiteFile(
    change(`
version: 1
site: lab
zones:
  external: { subnets: [192.0.2.0/24], uplink: { interface: eth1, gateway: 192.0.2.1 } }
  internal: { subnets: [10.20.0.0/16] }
flows:
  - { from: world, to: web, allow: [tcp/80] }
  - { from: web, to: database, allow: [tcp/3306] }
guests:
  database:
    image: debian-12
    zone: internal
    memory: 256MiB
    disks: { root: 4GiB }
    service: { ports: [tcp/3306], ready: { tcp: 3306 } }
  web:
    image: debian-12
    zone: external
    memory: 256MiB
    disks: { root: 4GiB }
    service: { ports: [tcp/80], ready: { http: 80 } }
    after: [{ requires: database }]
`),
    () => undefined,
  );
  if ('problems' in parsed) assert.fail(JSON.stringify(parsed.problems));
  return parsed.site;
}

const plainly = { prune: false, deleteDisks: false, overwrite: false };

async function finish({ engine }: SimulatedDaemon, job: Promise<Job>): Promise<Job> {
  return engine.jobs.wait((await job).uid);
}

async function apply(daemon: SimulatedDaemon, wanted = site(), options: Partial<typeof plainly> = {}): Promise<Job> {
  return finish(daemon, daemon.engine.applySite(wanted, { ...plainly, ...options }, 'test'));
}

async function applied(world?: SimulatedWorld): Promise<SimulatedDaemon> {
  const daemon = await start(world);
  const job = await apply(daemon);
  assert.equal(job.state, 'succeeded', job.error?.message);
  return daemon;
}

test('apply starts every guest after what it requires is ready, and a second apply changes nothing', async () => {
  const daemon = await applied();
  const [database, web] = await Promise.all([daemon.engine.guest('database'), daemon.engine.guest('web')]);
  assert.ok(database.status.ready && web.status.ready);
  assert.ok(
    Date.parse(web.status.startedAt as string) >= Date.parse(database.status.readyAt as string),
    'web was started before database was ready',
  );
  const pids = [database.status.pid, web.status.pid];
  const again = await apply(daemon);
  assert.equal(again.state, 'succeeded');
  assert.deepEqual((again.result as { changes: string[] }).changes, []);
  assert.deepEqual([(await daemon.engine.guest('database')).status.pid, (await daemon.engine.guest('web')).status.pid], pids);
});

test('a guest whose requirement never gets ready says what it waits for, and starts when it does', async () => {
  const world = createSimulatedWorld();
  const daemon = await start(world);
  const freeze = daemon.engine.applySite(site(), plainly, 'test');
  const job = await freeze;
  const uid = await waitFor('database', () => daemon.engine.guests().find((guest) => guest.name === 'database')?.uid, { timeoutMs: 2000 });
  await waitFor('database runs', () => world.host.processes.get(uid), { timeoutMs: 2000 });
  const web = await waitFor(
    'web waits',
    async () => (await daemon.engine.guest('web')).status.reason.includes('database') && daemon.engine.guest('web'),
    { timeoutMs: 2000 },
  );
  assert.match(web.status.reason, /waits for database to be ready/);
  assert.equal((await daemon.engine.jobs.wait(job.uid)).state, 'succeeded');
});

test('the next daemon takes over what runs and restarts nothing', async () => {
  const world = createSimulatedWorld();
  const first = await applied(world);
  const before = first.engine.guests().map((guest) => [guest.name, guest.status.pid, guest.status.readyAfterMs]);
  await stop(first);
  const second = await start(world);
  const ready = await waitFor('all ready', () => second.engine.guests().every((guest) => guest.status.ready) && second.engine.guests(), {
    timeoutMs: 2000,
  });
  assert.deepEqual(
    ready.map((guest) => [guest.name, guest.status.pid, guest.status.readyAfterMs]),
    before,
  );
});

test('guests of before there were several nics are taken over as they are', async () => {
  const world = createSimulatedWorld();
  const first = await applied(world);
  const before = first.engine.guests().map(({ name, status }) => [name, status.pid, status.nics]);
  await stop(first);
  for (const { key, value } of [...(await world.store.list('guest/')).rows, ...(await world.store.list('applied/guests/')).rows]) {
    const { hardware, addresses, spec = value, ...rest } = value as Record<string, Record<string, unknown>> & { addresses?: string[][] };
    const { nics, ...plain } = spec as { nics: [{ zone: string; addresses: string[] }] };
    const old = { ...plain, ...nics[0] };
    const { nicNumbers: _, ...places } = hardware ?? {};
    const row = key.startsWith('guest/') ? { ...rest, spec: old, hardware: places, addresses: addresses?.[0] } : old;
    await world.store.put(key, row, { expected: 'any' });
  }
  const second = await start(world);
  await waitFor('all ready', () => second.engine.guests().every((guest) => guest.status.ready), { timeoutMs: 2000 });
  assert.deepEqual(
    second.engine.guests().map(({ name, status }) => [name, status.pid, status.nics]),
    before,
  );
  assert.deepEqual((await second.engine.planSite(site(), plainly)).lines, []);
});

test('a guest gets a second nic, keeps what it had, and gives it back', async () => {
  const daemon = await applied();
  const before = (await daemon.engine.guest('web')).status.nics;
  const second = site((text) =>
    text.replace('    zone: external\n', '    nics: [{ zone: external }, { zone: internal, addresses: [10.20.3.4] }]\n'),
  );
  const { lines } = await daemon.engine.planSite(second, plainly);
  assert.deepEqual(lines, ['~ guest web: nics [{ zone: external }] → [{ zone: external }, { zone: internal, addresses: [10.20.3.4] }]']);
  assert.equal((await apply(daemon, second)).state, 'succeeded');
  const { status, uid } = await daemon.engine.guest('web');
  assert.deepEqual(status.nics.slice(0, 1), before);
  assert.deepEqual(
    status.nics.map(({ zone, tap, addresses }) => [zone, tap, addresses]),
    [
      ['external', `cs${uid}0`, ['192.0.2.10']],
      ['internal', `cs${uid}1`, ['10.20.3.4']],
    ],
  );
  assert.deepEqual(daemon.engine.zone('internal').guests, ['database', 'web']);
  await finish(daemon, daemon.engine.stopGuest('web', 'test'));
  assert.equal((await finish(daemon, daemon.engine.startGuest('web', 'test'))).state, 'succeeded');
  assert.deepEqual(
    (await daemon.world.network.observe()).taps,
    daemon.engine
      .guests()
      .flatMap(({ status: { nics } }) => nics.map(({ tap }) => tap))
      .toSorted(),
  );
  assert.equal((await apply(daemon)).state, 'succeeded');
  assert.deepEqual((await daemon.engine.guest('web')).status.nics, before);
});

test('an address that a guest has from its pool is not given to another one', async () => {
  const daemon = await applied();
  const job = await apply(
    daemon,
    site((text) => `${text}  late: { image: debian-12, zone: internal, addresses: [10.20.0.10], memory: 64MiB, disks: { root: 1GiB } }\n`),
  );
  assert.equal(job.state, 'failed');
  assert.match(job.error?.message ?? '', /10\.20\.0\.10 cannot be for guest “late”: guest “database” has it from the pool/);
  assert.equal(daemon.engine.guests().length, 2);
});

test('a guest that died while no daemon watched is started again by the next one', async () => {
  const world = createSimulatedWorld();
  const first = await applied(world);
  const { uid } = await first.engine.guest('database');
  await stop(first);
  world.host.end(uid, 'crashed', 'killed');
  const second = await start(world);
  await waitFor('database ready', async () => (await second.engine.guest('database')).status.ready, { timeoutMs: 3000 });
});

test('a crash is told with its cause, and what must not start again stays down', async () => {
  const world = createSimulatedWorld();
  const daemon = await start(world);
  const job = await apply(
    daemon,
    site((text) => text.replace('after: [{ requires', 'restart: never\n    after: [{ requires')),
  );
  assert.equal(job.state, 'succeeded', job.error?.message);
  const { uid } = await daemon.engine.guest('web');
  world.host.end(uid, 'crashed', 'segmentation fault');
  const crashed = await waitFor(
    'crashed',
    async () => (await daemon.engine.guest('web')).status.power === 'crashed' && daemon.engine.guest('web'),
    { timeoutMs: 2000 },
  );
  assert.match(crashed.status.reason, /segmentation fault.*caisson guest start web/);
  assert.deepEqual(crashed.actions, ['start', 'rename', 'delete']);
  await daemon.engine.events.flush();
  assert.ok((await daemon.engine.events.list()).some((event) => event.kind === 'guest-crashed' && event.severity === 'error'));
  assert.equal((await finish(daemon, daemon.engine.startGuest('web', 'test'))).state, 'succeeded');
});

test('shutdown, stop and delete keep to their order, and what cannot be is refused with what can', async () => {
  const daemon = await applied();
  assert.throws(
    () => daemon.engine.deleteGuest('web', { deleteDisks: false }, 'test'),
    /guest “web” is running: delete needs it to be stopped or crashed; possible now: shutdown/,
  );
  const down = await finish(daemon, daemon.engine.shutdownGuest('web', {}, 'test'));
  assert.equal(down.state, 'succeeded', down.error?.message);
  assert.equal((await daemon.engine.guest('web')).wantedPower, 'stopped');
  assert.throws(() => daemon.engine.deleteGuest('web', { deleteDisks: false }, 'test'), /still spoken of: the flow world → web/);
  const fewer = site((text) => text.replace(/flows:[\s\S]*?guests:/, 'guests:').replace(/ {2}web:[\s\S]*/, ''));
  const kept = await apply(daemon, fewer);
  assert.equal(kept.state, 'succeeded', kept.error?.message);
  assert.ok(
    daemon.engine.guests().some((guest) => guest.name === 'web'),
    'without --prune a guest stays',
  );
  assert.deepEqual((await daemon.engine.planSite(fewer, plainly)).lines, ['- guest web (a guest is removed only when asked to: --prune)']);
  assert.deepEqual((await daemon.engine.planSite(fewer, { ...plainly, prune: true })).lines, ['- guest web']);
  const { uid } = await daemon.engine.guest('web');
  const pruned = await apply(daemon, fewer, { prune: true });
  assert.equal(pruned.state, 'succeeded', pruned.error?.message);
  assert.ok(!daemon.engine.guests().some((guest) => guest.name === 'web'));
  assert.ok(await daemon.world.guestFiles.disk(uid, 'root'), 'without --delete-disks the disk stays');
});

test('a guest that does not go when asked runs on as before, and says so', async () => {
  const daemon = await applied();
  const { uid } = await daemon.engine.guest('web');
  daemon.world.host.behave(uid, { agent: 'lies', ignoresPowerButton: true });
  const asked = await finish(daemon, daemon.engine.shutdownGuest('web', { timeoutMs: 300 }, 'test'));
  assert.equal(asked.state, 'failed');
  assert.match(
    asked.error?.message ?? '',
    /did not shut down within 300 ms, asked by its agent and its power button; “caisson guest stop web”/,
  );
  const runsOn = await daemon.engine.guest('web');
  assert.equal(runsOn.status.power, 'running', runsOn.status.reason);
  const ready = await waitFor('ready again', async () => (await daemon.engine.guest('web')).status.ready, { timeoutMs: 5000 });
  assert.ok(ready);
  const forced = await finish(daemon, daemon.engine.shutdownGuest('web', { timeoutMs: 300, force: true }, 'test'));
  assert.deepEqual(forced.result, { way: 'power cut' });
});

test('a disk that was made and is gone is never made again', async () => {
  const daemon = await applied();
  const { uid } = await daemon.engine.guest('web');
  await finish(daemon, daemon.engine.stopGuest('web', 'test'));
  daemon.world.guestFiles.loseDisk(uid, 'root');
  const job = await finish(daemon, daemon.engine.startGuest('web', 'test'));
  assert.equal(job.state, 'failed');
  assert.match(job.error?.message ?? '', /disk “root” of guest web is gone.*put it back/);
  assert.equal(await daemon.world.guestFiles.disk(uid, 'root'), undefined);
});

test('a guest that cannot start does not stop the others, and the job says why', async () => {
  const daemon = await start();
  daemon.world.images.failNext('no package server can be reached');
  const job = await apply(
    daemon,
    site((text) =>
      text
        .replace('image: debian-12\n    zone: external', 'image: debian-13\n    zone: external')
        .replace('after: [{ requires: database }]', ''),
    ),
  );
  assert.equal(job.state, 'failed');
  assert.match(job.error?.message ?? '', /did not start: no package server can be reached/);
  const ready = daemon.engine.guests().filter((guest) => guest.status.ready);
  assert.equal(ready.length, 1);
  const again = await apply(
    daemon,
    site((text) =>
      text
        .replace('image: debian-12\n    zone: external', 'image: debian-13\n    zone: external')
        .replace('after: [{ requires: database }]', ''),
    ),
  );
  assert.equal(again.state, 'succeeded', again.error?.message);
});

test('a guest whose rules cannot be set does not start, one whose nic cannot be connected runs no further', async () => {
  const daemon = await applied();
  const { engine, world } = daemon;
  const { network, host } = world;
  const { uid } = await engine.guest('web');
  const has = () => host.processes.has(uid);
  await finish(daemon, engine.stopGuest('web', 'test'));
  assert.equal(has(), false);
  const working = { apply: network.apply.bind(network), connect: network.connect.bind(network) };

  network.loseRules('somebody flushed them');
  network.apply = () => Promise.reject(new CaissonError('failed', 'nft says no'));
  const withoutRules = await finish(daemon, engine.startGuest('web', 'test'));
  assert.equal(withoutRules.state, 'failed');
  assert.match(withoutRules.error?.message ?? '', /did not start: .*nft says no/);
  assert.equal(has(), false);

  network.apply = working.apply;
  network.connect = () => Promise.reject(new CaissonError('failed', 'its tap is gone'));
  const withoutNic = await finish(daemon, engine.startGuest('web', 'test'));
  assert.equal(withoutNic.state, 'failed');
  assert.match(withoutNic.error?.message ?? '', /its tap is gone/);
  assert.equal(has(), false);

  network.connect = working.connect;
  const job = await finish(daemon, engine.startGuest('web', 'test'));
  assert.equal(job.state, 'succeeded', job.error?.message);
});

test('more memory than the host has is refused with the arithmetic before anything is changed', async () => {
  const daemon = await start();
  const job = await apply(
    daemon,
    site((text) => text.replaceAll('256MiB', '600GiB')),
  );
  assert.equal(job.state, 'failed');
  assert.equal(job.error?.code, 'no-capacity');
  assert.match(job.error?.message ?? '', /need [\d,]+ MiB .* this host can promise 1,046,528 \(1,048,576 − 2,048 reserve\)/);
  assert.deepEqual(daemon.engine.guests(), []);
});

test('a rename is followed by flows and dependencies, and addresses stay', async () => {
  const daemon = await applied();
  const before = await daemon.engine.guest('database');
  assert.equal((await finish(daemon, daemon.engine.renameGuest('database', 'db', 'test'))).state, 'succeeded');
  const after = await daemon.engine.guest('db');
  assert.equal(after.uid, before.uid);
  assert.deepEqual(after.status.nics, before.status.nics);
  const { site: now } = daemon.engine.site();
  assert.deepEqual(now.guests['web']?.after, [{ requires: 'db' }]);
  assert.equal(now.flows[1]?.to, 'db');
  assert.equal((await finish(daemon, daemon.engine.renameGuest('db', 'web', 'test'))).error?.code, 'conflict');
  assert.throws(
    () => daemon.engine.renameGuest('db', '../x', 'test'),
    (error: CaissonError) => error.code === 'invalid',
  );
});

test('what a zone publishes is shown, follows a rename, and keeps its guest from being deleted', async () => {
  const daemon = await start();
  const publishing = site((text) =>
    text.replace(
      'internal: { subnets: [10.20.0.0/16] }',
      "internal: { subnets: [10.20.0.0/16], uplink: { interface: eth1, gateway: 192.0.2.1 }, masquerade: true, publish: [{ listen: '192.0.2.10:3306', to: 'database:3306', from: [198.51.100.0/24] }] }",
    ),
  );
  const job = await apply(daemon, publishing);
  assert.equal(job.state, 'succeeded', job.error?.message);
  // 192.0.2.10 would have been the first of the pool.
  assert.deepEqual((await daemon.engine.guest('web')).status.nics[0]?.addresses, ['192.0.2.11']);
  const { masquerade, bridged, publications, gateways } = daemon.engine.zone('internal');
  assert.deepEqual([masquerade, bridged, gateways], [true, false, ['10.20.0.1']]);
  assert.deepEqual(publications, ['tcp 192.0.2.10:3306 → database:3306 for 198.51.100.0/24']);
  assert.equal((await finish(daemon, daemon.engine.renameGuest('database', 'db', 'test'))).state, 'succeeded');
  assert.equal(daemon.engine.site().site.zones['internal']?.publish?.[0]?.to, 'db:3306');
  assert.equal(daemon.world.network.state?.publications[0]?.to.address, '10.20.0.10');
  await finish(daemon, daemon.engine.stopGuest('web', 'test'));
  await finish(daemon, daemon.engine.stopGuest('db', 'test'));
  assert.throws(
    () => daemon.engine.deleteGuest('db', { deleteDisks: false }, 'test'),
    /still spoken of: .*the publication tcp 192\.0\.2\.10:3306 → db:3306/,
  );
});

test('a port that a program of the host hears is not published, and nothing is changed', async () => {
  const daemon = await applied();
  daemon.world.sensors.heard = { addresses: ['203.0.113.7'], sockets: [{ protocol: 'tcp', address: '0.0.0.0', port: 22 }] };
  const publishing = (listen: string) =>
    site((text) =>
      text.replace(
        'internal: { subnets: [10.20.0.0/16] }',
        `internal: { subnets: [10.20.0.0/16], uplink: { interface: eth1, gateway: 203.0.113.1 }, masquerade: true, publish: [{ listen: '${listen}', to: 'database:20' }] }`,
      ),
    );
  const refused = await apply(daemon, publishing('203.0.113.7:20-30'));
  assert.equal(refused.error?.code, 'conflict');
  assert.match(
    refused.error?.message ?? '',
    /zone internal cannot publish tcp\/22 of 203\.0\.113\.7: a program of the host itself listens there/,
  );
  assert.equal(daemon.engine.zone('internal').masquerade, false);
  const other = await apply(daemon, publishing('203.0.113.7:23-30'));
  assert.equal(other.state, 'succeeded', other.error?.message);
  assert.deepEqual(daemon.engine.zone('internal').publications, ['tcp 203.0.113.7:23-30 → database:20-27']);
  // It listens later: what is published stays so, and the site can still be changed.
  daemon.world.sensors.heard.sockets.push({ protocol: 'tcp', address: '203.0.113.7', port: 25 });
  assert.equal((await apply(daemon, publishing('203.0.113.7:23-30'))).state, 'succeeded');
});

test('a guest on a shared wire says so, from the moment that its zone is one', async () => {
  const daemon = await applied();
  const wires = async () => (await daemon.engine.guest('database')).status.nics.map(({ bridged }) => bridged);
  const listed = () =>
    daemon.engine
      .guestsJson()
      .map((bytes) => JSON.parse(bytes.toString()) as Guest)
      .find(({ name }) => name === 'database');
  assert.deepEqual([await wires(), listed()?.status.nics[0]?.bridged], [[undefined], undefined]);
  const shared = site((text) =>
    text.replace('internal: { subnets: [10.20.0.0/16] }', 'internal: { subnets: [10.20.0.0/16], bridged: true }'),
  );
  assert.equal((await apply(daemon, shared)).state, 'succeeded');
  assert.deepEqual([await wires(), listed()?.status.nics[0]?.bridged], [[true], true]);
});

test('what was changed elsewhere since the last apply is kept, and a dispute is refused', async () => {
  const daemon = await applied();
  await finish(daemon, daemon.engine.renameGuest('database', 'db', 'test'));
  const plan = await daemon.engine.planSite(site(), plainly);
  assert.deepEqual(plan.refusals, []);
  const job = await apply(daemon);
  assert.equal(job.state, 'succeeded', job.error?.message);
  assert.ok(
    daemon.engine.guests().some((guest) => guest.name === 'db'),
    'the rename was overwritten unasked',
  );
});

test('host shutdown stops in reverse order and keeps what is wanted; the next start of the daemon starts it again', async () => {
  const world = createSimulatedWorld();
  const daemon = await applied(world);
  const job = await finish(daemon, daemon.engine.shutdownHost({}, 'test'));
  assert.equal(job.state, 'succeeded', job.error?.message);
  assert.deepEqual(
    (job.result as { guests: { name: string }[] }).guests.map((guest) => guest.name),
    ['web', 'database'],
  );
  assert.ok(daemon.engine.guests().every((guest) => guest.status.power === 'stopped' && guest.wantedPower === 'running'));
  await stop(daemon);
  const next = await start(world);
  await waitFor('all ready again', () => next.engine.guests().every((guest) => guest.status.ready), { timeoutMs: 3000 });
});

test('a host shutdown does not wait for an apply that waits for a service: it gives the apply up', async () => {
  const daemon = await start();
  // Nobody answers for this name, ever.
  const never = site((text) => text.replace('ready: { tcp: 3306 }', 'ready: { command: [/bin/false] }'));
  const applying = await daemon.engine.applySite(never, plainly, 'test');
  await waitFor('database runs', () => daemon.engine.guests().some((guest) => guest.status.power === 'running'), { timeoutMs: 3000 });
  const down = await finish(daemon, daemon.engine.shutdownHost({}, 'test'));
  assert.equal(down.state, 'succeeded', down.error?.message);
  assert.equal((await daemon.engine.jobs.get(applying.uid)).state, 'cancelled');
  assert.ok(daemon.engine.guests().every((guest) => guest.status.power === 'stopped'));
});

test('destroy leaves no guest, zone or image, and disks only where asked', async () => {
  const daemon = await applied();
  const uids = daemon.engine.guests().map((guest) => guest.uid);
  const job = await finish(daemon, daemon.engine.destroySite({ deleteDisks: true }, 'test'));
  assert.equal(job.state, 'succeeded', job.error?.message);
  assert.deepEqual([daemon.engine.guests(), daemon.engine.zones()], [[], []]);
  assert.equal((await daemon.world.store.list('applied/')).rows.length, 0);
  for (const uid of uids) assert.equal(await daemon.world.guestFiles.disk(uid, 'root'), undefined);
  assert.equal((await apply(daemon)).state, 'succeeded');
});
