// The network reconciler on a network in memory: what somebody breaks is mended and told, what cannot be mended is told once and tried again.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { createFakeNetwork, type FakeNetwork } from '../drivers/fake/network.ts';
import { FakeClock } from '../lib/clock.ts';
import { CaissonError } from '../lib/errors.ts';
import { silentLog } from '../lib/log.ts';
import type { GuestRecord } from '../model/guest-status.ts';
import { MemoryJournal } from '../store/memory/memory-journal.ts';
import { createEvents, type Events } from './events.ts';
import { NetworkReconciler } from './network.ts';
import type { SiteStore } from './site-store.ts';

const uid = 'gk3m9x4q2ab';
const tap = `cs${uid}0`;

let clock: FakeClock;
let network: FakeNetwork;
let events: Events;
let reconciler: NetworkReconciler;
let ended: Promise<void>;
let isRunning = false;

beforeEach(async () => {
  clock = new FakeClock();
  network = createFakeNetwork({ uplinks: ['eth1'] });
  events = createEvents({ journal: new MemoryJournal(), clock, log: silentLog });
  const guest = {
    uid,
    name: 'web',
    addresses: [['192.0.2.10']],
    hardware: { macs: ['52:54:00:00:00:01'], nicSlots: [7], nicNumbers: [0] },
    spec: { nics: [{ zone: 'external', addresses: [] }], labels: {} },
  } as unknown as GuestRecord;
  const zone = { subnets: ['192.0.2.0/24'], uplink: { interface: 'eth1', gateway: '192.0.2.1' } };
  const site = { name: 'lab', zones: new Map([['external', { index: 0, zone }]]), flows: [], guests: new Map([[uid, guest]]) };
  isRunning = false;
  reconciler = new NetworkReconciler({
    parts: { network, clock, log: silentLog },
    site: site as unknown as SiteStore,
    events,
    isRunning: () => isRunning,
  });
  await reconciler.ensure();
  ended = reconciler.watch();
});

afterEach(async () => {
  reconciler.close();
  await ended;
  await events.close();
});

async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) await clock.advance(100);
}

/** Kind and message of each event, oldest first. */
async function told(): Promise<string[]> {
  await events.flush();
  return (await events.list({ limit: 1000 })).map(({ kind, message }) => `${kind}: ${message}`);
}

test('rules, wiring and names that are taken away are back within seconds, and each loss and mending is told', async () => {
  for (const [harm, why] of [
    [() => network.loseRules('the table is gone'), 'the table is gone'],
    [() => network.loseWiring('the route to 192.0.2.10 is missing'), 'the route to 192.0.2.10 is missing'],
    [() => network.loseNames(), 'the name service does not run'],
  ] as const) {
    const before = (await told()).length;
    harm();
    await pass(6000);
    const seen = await network.observe();
    assert.ok(seen.rules.inForce && seen.wiring.intact && seen.names.running, why);
    assert.equal(reconciler.problem, undefined);
    assert.deepEqual((await told()).slice(before), [
      `network-failed: the guests’ network is not as applied (${why}); it is applied again`,
      'network-applied: the guests’ network is as the site says again',
    ]);
  }
});

test('what cannot be mended is told once, shown as a problem, tried ever more seldom, and told again when it is mended', async () => {
  let attempts = 0;
  const apply = network.apply.bind(network);
  let works = false;
  network.apply = async (state) => {
    attempts++;
    if (!works) throw new CaissonError('missing', 'uplink eth1 is not an interface of the guests’ network');
    await apply(state);
  };
  network.loseWiring('eth1 is gone');
  await pass(3_600_000);
  assert.match(reconciler.problem ?? '', /uplink eth1/);
  assert.equal((await told()).length, 2, (await told()).join('\n'));
  assert.ok(attempts > 30 && attempts < 80, `${attempts} attempts in an hour`);
  works = true;
  await pass(61_000);
  assert.equal(reconciler.problem, undefined);
  assert.equal((await told()).at(-1), 'network-applied: the guests’ network is as the site says again');
});

test('a change that is heard of is a reason to try again before it is time', async () => {
  let attempts = 0;
  let works = false;
  const apply = network.apply.bind(network);
  network.apply = async (state) => {
    attempts++;
    if (!works) throw new CaissonError('missing', 'uplink eth1 is not an interface of the guests’ network');
    await apply(state);
  };
  network.loseWiring('eth1 is gone');
  await pass(300_000);
  const atRest = attempts;
  while ((() => attempts)() === atRest) await pass(100);
  const before = attempts;
  works = true;
  await pass(20_000);
  assert.equal(attempts, before, 'it waits for a minute by now');
  network.loseWiring('a change');
  await pass(300);
  assert.equal(reconciler.problem, undefined);
});

test('somebody who breaks it without end does not fill the journal, and it is mended every time', async () => {
  for (let round = 0; round < 600; round++) {
    network.loseRules('the table is gone');
    await pass(300);
    assert.equal((await network.observe()).rules.inForce, true);
  }
  const failures = (await told()).filter((line) => line.startsWith('network-failed'));
  assert.ok(failures.length <= 14, `${failures.length} events in three minutes`);
  assert.match(failures.at(-1) ?? '', /times before this was not told/);
});

test('the nic of a guest that runs is connected again; one whose tap is gone is a problem until the guest ends', async () => {
  await reconciler.connect(tap);
  isRunning = true;
  await pass(6000);
  assert.deepEqual(await told(), []);
  await network.disconnect(tap);
  await pass(8000);
  assert.deepEqual((await network.observe()).taps, [tap]);
  assert.match((await told())[0] ?? '', /the nic of guest web \(csgk3m9x4q2ab0\) is gone or down/);

  network.connect = () => Promise.reject(new CaissonError('failed', 'there is no such tap'));
  await network.disconnect(tap);
  await pass(8000);
  assert.match(reconciler.problem ?? '', /nic of guest web .* is gone: .*caisson guest start web/);
  isRunning = false;
  await pass(61_000);
  assert.equal(reconciler.problem, undefined);
});

test('a nic that is missing for a moment, while its guest starts or ends, is nothing to tell', async () => {
  isRunning = true;
  await pass(5200);
  await reconciler.connect(tap);
  await pass(6000);
  assert.deepEqual(await told(), []);
});

test('a network that could not be made when the daemon began is made as soon as it can be', async () => {
  const fresh = createFakeNetwork();
  const late = new NetworkReconciler({
    parts: { network: fresh, clock, log: silentLog },
    site: { name: 'lab', zones: new Map(), flows: [], guests: new Map() } as unknown as SiteStore,
    events,
    isRunning: () => false,
  });
  fresh.failNext(new CaissonError('missing', 'uplink eth1 is not there'));
  await assert.rejects(late.ensure(), { code: 'missing' });
  assert.equal(late.problem, 'uplink eth1 is not there');
  const watching = late.watch();
  await pass(6000);
  assert.equal(late.problem, undefined);
  assert.ok(fresh.state);
  late.close();
  await watching;
});

test('what works but not as it should is a warning, told when it begins and when it is over', async () => {
  network.silence('192.0.2.1');
  network.addOthers({ name: 'inet firewalld', refuses: 'all' }, { name: 'ip nat', refuses: 'nothing' });
  await pass(6000);
  assert.equal(reconciler.problem, undefined);
  assert.deepEqual(reconciler.otherTables, [
    { name: 'inet firewalld', refuses: 'all' },
    { name: 'ip nat', refuses: 'nothing' },
  ]);
  const warnings = [...reconciler.warnings];
  assert.equal(warnings.length, 2);
  assert.match(warnings[0] ?? '', /router 192\.0\.2\.1 does not answer on eth1/);
  assert.match(warnings[1] ?? '', /table inet firewalld/);
  await pass(60_000);
  assert.deepEqual(
    await told(),
    warnings.map((warning) => `network-failed: ${warning}`),
  );
  network.silence('192.0.2.1', false);
  await pass(6000);
  assert.equal(reconciler.warnings.length, 1);
  assert.match((await told()).at(-1) ?? '', /^network-applied: no longer so: the router 192/);
});
