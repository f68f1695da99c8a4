import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../lib/clock.ts';
import { CaissonError } from '../../lib/errors.ts';
import type { Machine } from '../../model/machine.ts';
import type { HypervisorEvent } from '../hypervisor.ts';
import { FakeHost } from './fake-host.ts';
import { FakeHypervisor } from './hypervisor.ts';

const uid = 'gk3m9x4q2ab';
const machine = { uid, name: 'web', memoryMib: 512, cpus: 1, maxCpus: 1, disks: [], nics: [] } as unknown as Machine;
const startOptions = { userId: 1000, generation: 3, limits: { memoryMib: 700, cpuWeight: 100, pids: 64 } };

function setUp() {
  const clock = new FakeClock();
  const host = new FakeHost(clock);
  const hypervisor = new FakeHypervisor(host);
  const events: HypervisorEvent[] = [];
  hypervisor.watch((event) => events.push(event));
  return { clock, host, hypervisor, events };
}

/** Whether the promise is settled, without waiting for it. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const note = () => {
    settled = true;
  };
  promise.then(note, note);
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

test('the agent answers when the guest has booted by the clock, not before', async () => {
  const { clock, host, hypervisor } = setUp();
  host.behave(uid, { bootMs: 20_000 });
  await hypervisor.start(machine, startOptions);
  const ping = hypervisor.agent(uid).ping(30_000);
  await clock.advance(19_900);
  assert.ok(!(await isSettled(ping)));
  await clock.advance(200);
  assert.ok(await isSettled(ping));
  await ping;
  assert.equal(host.process(uid).generation, 3);
});

test('an absent agent is a timeout by the clock, a lying one is refused', async () => {
  const { clock, host, hypervisor } = setUp();
  host.behave(uid, { agent: 'absent', bootMs: 0 });
  await hypervisor.start(machine, startOptions);
  const ping = assert.rejects(hypervisor.agent(uid).ping(5000), { code: 'timeout' });
  await clock.advance(5100);
  await ping;
  host.behave(uid, { agent: 'lies' });
  await assert.rejects(hypervisor.agent(uid).hostName(5000), { code: 'unavailable' });
});

test('a scripted start fails once and leaves no process', async () => {
  const { host, hypervisor, events } = setUp();
  host.failNextStart(uid, new CaissonError('failed', 'no such disk'));
  await assert.rejects(hypervisor.start(machine, startOptions), /no such disk/);
  assert.deepEqual(await hypervisor.observe(uid), { state: 'stopped' });
  assert.deepEqual(events, []);
  assert.equal((await hypervisor.start(machine, startOptions)).state, 'running');
});

test('the power button takes its time, and one that is ignored does nothing', async () => {
  const { clock, host, hypervisor, events } = setUp();
  await hypervisor.start(machine, startOptions);
  host.behave(uid, { ignoresPowerButton: true, shutdownMs: 9000 });
  await hypervisor.pressPowerButton(uid);
  await clock.advance(60_000);
  assert.equal((await hypervisor.observe(uid)).state, 'running');
  host.behave(uid, { ignoresPowerButton: false });
  await hypervisor.pressPowerButton(uid);
  await clock.advance(8900);
  assert.equal((await hypervisor.observe(uid)).state, 'running');
  await clock.advance(200);
  assert.deepEqual(events.at(-1), { kind: 'ended', uid, why: 'shut-down', detail: '' });
});

test('what was to happen to a guest does not happen to the one started after it', async () => {
  const { clock, host, hypervisor } = setUp();
  host.behave(uid, { shutdownMs: 1000 });
  await hypervisor.start(machine, startOptions);
  await hypervisor.pressPowerButton(uid);
  host.crash(uid);
  await hypervisor.start(machine, startOptions);
  await clock.advance(5000);
  assert.equal((await hypervisor.observe(uid)).state, 'running');
});

test('a halted guest says why, and every instance on the host sees the same', async () => {
  const { host, hypervisor, events } = setUp();
  await hypervisor.start(machine, startOptions);
  host.halt(uid, 'no-space');
  const other = new FakeHypervisor(host);
  const seen = await other.observe(uid);
  assert.equal(seen.state === 'halted' && seen.why, 'no-space');
  assert.equal(events.at(-1)?.kind, 'changed');
  await other.close();
  await hypervisor.close();
  host.crash(uid);
  assert.notEqual(events.at(-1)?.kind, 'ended');
});
