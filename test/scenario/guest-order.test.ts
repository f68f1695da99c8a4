// Guests that rest on each other: started when those are ready, held back or not when they are not, shut down in reverse.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { SimulatedLife } from './simulated-life.ts';

let life: SimulatedLife;
beforeEach(async () => {
  life = new SimulatedLife();
  await life.start();
});
afterEach(() => life.end());

const service = 'service: { ports: [tcp/80], ready: { tcp: 80 } }';
const site = {
  database: service,
  web: `${service}, after: [{ requires: database }]`,
  monitor: `${service}, after: [{ wants: database }]`,
  front: `${service}, after: [{ requires: web }]`,
};
const all = Object.keys(site);

const uid = (name: string) => life.guest(name).uid;
const power = (name: string) => life.guest(name).status.power;
const isReady = (name: string) => life.guest(name).status.ready;
const address = (name: string) => life.guest(name).status.nics[0]?.addresses[0] ?? assert.fail(`${name} has no address`);
const refuse = (name: string) => life.daemon.prober.script(address(name), { ok: false, why: 'connection refused' });
const accept = (name: string) => life.daemon.prober.script(address(name), undefined);

async function applied(): Promise<void> {
  const job = await life.apply(site);
  assert.equal(job.state, 'succeeded', job.error?.message);
  assert.ok(all.every(isReady));
}

test('each starts when what it rests on is ready, and those that rest on nothing together start together', async () => {
  await applied();
  const { status: database } = life.guest('database');
  for (const [name, on] of [
    ['web', 'database'],
    ['monitor', 'database'],
    ['front', 'web'],
  ] as const) {
    const started = Date.parse(life.guest(name).status.startedAt as string);
    assert.ok(started >= Date.parse(life.guest(on).status.readyAt as string), `${name} was started before ${on} was ready`);
  }
  const starts = ['web', 'monitor'].map((name) => Date.parse(life.guest(name).status.startedAt as string));
  assert.ok(starts.every((at) => at - Date.parse(database.readyAt as string) < 200));
});

test('the same order after the host lost its power, and a daemon that takes over starts nothing anew', async () => {
  await applied();
  const pids = all.map((name) => life.guest(name).status.pid);
  await life.end();
  await life.start();
  await life.until('all are ready', () => all.every(isReady));
  assert.deepEqual(
    all.map((name) => life.guest(name).status.pid),
    pids,
  );
  await life.loseHost();
  await life.until('all are ready again', () => all.every(isReady));
  assert.ok(Date.parse(life.guest('web').status.startedAt as string) >= Date.parse(life.guest('database').status.readyAt as string));
});

test('the host starts its guests although an apply that its last daemon had begun is refused', async () => {
  await applied();
  const { site: tooLarge } = structuredClone(life.engine.site());
  Object.assign(tooLarge.guests['web'] ?? {}, { memoryMib: 2 * 1024 ** 2 });
  await life.end();
  await life.world.journal.createJob({
    uid: 'jleft00000',
    kind: 'site-apply',
    title: 'Apply site lab',
    state: 'running',
    steps: [],
    startedAt: new Date(life.clock.now()).toISOString(),
    actor: 'test',
    objects: ['site'],
    exclusive: ['site'],
    input: { site: tooLarge, options: { prune: false, deleteDisks: false, overwrite: false } },
  });
  await life.loseHost();
  await life.until('all are ready', () => all.every(isReady), 120_000);
  const left = await life.engine.jobs.get('jleft00000');
  assert.deepEqual([left.state, left.error?.code], ['failed', 'no-capacity']);
});

test('a dependency that does not start: what wants it starts, what requires it says why and starts by itself later', async () => {
  await life.apply({ ...site, database: `${service}, autostart: true` });
  await life.done(life.engine.shutdownHost({}, 'test'));
  life.world.guestFiles.loseDisk(uid('database'), 'root');
  const job = await life.apply({ ...site, database: `${service}, description: new, restart: never` });
  assert.equal(job.state, 'failed');
  assert.match(job.error?.message ?? '', /guest database did not start: disk “root” of guest database is gone/);
  assert.match(job.error?.message ?? '', /guest web is not started: it requires database, which did not start: disk “root”/);
  assert.ok(isReady('monitor'));
  assert.deepEqual([power('web'), power('front')], ['stopped', 'stopped']);
  assert.match(
    life.reason('web'),
    /^is not started: it requires database, which did not start: .*; it starts by itself once that is ready$/,
  );
  assert.match(life.reason('front'), /^is not started: it requires web, which is not started: it requires database/);
  await life.world.guestFiles.createRootDisk({ uid: uid('database'), userId: 0 }, '/image', 2048);
  const mended = await life.done(life.engine.startGuest('database', 'test'));
  assert.equal(mended.state, 'succeeded', mended.error?.message);
  await life.until('the others follow', () => all.every(isReady), 60_000);
});

test('a dependency that is late: what wants it starts, what requires it waits on after the apply has failed', async () => {
  const late = `service: { ports: [tcp/80], ready: { tcp: 80 }, readyWithin: 1min }`;
  const applying = await life.beginApply({ ...site, database: late });
  await life.until('the guests are known', () => life.engine.guests().length === 4);
  refuse('database');
  await life.until('web waits', () => life.reason('web') === 'waits for database to be ready');
  const waiting = (await life.engine.jobs.get(applying.uid)).steps.filter(({ name }) => name === 'wait for database');
  assert.equal(waiting.length, 2);
  const job = await life.done(applying);
  assert.equal(job.state, 'failed');
  assert.match(job.error?.message ?? '', /guest database was not ready after 1 min: (is late: )?TCP 80: connection refused/);
  assert.match(job.error?.message ?? '', /guest web is not started: it requires database, which is late: TCP 80: connection refused/);
  assert.ok(isReady('monitor'));
  assert.equal(power('web'), 'stopped');
  accept('database');
  await life.until('the others follow', () => all.every(isReady), 60_000);
});

test('shutting down what others require is refused, or takes them down first, or leaves them running and not ready', async () => {
  await applied();
  assert.throws(
    () => life.engine.shutdownGuest('database', {}, 'test'),
    /front, web require guest database and would not be ready without it: “--with-dependents” shuts them down first, “--alone” lets them run/,
  );
  const ended: string[] = [];
  const names = new Map(life.engine.guests().map((guest) => [guest.uid, guest.name]));
  life.world.host.watch((event) => event.kind === 'ended' && ended.push(names.get(event.uid) as string));
  const first = await life.done(life.engine.shutdownGuest('database', { dependents: 'first' }, 'test'));
  assert.deepEqual([first.state, first.result, ended], ['succeeded', { way: 'agent' }, ['front', 'web', 'database']]);
  assert.equal(life.reason('web'), 'was shut down with database, and starts once that is ready again');
  assert.ok(isReady('monitor'), 'what only wants it is left alone');
  await life.done(life.engine.startGuest('database', 'test'));
  await life.until('the others follow', () => all.every(isReady), 60_000);

  const alone = await life.done(life.engine.shutdownGuest('database', { dependents: 'leave' }, 'test'));
  assert.equal(alone.state, 'succeeded');
  await life.until('web says so', () => life.reason('web').endsWith('is stopped'), 1000);
  assert.deepEqual(
    ['web', 'front', 'monitor'].map((name) => [power(name), life.reason(name)]),
    [
      ['running', 'requires database, which is stopped'],
      ['running', 'requires web, which is not ready: requires database, which is stopped'],
      ['running', ''],
    ],
  );
  await life.done(life.engine.startGuest('database', 'test'));
  await life.until('all are ready again', () => all.every(isReady), 60_000);
});

test('a dependency that crashes: what requires it runs on, is not ready meanwhile, and is again by itself', async () => {
  await applied();
  const pids = all.map((name) => life.guest(name).status.pid);
  life.world.host.crash(uid('database'));
  await life.until('web is not ready', () => !isReady('web'));
  assert.equal(life.reason('web'), 'requires database, which has crashed');
  assert.ok(isReady('monitor'));
  await life.until('all are ready again', () => all.every(isReady), 60_000);
  assert.deepEqual(
    all.slice(1).map((name) => life.guest(name).status.pid),
    pids.slice(1),
  );
});

test('nobody waits for a guest that has lost what it requires for good', async () => {
  await applied();
  await life.done(life.engine.shutdownGuest('database', { dependents: 'leave' }, 'test'));
  const from = life.clock.now();
  const job = await life.done(life.engine.rebootGuest('web', { force: true }, 'test'));
  assert.match(job.error?.message ?? '', /guest web is running and will not get ready: it requires database, which is stopped/);
  assert.ok(life.clock.now() - from < 5000);
});

test('a start by name starts what the guest requires, and not what it only wants', async () => {
  await applied();
  for (const name of ['front', 'web', 'monitor', 'database']) await life.done(life.engine.shutdownGuest(name, {}, 'test'));
  const monitor = await life.done(life.engine.startGuest('monitor', 'test'));
  assert.equal(monitor.state, 'succeeded', monitor.error?.message);
  assert.equal(power('database'), 'stopped');
  const front = await life.done(life.engine.startGuest('front', 'test'));
  assert.equal(front.state, 'succeeded', front.error?.message);
  assert.ok(all.every(isReady));
});

test('a guest that waits to start can be told to stay down', async () => {
  const applying = await life.beginApply(site);
  await life.until('the guests are known', () => life.engine.guests().length === 4);
  refuse('database');
  await life.until('web waits', () => life.reason('web').startsWith('waits for'));
  await life.done(life.engine.shutdownGuest('web', {}, 'test'));
  accept('database');
  const job = await life.done(applying);
  assert.equal(job.state, 'failed');
  assert.match(job.error?.message ?? '', /guest web was told to stay down while it waited to start/);
  await life.pass(60_000);
  assert.deepEqual([power('web'), life.guest('web').wantedPower, power('front')], ['stopped', 'stopped', 'stopped']);
  assert.match(life.reason('front'), /^is not started: it requires web, which is stopped/);
});

test('only so many guests boot at the same time; whom others wait for come first, and each says that it waits its turn', async () => {
  await life.end();
  life = new SimulatedLife({ startsAtOnce: 2 });
  await life.start();
  const leaves = Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`leaf-${index}`, service]));
  const applying = await life.beginApply({ ...leaves, 'z-root': service, 'z-last': `${service}, after: [{ requires: z-root }]` });
  let most = 0;
  let saidSo = false;
  await life.until('all are ready', () => {
    const guests = life.engine.guests();
    most = Math.max(most, guests.filter(({ status }) => ['starting', 'running'].includes(status.power) && !status.ready).length);
    saidSo ||= guests.some(({ status }) => status.reason === 'waits its turn: 2 guests are booting');
    return guests.length === 10 && guests.every(({ status }) => status.ready);
  });
  assert.equal((await life.done(applying)).state, 'succeeded');
  assert.equal(most, 2);
  assert.ok(saidSo);
  const started = (name: string) => Date.parse(life.guest(name).status.startedAt as string);
  assert.ok(started('z-root') <= Math.min(...['leaf-2', 'leaf-3', 'leaf-4'].map(started)), 'what others wait for came late');
});

test('a guest that never gets ready keeps the others from booting for two minutes at most', async () => {
  await life.end();
  life = new SimulatedLife({ startsAtOnce: 1 });
  await life.start();
  const applying = await life.beginApply({ 'a-slow': service, other: service });
  await life.until('the guests are known', () => life.engine.guests().length === 2);
  refuse('a-slow');
  const took = await life.until('the other is ready', () => isReady('other'));
  assert.ok(took > 100_000 && took < 130_000, `after ${took} ms`);
  await life.engine.jobs.cancel(applying.uid);
});

test('an agent that hangs, lies or fails its command: the guest is not ready, in words', async () => {
  const check = (fields: string) => `service: { ready: { ${fields} }, readyWithin: 30s }`;
  const job = await life.beginApply({ web: check('command: [/bin/false], timeout: 1s') });
  await life.until('it says so', () => /exit 1/.test(life.engine.guests()[0]?.status.reason ?? ''));
  assert.equal(life.reason('web'), 'command /bin/false: exit 1');
  life.world.host.behave(uid('web'), { agent: 'lies' });
  await life.until('it says so', () => life.reason('web').includes('malformed'));
  life.world.host.behave(uid('web'), { agent: 'absent' });
  await life.until('it says so', () => life.reason('web').includes('not after 1000 ms'));
  assert.match(
    (await life.done(job)).error?.message ?? '',
    /guest web was not ready after 30\.0 s: (is late: )?command \/bin\/false: the guest agent/,
  );
  await life.until('the agent is called silent', () => life.guest('web').status.agent === 'silent');
});

test('a port that the service does not declare is named where the guest is not ready', async () => {
  const job = await life.beginApply({ web: 'service: { ports: [tcp/80], ready: { tcp: 81 } }' });
  await life.until('the guest is known', () => life.engine.guests().length === 1);
  refuse('web');
  await life.until('it says so', () => life.reason('web') === 'TCP 81: connection refused; its service declares tcp/80, not tcp/81');
  await life.engine.jobs.cancel(job.uid);
});

test('a service that is ready is not ready after so many tries in a row that fail, and not before', async () => {
  await life.apply({ web: 'service: { ready: { tcp: 80, tries: 5 } }' });
  refuse('web');
  const took = await life.until('it is not ready', () => !isReady('web'));
  // A calm one is asked every ten seconds; once it has failed, four times a second.
  assert.ok(took > 900 && took < 12_500, `after ${took} ms`);
  assert.equal((await life.events('guest-not-ready')).length, 1);
});
