// e2e: limit 20 min
// Guests that cannot go on, or shall go down, on a real host: a full file system, a QEMU that is stopped, and a host that has little time.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { waitFor } from '../../src/lib/wait-for.ts';
import { tinyDisk } from '../tiny-guest/tiny-disk.ts';
import { soonMs, TwoGuests } from './two-guests.ts';

const host = new TwoGuests('cst-pause');
before(async () => host.start(await tinyDisk()));
after(() => host.stop());

test('no space for its disk: the guest is paused, and goes on by itself when there is', async () => {
  const before = await host.guest('a');
  await host.type('a', '(dd if=/dev/urandom of=/dev/vdb bs=1M count=40 && sync && echo written whole > /dev/ttyS0) &');
  const paused = await host.reaches('a', 'paused: no space');
  assert.match(paused.status.reason, /^no space is left for its disk/);
  host.makeRoom();
  const after = await host.reaches('a', 'ready');
  assert.equal(after.status.pid, before.status.pid);
  await waitFor('people are told', async () => (await host.events('guest-resumed')).length === 1, { timeoutMs: soonMs });
  const said = async () => (await host.caisson(['guest', 'console', 'a', '--history', '4000'])).stdout;
  await waitFor('all is written', async () => (await said()).includes('written whole'), { timeoutMs: soonMs, everyMs: 1000 });
});

test('a QEMU that is stopped is unresponsive in words, and nobody touches it', async () => {
  const before = await host.guest('b');
  process.kill(before.status.pid as number, 'SIGSTOP');
  try {
    const silent = await host.reaches('b', 'unresponsive');
    assert.equal(silent.status.reason, 'its QEMU does not answer; nothing is known of its state');
  } finally {
    process.kill(before.status.pid as number, 'SIGCONT');
  }
  const after = await host.reaches('b', 'ready');
  assert.equal(after.status.pid, before.status.pid);
});

test('the command line waits for a guest, and says why it is not there', async () => {
  const wait = (...argv: string[]) => host.caisson(['guest', 'wait', 'b', ...argv]);
  for (const goal of ['ready', 'agent']) {
    const { status, stderr } = await wait('--for', goal);
    assert.equal(status, 0, stderr);
  }
  const vain = await wait('--for', 'stopped', '--timeout', '1s');
  assert.deepEqual([vain.status, vain.stderr], [1, 'caisson: waited 1.0 s for guest b to be stopped: b is ready\n']);
});

test('the host goes down within its time: in order, each by the way that works, the one that hears nothing by force', async () => {
  // b hears neither its agent nor its power button; a has lost its agent.
  await host.run('b', 'killall qemu-ga acpid; kill -STOP $(pidof ld.so) $(pidof acpid)');
  await host.run('a', 'kill -STOP $(pidof ld.so)');
  const { status, stdout, stderr } = await host.caisson(['host', 'shutdown', '--within', '120s']);
  assert.equal(status, 0, stderr);
  assert.equal(stdout, 'b: power cut\na: power button\n');
  const all = [await host.guest('a'), await host.guest('b')];
  assert.deepEqual(
    all.map(({ status: { power }, wantedPower }) => [power, wantedPower]),
    [
      ['stopped', 'running'],
      ['stopped', 'running'],
    ],
  );
});
