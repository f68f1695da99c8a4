// Guests that end, hang or find no space, on a real host: daemon and helper, QEMU, and tiny guests with the kernel of any machine, whose
// driver arms the chipset's watchdog. What each of them does to itself is typed at its serial console, as somebody with that system would.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Client, createClient } from '../../src/api/client.ts';
import { createNodeTransport, type NodeTransport } from '../../src/api/node-transport.ts';
import { stateWord } from '../../src/cli/guest-state.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import type { Event } from '../../src/model/event.ts';
import type { Guest } from '../../src/model/guest-status.ts';
import type { Job } from '../../src/model/job.ts';
import { parseSiteFile } from '../../src/model/site-file.ts';
import { tinyDisk } from '../tiny-guest/tiny-disk.ts';

const launcher = join(import.meta.dirname, '../../bin/caisson');
const netns = 'cst-life';
/** Everything here is emulated, on a machine that does other things as well. */
const soonMs = 120_000;
let data = '';
let helper: ChildProcess | undefined;
let transport: NodeTransport;
let client: Client;

before(async () => {
  const image = await tinyDisk('generic');
  data = mkdtempSync(join(tmpdir(), 'caisson-life-'));
  await startDaemon();
  // What the guests write has a place of its own, which a test can fill.
  const { mode, uid, gid } = statSync(join(data, 'guests'));
  const options = `size=20m,mode=${(mode & 0o7777).toString(8)},uid=${uid},gid=${gid}`;
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'caisson-life', join(data, 'guests')]);
  const job = await finish(client.call('siteApply', { body: { site: site(image) } }));
  assert.equal(job.state, 'succeeded', job.error?.message);
});

after(async () => {
  if (helper?.exitCode === null) {
    await finish(client.call('hostShutdown', { body: { withinMs: 20_000 } }));
    helper.kill('SIGTERM');
    await waitFor('the helper ends', () => helper?.exitCode !== null, { timeoutMs: 20_000 });
  }
  transport?.close();
  execFileSync('umount', [join(data, 'guests')]);
  execFileSync(launcher, ['daemon', '--data', data, '--netns', netns, '--teardown'], { stdio: 'inherit' });
  rmSync(data, { recursive: true, force: true });
});

async function startDaemon(): Promise<void> {
  let said = '';
  const child = spawn(launcher, ['daemon', '--data', data, '--netns', netns], { stdio: ['ignore', 'pipe', 'pipe'] });
  helper = child;
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const isReady = () => {
    assert.equal(child.exitCode, null, said);
    return /^ready /m.test(said);
  };
  await waitFor('the daemon is ready', isReady, { timeoutMs: 60_000 });
  transport = createNodeTransport({ socketPath: join(data, 'run/api.sock') });
  client = createClient(transport);
}

function site(image: string) {
  const text = `
version: 1
site: life
zones: { one: { subnets: [10.78.1.0/24] } }
images: { tiny: { file: ${image} } }
guests:
  a:
    image: tiny
    zone: one
    memory: 128MiB
    disks: { root: 64MiB, data: 64MiB }
    display: none
    service: { ready: { agent: true } }
    shutdown: { agent: 10s, powerButton: 5s }
  b:
    image: tiny
    zone: one
    memory: 128MiB
    disks: { root: 64MiB }
    display: none
    service: { ready: { command: [/bin/true] } }
    after: [{ requires: a }]
    shutdown: { agent: 5s, powerButton: 5s }
`;
  const parsed = parseSiteFile(text, () => undefined);
  if ('problems' in parsed) assert.fail(JSON.stringify(parsed.problems));
  return parsed.site;
}

async function finish(started: Promise<Job>): Promise<Job> {
  const { uid } = await started;
  let job: Job | undefined;
  for await (const state of client.stream('jobFollow', { params: { job: uid } })) job = state as Job;
  return job as Job;
}

const guest = (name: string): Promise<Guest> => client.call('guestShow', { params: { guest: name } });

/** Waits until the guest is in a state, in the command line's words. */
function reaches(name: string, word: string): Promise<Guest> {
  const look = async () => {
    const found = await guest(name);
    return stateWord(found) === word ? found : undefined;
  };
  return waitFor(`${name} is ${word}`, look, { timeoutMs: soonMs, everyMs: 20 });
}

/** Another process than before is ready. */
function comesBack({ name, status }: Guest): Promise<Guest> {
  const look = async () => {
    const now = await guest(name);
    return now.status.ready && now.status.pid !== status.pid ? now : undefined;
  };
  return waitFor(`${name} is ready anew`, look, { timeoutMs: soonMs });
}

/** Types a line at the console of a guest. */
function type(name: string, line: string): void {
  const { status, stderr } = spawnSync(launcher, ['guest', 'console', name, '--data', data, '--history', '0'], {
    input: `\n${line}\n`,
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.equal(status, 0, stderr);
}

async function events(kind: Event['kind']): Promise<Event[]> {
  const { items } = await client.call('eventList', { query: { limit: 500 } });
  return items.filter((event) => event.kind === kind);
}

test('QEMU killed: the guest is started again by itself, and what requires it waits for it', async () => {
  const [a, b] = [await guest('a'), await guest('b')];
  process.kill(a.status.pid as number, 'SIGKILL');
  const crashed = await reaches('a', 'crashed');
  assert.match(crashed.status.reason, /^crashed: .*; it is started again in 1\.0 s \(try 1 of 5\)$/);
  const resting = await waitFor('b is not ready', async () => ((await guest('b')).status.ready ? undefined : guest('b')), {
    timeoutMs: 10_000,
  });
  assert.match(resting.status.reason, /^requires a, which /);
  await comesBack(a);
  const again = await reaches('b', 'ready');
  assert.equal(again.status.pid, b.status.pid, 'b was restarted');
  assert.equal((await events('guest-restarting')).length, 1);
});

test('a reboot from inside: the same process, not ready until its service is', async () => {
  const { status } = await guest('b');
  type('b', 'reboot -f');
  await waitFor('the reboot is told', async () => (await events('guest-rebooted')).length > 0, { timeoutMs: soonMs });
  const after = await reaches('b', 'ready');
  assert.equal(after.status.pid, status.pid);
});

test('a poweroff from inside: the guest stays down', async () => {
  type('b', 'poweroff -f');
  const down = await reaches('b', 'stopped');
  assert.equal(down.wantedPower, 'stopped');
  const job = await finish(client.call('guestStart', { params: { guest: 'b' } }));
  assert.equal(job.state, 'succeeded', job.error?.message);
});

test('a panic: pvpanic tells, and the guest is started again', async () => {
  const before = await guest('b');
  type('b', 'echo c > /proc/sysrq-trigger');
  const panicked = await reaches('b', 'panicked');
  assert.match(panicked.status.reason, /^its operating system panicked; it is started again in /);
  await comesBack(before);
  assert.equal((await events('guest-panicked')).length, 1);
});

test('a watchdog that is armed and not fed: the guest is called hung, and started again', async () => {
  const before = await guest('b');
  // Debian's iTCO_wdt; armed for four seconds, fed once a minute.
  type('b', 'watchdog -T 4 -t 60 /dev/watchdog');
  const hung = await reaches('b', 'hung: watchdog');
  assert.match(hung.status.reason, /^its watchdog expired, its operating system hangs; it is started again in /);
  await comesBack(before);
  assert.equal((await events('guest-watchdog')).length, 1);
});

test('no space for its disk: the guest is paused, and goes on by itself when there is', async () => {
  const before = await guest('a');
  type('a', '(dd if=/dev/urandom of=/dev/vdb bs=1M count=40 && sync && echo written whole > /dev/ttyS0) &');
  const paused = await reaches('a', 'paused: no space');
  assert.match(paused.status.reason, /^no space is left for its disk/);
  execFileSync('mount', ['-o', 'remount,size=200m', join(data, 'guests')]);
  const after = await reaches('a', 'ready');
  assert.equal(after.status.pid, before.status.pid);
  await waitFor('people are told', async () => (await events('guest-resumed')).length === 1, { timeoutMs: soonMs });
  const console = () =>
    spawnSync(launcher, ['guest', 'console', 'a', '--data', data, '--history', '4000'], { input: '', encoding: 'utf8' }).stdout;
  await waitFor('all is written', () => console().includes('written whole'), { timeoutMs: soonMs, everyMs: 1000 });
});

test('a QEMU that is stopped is unresponsive in words, and nobody touches it', async () => {
  const before = await guest('b');
  process.kill(before.status.pid as number, 'SIGSTOP');
  try {
    const silent = await reaches('b', 'unresponsive');
    assert.equal(silent.status.reason, 'its QEMU does not answer; nothing is known of its state');
  } finally {
    process.kill(before.status.pid as number, 'SIGCONT');
  }
  const after = await reaches('b', 'ready');
  assert.equal(after.status.pid, before.status.pid);
});

test('the command line waits for a guest, and says why it is not there', async () => {
  const wait = (...argv: string[]) => spawnSync(launcher, ['guest', 'wait', 'b', '--data', data, ...argv], { encoding: 'utf8' });
  for (const goal of ['ready', 'agent']) {
    const { status, stderr } = wait('--for', goal);
    assert.equal(status, 0, stderr);
  }
  const vain = wait('--for', 'stopped', '--timeout', '1s');
  assert.deepEqual([vain.status, vain.stderr], [1, 'caisson: waited 1.0 s for guest b to be stopped: b is ready\n']);
});

test('the host goes down within its time: in order, each by the way that works, the one that hears nothing by force', async () => {
  // b hears neither its agent nor its power button; a has lost its agent.
  type('b', 'killall qemu-ga acpid; kill -STOP $(pidof ld.so) $(pidof acpid)');
  type('a', 'kill -STOP $(pidof ld.so)');
  const { status, stdout, stderr } = spawnSync(launcher, ['host', 'shutdown', '--within', '60s', '--data', data], {
    encoding: 'utf8',
    timeout: 120_000,
  });
  assert.equal(status, 0, stderr);
  assert.equal(stdout, 'b: power cut\na: power button\n');
  const all = [await guest('a'), await guest('b')];
  assert.deepEqual(
    all.map(({ status: { power }, wantedPower }) => [power, wantedPower]),
    [
      ['stopped', 'running'],
      ['stopped', 'running'],
    ],
  );
});
