// Roles and what they are on, through the life of a site: what is deleted takes its roles along, and what gets its name later begins without any.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { createSimulatedWorld, type SimulatedDaemon, startSimulatedDaemon, type SimulatedWorld } from '../../src/daemon/simulate.ts';
import type { Caller } from '../../src/model/caller.ts';
import type { Site } from '../../src/model/site.ts';
import { sampleSite } from '../daemon/sample-site.ts';

const open = new Set<SimulatedDaemon>();
afterEach(async () => {
  for (const daemon of open) await daemon.close();
  open.clear();
});

async function start(world: SimulatedWorld): Promise<SimulatedDaemon> {
  const daemon = await startSimulatedDaemon({ world, bootMs: 1 });
  open.add(daemon);
  return daemon;
}

async function stop(daemon: SimulatedDaemon): Promise<void> {
  open.delete(daemon);
  await daemon.close();
}

const lab: Site = { ...sampleSite(1), zones: { ...sampleSite(1).zones, teaching: { subnets: ['10.30.0.0/16'] } } };
const { teaching: _, ...otherZones } = lab.zones;
const withoutTeaching: Site = { ...lab, zones: otherZones };

async function apply(daemon: SimulatedDaemon, site: Site): Promise<void> {
  const job = await daemon.engine.applySite(site, { prune: true, deleteDisks: true, overwrite: true }, 'local');
  const { state, error } = await daemon.engine.jobs.wait(job.uid);
  assert.equal(state, 'succeeded', error?.message);
}

const onTeaching = { role: 'operator' as const, on: 'zone:teaching' };
const onSite = { role: 'viewer' as const, on: 'site' };

test('a role on a zone ends with the zone, for users and tokens, and one of the same name gives it to nobody', async () => {
  const daemon = await start(createSimulatedWorld());
  await apply(daemon, lab);
  const { access } = daemon.engine;
  await access.users.add({ name: 'bob', bindings: [onTeaching, onSite] }, 'local');
  const bob = { actor: 'user:bob', rights: [access.users.get('bob').bindings], user: 'bob', session: 's' } as Caller;
  await access.tokens.create({ name: 'of-bob' }, bob);
  let told = 0;
  access.onChange(() => told++);
  await apply(daemon, withoutTeaching);
  assert.ok(told > 0, 'what is open by the role is not looked at');
  const bindings = () => [access.users.get('bob').bindings, access.tokens.list()[0]?.bindings];
  assert.deepEqual(bindings(), [[onSite], [onSite]]);
  // What somebody asked for just before, with the roles of then, brings it back neither.
  assert.deepEqual((await access.tokens.create({ name: 'late' }, bob)).token.bindings, [onSite]);
  await apply(daemon, lab);
  assert.deepEqual(bindings(), [[onSite], [onSite]]);
  await access.users.set('bob', { bindings: [onTeaching] }, 'local');
  assert.deepEqual(access.users.get('bob').bindings, [onTeaching]);
});

test('a role that an earlier version, or a daemon that died, left behind ends before there is a zone of its name again', async () => {
  const world = createSimulatedWorld();
  const first = await start(world);
  await apply(first, withoutTeaching);
  await stop(first);
  await world.store.put(
    'user/eve',
    { name: 'eve', enabled: true, bindings: [onTeaching], createdAt: '2026-01-01T00:00:00.000Z' },
    { expected: 'absent' },
  );
  await world.store.put(
    'token/old',
    { name: 'old', digest: '00', bindings: [onTeaching], createdAt: 0, endsAt: 4e12 },
    { expected: 'absent' },
  );
  const second = await start(world);
  await apply(second, lab);
  const { access } = second.engine;
  assert.deepEqual([access.users.get('eve').bindings, access.tokens.list()[0]?.bindings], [[], []]);
});

test('a role on a guest does not come back with a guest of its name', async () => {
  const daemon = await start(createSimulatedWorld());
  await apply(daemon, lab);
  const name = Object.keys(lab.guests)[0] ?? '';
  const { access } = daemon.engine;
  const { bindings } = await access.users.add({ name: 'bob', bindings: [{ role: 'operator', on: `guest:${name}` }] }, 'local');
  await apply(daemon, { ...lab, guests: {}, flows: [] });
  await apply(daemon, lab);
  const { uid } = daemon.engine.placeOf(name) ?? {};
  assert.notEqual(bindings[0]?.on, `guest:${uid}`);
  assert.deepEqual(access.users.get('bob').bindings, bindings);
});
