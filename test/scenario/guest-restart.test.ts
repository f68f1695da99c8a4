// Guests that end, hang, or find no space: what their policy makes of it, over crashes of the daemon and of the host.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { stateWord } from '../../src/cli/guest-state.ts';
import { SimulatedLife } from './simulated-life.ts';

let life: SimulatedLife;
beforeEach(async () => {
  life = new SimulatedLife();
  await life.start();
});
afterEach(() => life.end());

const service = 'service: { ports: [tcp/80], ready: { tcp: 80 } }';

async function applied(fields = service): Promise<string> {
  const job = await life.apply({ web: fields });
  assert.equal(job.state, 'succeeded', job.error?.message);
  return life.guest('web').uid;
}

const power = () => life.guest('web').status.power;
const isReady = () => life.guest('web').status.ready;

test('a guest that crashes is started again after pauses that double, and stays down after its tries', async () => {
  const uid = await applied(`restart: { tries: 3 }, ${service}`);
  const pauses: number[] = [];
  for (const [index, pause] of ['1.0 s', '2.0 s', '4.0 s'].entries()) {
    life.world.host.crash(uid, 'segmentation fault');
    await life.until('the crash is seen', () => power() === 'crashed');
    assert.equal(life.reason('web'), `crashed: segmentation fault; it is started again in ${pause} (try ${index + 1} of 3)`);
    pauses.push(await life.until('it runs again', () => power() === 'running'));
    await life.until('it is ready', isReady);
  }
  assert.deepEqual(
    pauses.map((ms) => Math.round(ms / 1000)),
    [1, 2, 4],
  );
  life.world.host.crash(uid, 'segmentation fault');
  await life.until('it is given up', () => life.guest('web').status.restart?.givenUp === true);
  await life.pass(3_600_000);
  assert.equal(
    life.reason('web'),
    'crashed: segmentation fault; it failed 4 times in a row and stays down; “caisson guest start web” starts it again',
  );
  assert.deepEqual(await life.events('guest-restarting'), [
    'guest web is started again (try 1 of 3)',
    'guest web is started again (try 2 of 3)',
    'guest web is started again (try 3 of 3)',
  ]);
  assert.deepEqual(await life.events('guest-given-up'), ['guest web failed 4 times in a row and is not started again']);
  // Whoever starts it himself begins anew.
  const job = await life.done(life.engine.startGuest('web', 'test'));
  assert.equal(job.state, 'succeeded', job.error?.message);
  assert.equal(life.guest('web').status.restart, undefined);
});

test('after a stable run a failure is a first one again', async () => {
  const uid = await applied(`restart: { tries: 1, stableAfter: 10min }, ${service}`);
  for (let round = 0; round < 3; round += 1) {
    life.world.host.crash(uid);
    await life.until('it runs again', () => power() === 'running');
    assert.equal(life.guest('web').status.restart?.failures, 1);
    await life.pass(11 * 60_000);
    assert.equal(life.guest('web').status.restart, undefined, 'a stable run is not forgotten');
  }
});

test('a guest that shut itself down stays down; under “always” it is started again, and by the next start of the host', async () => {
  const uid = await applied();
  life.world.host.shutDown(uid);
  await life.until('it is down', () => power() === 'stopped');
  await life.pass(3_600_000);
  assert.deepEqual([power(), life.guest('web').wantedPower], ['stopped', 'stopped']);

  await life.done(life.engine.startGuest('web', 'test'));
  await life.apply({ web: `restart: always, ${service}` });
  life.world.host.shutDown(uid);
  await life.until('it is down', () => power() === 'stopped');
  assert.equal(life.reason('web'), 'has shut itself down; it is started again in 1.0 s (try 1 of 5)');
  await life.until('it is ready again', isReady);
  assert.equal(life.guest('web').wantedPower, 'running');
});

test('whoever stops a guest has it stay down, also in the pause before it is started again', async () => {
  const uid = await applied(`restart: always, ${service}`);
  assert.deepEqual((await life.done(life.engine.shutdownGuest('web', {}, 'test'))).result, { way: 'agent' });
  await life.pass(600_000);
  assert.equal(power(), 'stopped');
  await life.done(life.engine.startGuest('web', 'test'));
  life.world.host.crash(uid);
  await life.until('the crash is seen', () => power() === 'crashed');
  await life.done(life.engine.shutdownGuest('web', {}, 'test'));
  await life.pass(600_000);
  assert.ok(!life.world.host.processes.has(uid), 'it was started again');
});

for (const [why, word, event] of [
  ['panicked', 'panicked', 'guest-panicked'],
  ['watchdog', 'hung: watchdog', 'guest-watchdog'],
  ['internal-error', 'paused: QEMU error', 'guest-halted'],
] as const) {
  test(`a guest that QEMU stopped (${why}) is said to be so, and started again`, async () => {
    const uid = await applied();
    const before = life.guest('web').status.pid;
    life.world.host.halt(uid, why);
    await life.until('it is seen', () => power() === 'halted');
    assert.equal(stateWord(life.guest('web')), word);
    assert.match(life.reason('web'), /; it is started again in 1\.0 s \(try 1 of 5\)$/);
    await life.until('it is ready again', isReady);
    assert.notEqual(life.guest('web').status.pid, before);
    assert.equal((await life.events(event)).length, 1);
  });
}

test('with “never” a guest that panicked stays as it is, to be looked at', async () => {
  const uid = await applied(`restart: never, ${service}`);
  life.world.host.halt(uid, 'panicked');
  await life.until('it is seen', () => power() === 'halted');
  await life.pass(3_600_000);
  assert.equal(life.reason('web'), 'its operating system panicked; “caisson guest reboot --force web” starts it again');
  await life.done(life.engine.rebootGuest('web', { force: true }, 'test'));
  assert.ok(isReady());
});

test('a disk error is nobody’s to guess about: the guest stays paused until somebody lets it go on', async () => {
  const uid = await applied();
  life.world.host.halt(uid, 'io-error');
  await life.until('it is seen', () => power() === 'halted');
  await life.pass(3_600_000);
  assert.equal(stateWord(life.guest('web')), 'paused: disk error');
  await life.done(life.engine.resumeGuest('web', 'test'));
  await life.until('it is ready again', isReady);
});

test('a guest without space for its disk goes on by itself when there is some, and is told of once', async () => {
  const uid = await applied();
  const before = life.guest('web').status.pid;
  life.world.guestFiles.setFree(1024 * 1024);
  life.world.host.halt(uid, 'no-space');
  await life.until('it is seen', () => power() === 'halted');
  assert.equal(stateWord(life.guest('web')), 'paused: no space');
  await life.pass(3_600_000);
  assert.equal(power(), 'halted');
  // A daemon that takes over goes on watching.
  await life.end();
  await life.start();
  life.world.guestFiles.setFree(1024 ** 3);
  await life.until('it is ready again', isReady, 60_000);
  assert.equal(life.guest('web').status.pid, before);
  await life.pass(5000);
  assert.deepEqual(await life.events('guest-resumed'), ['guest web goes on: there is space for its disk again (1,024 MiB free)']);
});

test('a look at the space that fails is not the last one', async () => {
  const uid = await applied();
  const { guestFiles, host } = life.world;
  const freeBytes = guestFiles.freeBytes.bind(guestFiles);
  guestFiles.freeBytes = () => Promise.reject(new Error('the disk does not answer'));
  host.halt(uid, 'no-space');
  await life.until('it is seen', () => power() === 'halted');
  await life.pass(20_000);
  assert.equal(power(), 'halted');
  guestFiles.freeBytes = freeBytes;
  await life.until('it is ready again', isReady, 120_000);
});

test('a guest that finds no space again is tried less and less, and people are not told each time', async () => {
  const uid = await applied();
  let tries = 0;
  life.world.host.watch((event) => {
    if (event.kind !== 'changed' || event.observation.state !== 'running') return;
    tries += 1;
    // A quota: the host has space, the guest has none.
    setImmediate(() => life.world.host.halt(uid, 'no-space'));
  });
  life.world.host.halt(uid, 'no-space');
  await life.pass(600_000);
  assert.ok(tries > 5 && tries < 20, `tried ${tries} times in ten minutes`);
  assert.equal((await life.events('guest-halted')).length, 1);
  assert.deepEqual(await life.events('guest-resumed'), []);
});

test('a daemon that ends in a pause leaves the rest of it to the next, which does not start what was given up', async () => {
  const uid = await applied(`restart: { tries: 2 }, ${service}`);
  for (let round = 0; round < 2; round += 1) {
    life.world.host.crash(uid);
    await life.until('the crash is seen', () => power() === 'crashed');
    await life.end();
    await life.start();
    await life.until('it is ready again', isReady, 60_000);
    assert.equal(life.guest('web').status.restart?.failures, round + 1);
  }
  life.world.host.crash(uid);
  await life.until('it is given up', () => life.guest('web').status.restart?.givenUp === true);
  await life.end();
  await life.start();
  await life.pass(3_600_000);
  assert.equal(power(), 'crashed');
  // The start of the host is another matter.
  await life.loseHost();
  await life.until('it is ready again', isReady, 60_000);
  assert.equal(life.guest('web').status.restart, undefined);
});

test('a guest whose process went while no daemon watched counts as crashed, and its policy decides', async () => {
  const uid = await applied(`restart: never, ${service}`);
  await life.end();
  life.world.host.crash(uid);
  await life.start();
  await life.pass(60_000);
  assert.deepEqual(
    [power(), life.reason('web')],
    ['crashed', 'crashed: its process was gone when the daemon started; “caisson guest start web” starts it again'],
  );
  await life.loseHost();
  await life.until('the host starts it', isReady, 60_000);
});

test('a guest that reboots from inside is not ready until its service is', async () => {
  const uid = await applied();
  life.world.host.reboot(uid);
  await life.until('the reboot is seen', () => !isReady());
  assert.deepEqual([power(), life.reason('web')], ['running', 'reboots']);
  const took = await life.until('it is ready again', isReady);
  assert.ok(took >= 1900, `ready ${took} ms after its reboot`);
  assert.equal(life.guest('web').status.restart, undefined, 'a reboot is no failure');
});

test('a QEMU that says nothing is called unresponsive, nothing is done to it, and it is known again when it speaks', async () => {
  const uid = await applied();
  life.world.host.freeze(uid);
  await life.until('it is seen', () => power() === 'unresponsive', 60_000);
  assert.equal(life.reason('web'), 'its QEMU does not answer; nothing is known of its state');
  await life.pass(3_600_000);
  assert.equal((await life.events('guest-unresponsive')).length, 1);
  life.world.host.thaw(uid);
  // QEMU's driver tells of it before whoever looks at all guests does.
  life.world.host.observe(uid, life.world.host.process(uid).observation);
  await life.until('it is ready again', isReady, 60_000);
  assert.deepEqual(await life.events('guest-restarting'), []);
});

test('a start that fails after a crash is a further failure', async () => {
  const uid = await applied(`restart: { tries: 2 }, ${service}`);
  life.world.guestFiles.loseDisk(uid, 'root');
  life.world.host.crash(uid);
  await life.until('it is given up', () => life.guest('web').status.restart?.givenUp === true);
  assert.match(life.reason('web'), /^did not start: .*disk “root” of guest web is gone.*; it failed 3 times in a row and stays down/);
});
