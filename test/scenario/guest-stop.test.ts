// Guests and hosts that go down: each way of asking for its own time, in reverse order, within the time that there is.
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
const chain = {
  database: service,
  app: `${service}, after: [{ requires: database }]`,
  web: `${service}, after: [{ wants: app }]`,
};

const uid = (name: string) => life.guest(name).uid;
const power = (name: string) => life.guest(name).status.power;

async function applied(guests: Record<string, string>): Promise<void> {
  const job = await life.apply(guests);
  assert.equal(job.state, 'succeeded', job.error?.message);
}

/** Does something and says how long it took, in seconds. */
async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const from = life.clock.now();
  const value = await work();
  return [value, Math.round((life.clock.now() - from) / 1000)];
}

const hangs = { agent: 'absent', ignoresPowerButton: true } as const;

test('agent, power button, power cut: each has its own time, and the way taken is told', async () => {
  await applied({ web: `shutdown: { agent: 20s, powerButton: 40s }, ${service}` });
  const shutdown = async (force = false) => timed(() => life.done(life.engine.shutdownGuest('web', { force }, 'test')));
  const again = () => life.done(life.engine.startGuest('web', 'test'));

  const [byAgent, agentTook] = await shutdown();
  assert.deepEqual([byAgent.result, agentTook], [{ way: 'agent' }, 1]);
  await again();

  // An agent that says yes and does nothing.
  life.world.host.behave(uid('web'), { ignoresAgent: true });
  const [byButton, buttonTook] = await shutdown();
  assert.deepEqual([byButton.result, buttonTook], [{ way: 'power button' }, 21]);
  await again();

  life.world.host.behave(uid('web'), { ignoresAgent: true, ignoresPowerButton: true });
  const [refused, refusedTook] = await shutdown();
  assert.match(refused.error?.message ?? '', /guest web did not shut down within 1 min, asked by its agent and its power button/);
  assert.equal(refusedTook, 60);
  assert.equal(power('web'), 'running');
  const [cut, cutTook] = await shutdown(true);
  assert.deepEqual([cut.result, cutTook], [{ way: 'power cut' }, 60]);
});

test('a guest without an agent has all the time for its power button', async () => {
  await applied({ web: `shutdown: { agent: 2min, powerButton: 10s }, ${service}` });
  life.world.host.behave(uid('web'), { agent: 'absent', shutdownMs: 100_000 });
  const [job, took] = await timed(() => life.done(life.engine.shutdownGuest('web', {}, 'test')));
  assert.deepEqual([job.result, took], [{ way: 'power button' }, 105]);
});

test('a pause that fails is not wanted: when its guest crashes it is started again', async () => {
  await applied({ web: service });
  life.world.host.freeze(uid('web'));
  const paused = await life.done(life.engine.pauseGuest('web', 'test'));
  assert.deepEqual([paused.state, life.guest('web').wantedPower], ['failed', 'running']);
  life.world.host.crash(uid('web'));
  await life.until('it is ready again', () => life.guest('web').status.ready, 60_000);
  life.world.host.freeze(uid('web'));
  assert.equal((await life.done(life.engine.pauseGuest('web', 'test'))).state, 'failed');
  life.world.host.thaw(uid('web'));
  assert.equal((await life.done(life.engine.pauseGuest('web', 'test'))).state, 'succeeded');
  life.world.host.freeze(uid('web'));
  assert.deepEqual([(await life.done(life.engine.resumeGuest('web', 'test'))).state, life.guest('web').wantedPower], ['failed', 'paused']);
});

test('what is paused is let go on to shut down; what cannot be asked is not waited for', async () => {
  await applied({ web: service });
  await life.done(life.engine.pauseGuest('web', 'test'));
  const paused = await life.done(life.engine.shutdownGuest('web', {}, 'test'));
  assert.deepEqual(paused.result, { way: 'agent' });
  await life.done(life.engine.startGuest('web', 'test'));
  life.world.host.halt(uid('web'), 'io-error');
  await life.until('it is seen', () => power('web') === 'halted');
  const [asked, took] = await timed(() => life.done(life.engine.shutdownGuest('web', {}, 'test')));
  assert.match(asked.error?.message ?? '', /guest web cannot be asked \(it is halted\); “caisson guest stop web” cuts its power/);
  assert.ok(took <= 1);
  const forced = await life.done(life.engine.shutdownGuest('web', { force: true }, 'test'));
  assert.deepEqual(forced.result, { way: 'power cut' });
});

/** An image takes a minute from now on. */
function makeImagesSlowly(): void {
  const { images, clock } = life.world;
  const make = images.make.bind(images);
  images.make = async (source, onProgress, signal) => {
    await clock.sleep(60_000, signal);
    return make(source, onProgress, signal);
  };
}

const stayedDown = /guest web was told to stay down while it waited to start/;

async function staysDown(): Promise<void> {
  await life.pass(120_000);
  const { status, wantedPower } = life.guest('web');
  assert.deepEqual(
    [status.power, status.reason, wantedPower, life.world.host.processes.has(uid('web'))],
    ['stopped', '', 'stopped', false],
  );
}

test('a guest whose start is being prepared stays down when it is told to, at once', async () => {
  makeImagesSlowly();
  await applied({ web: 'autostart: false' });
  for (const tell of [() => life.engine.stopGuest('web', 'test'), () => life.engine.shutdownGuest('web', {}, 'test')]) {
    const starting = await life.engine.startGuest('web', 'test');
    await life.until('it is being prepared', () => power('web') === 'starting');
    const [told, took] = await timed(() => life.done(tell()));
    assert.equal(told.state, 'succeeded', told.error?.message);
    assert.ok(took <= 1, `took ${took} s`);
    assert.match((await life.done(starting)).error?.message ?? '', stayedDown);
    await staysDown();
  }
});

test('a guest that is told to stay down in the moment of its start does so', async () => {
  await applied({ web: 'autostart: false' });
  const { host } = life.world;
  const spawn = host.spawn.bind(host);
  host.spawn = (machine, options) => {
    // Nothing runs yet that could be cut off.
    void life.engine.stopGuest('web', 'test');
    return spawn(machine, options);
  };
  const started = await life.done(life.engine.startGuest('web', 'test'));
  host.spawn = spawn;
  assert.equal(started.state, 'failed');
  await staysDown();
});

test('a guest whose end nobody has told of is not waited for without end', async () => {
  await applied({ web: service });
  life.world.host.processes.delete(uid('web'));
  const [stopped, took] = await timed(() => life.done(life.engine.stopGuest('web', 'test')));
  assert.equal(stopped.state, 'succeeded', stopped.error?.message);
  assert.ok(took <= 31, `took ${took} s`);
  await staysDown();
});

test('a guest that is told to stay down while the images are made is not started with the others', async () => {
  makeImagesSlowly();
  const applying = await life.beginApply({ web: service, other: service });
  await life.until('the guests are known', () => life.engine.guests().length === 2);
  await life.until('it is about to start', () => life.reason('web') === 'is about to be started');
  assert.equal((await life.done(life.engine.shutdownGuest('web', {}, 'test'))).state, 'succeeded');
  assert.match((await life.done(applying)).error?.message ?? '', stayedDown);
  assert.ok(life.guest('other').status.ready);
  await staysDown();
});

test('whoever is about to start a guest gives up when it is told to stay down', async () => {
  const applying = await life.beginApply({ database: service, web: `${service}, after: [{ requires: database }]` });
  await life.until('the guests are known', () => life.engine.guests().length === 2);
  const [address = ''] = life.guest('database').status.nics[0]?.addresses ?? [];
  life.daemon.prober.script(address, { ok: false, why: 'connection refused' });
  await life.until('web waits', () => life.reason('web').startsWith('waits for'));
  const byName = await life.engine.startGuest('web', 'test');
  await life.pass(1000);
  await life.done(life.engine.shutdownGuest('web', {}, 'test'));
  life.daemon.prober.script(address, undefined);
  for (const job of [applying, byName]) assert.match((await life.done(job)).error?.message ?? '', stayedDown);
  await staysDown();
});

test('a guest that is changed by its name while an apply takes others down keeps the change', async () => {
  await applied({ web: service, old: 'shutdown: { agent: 20s, powerButton: 40s }' });
  life.world.host.behave(uid('old'), hangs);
  const { site } = structuredClone(life.engine.site());
  delete site.guests['old'];
  Object.assign(site.guests['web'] ?? {}, { description: 'by the file' });
  const applying = await life.engine.applySite(site, { prune: true, deleteDisks: true, overwrite: false }, 'test');
  await life.until('old is asked', () => power('old') === 'stopping');
  await life.done(life.engine.setGuest('web', { cpus: 2 }, 'test'));
  const job = await life.done(applying);
  assert.equal(job.state, 'succeeded', job.error?.message);
  const { spec } = life.guest('web');
  assert.deepEqual([spec.cpus, spec.description, life.engine.guests().length], [2, 'by the file', 1]);
});

test('a host goes down in reverse order, and tells of each guest which way it took', async () => {
  await applied(chain);
  life.world.host.behave(uid('app'), { agent: 'absent' });
  const job = await life.done(life.engine.shutdownHost({}, 'test'));
  assert.deepEqual(job.result, {
    guests: [
      { name: 'web', way: 'agent' },
      { name: 'app', way: 'power button' },
      { name: 'database', way: 'agent' },
    ],
  });
});

test('within a given time every level gets its share, the rest is cut, and all are down in time', async () => {
  await applied(chain);
  for (const name of ['web', 'app']) life.world.host.behave(uid(name), hangs);
  life.world.host.behave(uid('database'), { shutdownMs: 20_000 });
  const [job, took] = await timed(() => life.done(life.engine.shutdownHost({ withinMs: 120_000 }, 'test')));
  assert.equal(job.state, 'succeeded', job.error?.message);
  assert.deepEqual(job.result, {
    guests: [
      { name: 'web', way: 'power cut' },
      { name: 'app', way: 'power cut' },
      { name: 'database', way: 'agent' },
    ],
  });
  assert.ok(took <= 120, `took ${took} s`);
});

test('with no time at all the power of every guest is cut, in order', async () => {
  await applied(chain);
  const [job, took] = await timed(() => life.done(life.engine.shutdownHost({ withinMs: 1 }, 'test')));
  assert.deepEqual(
    (job.result as { guests: { name: string; way: string }[] }).guests.map(({ name, way }) => `${name}: ${way}`),
    ['web: power cut', 'app: power cut', 'database: power cut'],
  );
  assert.ok(took <= 1);
});

test('a host that goes down gives up what starts guests, starts nothing again, and nobody can', async () => {
  await applied({ ...chain, slow: service });
  life.world.host.behave(uid('web'), { ...hangs });
  const going = await life.engine.shutdownHost({ withinMs: 600_000 }, 'test');
  await life.until('web is asked', () => power('web') === 'stopping');
  life.world.host.crash(uid('database'));
  assert.throws(() => life.engine.startGuest('slow', 'test'), /the host is going down: nothing is started now/);
  const job = await life.done(going);
  assert.equal(job.state, 'succeeded', job.error?.message);
  await life.pass(600_000);
  assert.ok(life.engine.guests().every(({ status }) => ['stopped', 'crashed'].includes(status.power)));
  assert.equal(life.world.host.processes.size, 0);
  // Afterwards whoever wants may start a guest; the start of the host starts all.
  assert.equal((await life.done(life.engine.startGuest('slow', 'test'))).state, 'succeeded');
  await life.loseHost();
  await life.until('all are ready', () => life.engine.guests().every(({ status }) => status.ready));
});

test('a guest that was down before the host asked it stays down when it shuts itself down later', async () => {
  await applied(chain);
  life.world.host.behave(uid('web'), hangs);
  const going = await life.engine.shutdownHost({ withinMs: 120_000 }, 'test');
  await life.until('web is asked', () => power('web') === 'stopping');
  life.world.host.crash(uid('database'));
  assert.equal((await life.done(going)).state, 'succeeded');
  await life.done(life.engine.startGuest('database', 'test'));
  life.world.host.shutDown(uid('database'));
  await life.until('it is down', () => power('database') === 'stopped');
  await life.pass(1000);
  assert.equal(life.guest('database').wantedPower, 'stopped');
});

test('a daemon that ends while the host goes down: the next goes on with it, within the same time, and starts nothing', async () => {
  await applied(chain);
  for (const name of ['web', 'app']) life.world.host.behave(uid(name), hangs);
  const began = life.clock.now();
  const { uid: job } = await life.engine.shutdownHost({ withinMs: 100_000 }, 'test');
  await life.until('web is asked', () => power('web') === 'stopping');
  await life.end();
  await life.start();
  const ended = await life.during(life.engine.jobs.wait(job));
  assert.equal(ended.state, 'succeeded', ended.error?.message);
  assert.ok(life.clock.now() - began <= 100_000);
  assert.equal(life.world.host.processes.size, 0);
  await life.pass(60_000);
  assert.equal(life.world.host.processes.size, 0, 'the next daemon started guests again');
});

test('one guest that cannot be stopped does not keep the others up', async () => {
  await applied(chain);
  life.world.host.behave(uid('web'), { ...hangs, cannotBeKilled: true });
  const job = await life.done(life.engine.shutdownHost({ withinMs: 60_000 }, 'test'));
  assert.equal(job.state, 'failed');
  assert.match(job.error?.message ?? '', /not every guest is down: the end of the process of guest/);
  assert.deepEqual([power('app'), power('database')], ['stopped', 'stopped']);
  life.world.host.behave(uid('web'), { cannotBeKilled: false });
});
