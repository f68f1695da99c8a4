// Guests that end or hang, on a real host: killed from outside, rebooted, switched off, panicked and hung from inside. Their kernel is that of
// any machine, whose driver arms the chipset's watchdog.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { waitFor } from '../../src/lib/wait-for.ts';
import { tinyDisk } from '../tiny-guest/tiny-disk.ts';
import { soonMs, TwoGuests } from './two-guests.ts';

const host = new TwoGuests('cst-life');
before(async () => host.start(await tinyDisk('generic')));
after(() => host.stop());

test('QEMU killed: the guest is started again by itself, and what requires it waits for it', async () => {
  const [a, b] = [await host.guest('a'), await host.guest('b')];
  process.kill(a.status.pid as number, 'SIGKILL');
  const crashed = await host.reaches('a', 'crashed');
  assert.match(crashed.status.reason, /^crashed: .*; it is started again in 1\.0 s \(try 1 of 5\)$/);
  const resting = await waitFor('b is not ready', async () => ((await host.guest('b')).status.ready ? undefined : host.guest('b')), {
    timeoutMs: 10_000,
  });
  assert.match(resting.status.reason, /^requires a, which /);
  await host.comesBack(a);
  const again = await host.reaches('b', 'ready');
  assert.equal(again.status.pid, b.status.pid, 'b was restarted');
  assert.equal((await host.events('guest-restarting')).length, 1);
});

test('a reboot from inside: the same process, not ready until its service is', async () => {
  const { status } = await host.guest('b');
  await host.type('b', 'reboot -f');
  await waitFor('the reboot is told', async () => (await host.events('guest-rebooted')).length > 0, { timeoutMs: soonMs });
  const after = await host.reaches('b', 'ready');
  assert.equal(after.status.pid, status.pid);
});

test('a poweroff from inside: the guest stays down', async () => {
  await host.type('b', 'poweroff -f');
  const down = await host.reaches('b', 'stopped');
  assert.equal(down.wantedPower, 'stopped');
  const job = await host.finish(host.client.call('guestStart', { params: { guest: 'b' } }));
  assert.equal(job.state, 'succeeded', job.error?.message);
});

test('a panic: pvpanic tells, and the guest is started again', async () => {
  const before = await host.guest('b');
  await host.type('b', 'echo c > /proc/sysrq-trigger');
  const panicked = await host.reaches('b', 'panicked');
  assert.match(panicked.status.reason, /^its operating system panicked; it is started again in /);
  await host.comesBack(before);
  assert.equal((await host.events('guest-panicked')).length, 1);
});

test('a watchdog that is armed and not fed: the guest is called hung, and started again', async () => {
  const before = await host.guest('b');
  // Debian's iTCO_wdt; armed for four seconds, fed once a minute.
  await host.type('b', 'watchdog -T 4 -t 60 /dev/watchdog');
  const hung = await host.reaches('b', 'hung: watchdog');
  assert.match(hung.status.reason, /^its watchdog expired, its operating system hangs; it is started again in /);
  await host.comesBack(before);
  assert.equal((await host.events('guest-watchdog')).length, 1);
});
