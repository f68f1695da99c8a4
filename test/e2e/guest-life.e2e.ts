// e2e: limit 20 min
// Guests that end or hang, on a real host: killed from outside, rebooted, switched off, panicked and hung from inside. Their kernel is that of
// any machine, whose driver arms the chipset's watchdog.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { tinyDisk } from '../tiny-guest/tiny-disk.ts';
import { TwoGuests } from './two-guests.ts';

const host = new TwoGuests('cst-life');
before(async () => host.start(await tinyDisk('generic')));
after(() => host.stop());

test('QEMU killed: the guest is started again by itself, and what requires it waits for it', async () => {
  const [a, b] = [await host.guest('a'), await host.guest('b')];
  process.kill(a.status.pid as number, 'SIGKILL');
  await host.told(a, 'guest-crashed', /^guest a crashed: /);
  await host.told(a, 'guest-restarting', /^guest a is started again \(try 1 of 5\)$/);
  await host.told(b, 'guest-not-ready', /requires a/);
  await host.comesBack(a);
  const again = await host.reaches('b', 'ready');
  assert.equal(again.status.pid, b.status.pid, 'b was restarted');
});

test('a reboot from inside: the same process, not ready until its service is', async () => {
  const b = await host.guest('b');
  await host.type('b', 'reboot -f');
  await host.told(b, 'guest-rebooted', /^guest b rebooted$/);
  const after = await host.reaches('b', 'ready');
  assert.equal(after.status.pid, b.status.pid);
});

test('a poweroff from inside: the guest stays down', async () => {
  await host.type('b', 'poweroff -f');
  const down = await host.reaches('b', 'stopped');
  assert.equal(down.wantedPower, 'stopped');
  const job = await host.finish(host.client.call('guestStart', { params: { guest: 'b' } }));
  assert.equal(job.state, 'succeeded', job.error?.message);
});

test('a panic: pvpanic tells, and the guest is started again', async () => {
  const b = await host.guest('b');
  await host.type('b', 'echo c > /proc/sysrq-trigger');
  await host.told(b, 'guest-panicked', /^guest b panicked$/);
  await host.told(b, 'guest-restarting', /^guest b is started again \(try 1 of 5\)$/);
  await host.comesBack(b);
  assert.equal((await host.events('guest-panicked')).length, 1);
});

test('a watchdog that is armed and not fed: the guest is called hung, and started again', async () => {
  const b = await host.guest('b');
  // Debian's iTCO_wdt; armed for four seconds, fed once a minute.
  await host.type('b', 'watchdog -T 4 -t 60 /dev/watchdog');
  await host.told(b, 'guest-watchdog', /^guest b hangs: its watchdog expired, its operating system hangs/);
  await host.comesBack(b);
  assert.equal((await host.events('guest-watchdog')).length, 1);
});
