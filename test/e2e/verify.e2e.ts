// e2e: limit 10 min
// What may befall a host between two daemons: each is found by `caisson verify` while it lasts, handled by the next daemon, and gone
// afterwards.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { readProcess } from '../../src/helper/process-stat.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import { verify } from '../../src/local/verify.ts';
import type { Guest } from '../../src/model/guest-status.ts';
import { KilledHost } from './killed-host.ts';
import { toBase } from './killed-operations.ts';

const launcher = join(import.meta.dirname, '../../bin/caisson');
const host = new KilledHost('verify');
const strangers: ChildProcess[] = [];

before(async () => {
  assert.ok(await host.start(), host.said);
  await toBase(host);
});
afterEach(() => {
  for (const stranger of strangers.splice(0)) stranger.kill('SIGKILL');
});
after(() => host.remove());

async function guest(name: string): Promise<Guest> {
  return host.client.call('guestShow', { params: { guest: name } });
}

const folderOf = ({ uid }: Guest) => join(host.data, 'guests', uid);
const texts = async () => (await verify(host.data)).map(({ verdict, found }) => `${verdict}: ${found}`);

async function found(text: RegExp): Promise<void> {
  const all = await texts();
  assert.ok(
    all.some((line) => text.test(line)),
    `${text} is not among: ${all.join('; ')}`,
  );
}

function command(...args: string[]): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(launcher, [...args, '--data', host.data], { encoding: 'utf8' });
  return { code: status, stdout, stderr };
}

async function ended(child: ChildProcess): Promise<void> {
  await waitFor('it ends', () => child.exitCode !== null || child.signalCode !== null, { timeoutMs: 60_000 });
}

test('a sound host: nothing is found, with a daemon and without one, and the command says so', async () => {
  assert.deepEqual(await texts(), []);
  await host.kill();
  assert.deepEqual(await texts(), []);
  const { code, stdout } = command('verify', '-o', 'json');
  assert.deepEqual([code, JSON.parse(stdout)], [0, { items: [], exitCode: 0 }]);
  assert.ok(await host.start(), host.said);
});

test('a stranger with a guest’s disk open for writing is found while he has it', async () => {
  const disk = join(folderOf(await guest('keep')), 'root.qcow2');
  const argv = [
    '-M',
    'none',
    '-nodefaults',
    '-display',
    'none',
    '-blockdev',
    `{"driver":"file","filename":"${disk}","node-name":"d","locking":"off"}`,
  ];
  const stranger = spawn('qemu-system-x86_64', argv, { stdio: 'ignore' });
  strangers.push(stranger);
  await waitFor('it has it open', async () => (await texts()).some((line) => /written by 2 processes/.test(line)), { timeoutMs: 60_000 });
  const { code, stdout } = command('verify');
  assert.equal(code, 2);
  assert.match(stdout, /^BAD +.*root\.qcow2 of guest keep is written by 2 processes: .* → end all but one, now: kill PID$/m);
  stranger.kill('SIGKILL');
  await ended(stranger);
  assert.deepEqual(await texts(), []);
});

test('what lies about without an owner is found, and how to take it away', async () => {
  const { runDirectory } = JSON.parse(readFileSync(join(host.data, 'host.json'), 'utf8')) as { runDirectory: string };
  const owner = runDirectory.slice(-8);
  const hierarchy = execFileSync('find', ['/sys/fs/cgroup', '-maxdepth', '3', '-type', 'd', '-path', `*/caisson/${owner}`], {
    encoding: 'utf8',
  });
  const groups = hierarchy
    .trim()
    .split('\n')
    .map((folder) => join(folder, 'gaaaaaaaaaa'));
  for (const group of groups) mkdirSync(group);
  mkdirSync(join(runDirectory, 'gaaaaaaaaaa'));
  writeFileSync(join(host.data, 'notes.txt'), '');
  await found(/^warning: the control group .*gaaaaaaaaaa/);
  await found(/^warning: .*gaaaaaaaaaa belongs to nobody/);
  await found(/^warning: .*notes\.txt belongs to nobody/);
  assert.equal(command('verify').code, 1);
  for (const group of groups) execFileSync('rmdir', [group]);
  execFileSync('rmdir', [join(runDirectory, 'gaaaaaaaaaa')]);
  rmSync(join(host.data, 'notes.txt'));
  assert.deepEqual(await texts(), []);
});

test('a second daemon on the data directory is refused, and the first goes on', async () => {
  const pid = (await guest('keep')).status.pid;
  const { code, stderr } = command('daemon');
  assert.equal(code, 1);
  assert.match(stderr, /another daemon runs on this data directory/);
  assert.equal((await guest('keep')).status.pid, pid);
  assert.deepEqual(await texts(), []);
});

test('a guest’s process id that is another’s now is not believed: that one is left alone, and the guest is started', async () => {
  const before = await guest('keep');
  await host.kill();
  process.kill(before.status.pid as number, 'SIGKILL');
  await waitFor('it is gone', () => readProcess(before.status.pid as number) === undefined, { timeoutMs: 60_000 });
  const stranger = spawn('sleep', ['600'], { stdio: 'ignore' });
  strangers.push(stranger);
  const path = join(folderOf(before), 'launch-process.json');
  const record = JSON.parse(readFileSync(path, 'utf8')) as { pid: number };
  writeFileSync(path, `${JSON.stringify({ ...record, pid: stranger.pid })}\n`);
  assert.ok(await host.start(), host.said);
  await waitFor('it runs again', async () => (await guest('keep')).status.power === 'running', { timeoutMs: 60_000 });
  assert.notEqual((await guest('keep')).status.pid, stranger.pid);
  assert.equal(stranger.exitCode ?? stranger.signalCode, null);
  await host.settle();
  assert.deepEqual(await texts(), []);
});

test('a store that is older than what was acknowledged is found, and the newer makes it well', async () => {
  await host.kill();
  const kept = join(host.data, '..', 'kept');
  mkdirSync(kept);
  const parts = ['store.sqlite', 'store.sqlite-wal'].filter((name) => existsSync(join(host.data, name)));
  for (const name of parts) copyFileSync(join(host.data, name), join(kept, name));
  assert.ok(await host.start(), host.said);
  await host.succeeded(
    host.client.call('siteApply', {
      body: { site: host.site(['keep', 'spare', 'young']), prune: false, deleteDisks: false, overwrite: true },
    }),
  );
  await host.kill();
  const newer = join(host.data, '..', 'newer');
  mkdirSync(newer);
  for (const name of ['store.sqlite', 'store.sqlite-wal'])
    if (existsSync(join(host.data, name))) renameSync(join(host.data, name), join(newer, name));
  for (const name of parts) execFileSync('cp', ['-a', join(kept, name), join(host.data, name)]);
  await found(/^bad: guest young was created \(g\w{10}, .*\), and the store does not know it/);
  await found(/^bad: process \d+ runs guest g\w{10}, which the site does not know/);
  for (const name of parts) rmSync(join(host.data, name));
  execFileSync('cp', ['-a', ...['store.sqlite', 'store.sqlite-wal'].map((name) => join(newer, name)).filter(existsSync), host.data]);
  assert.ok(await host.start(), host.said);
  assert.deepEqual(await texts(), []);
  await toBase(host);
});

test('the run directory is wiped: guests run on, that is told, and each has its sockets again once it was started again', async () => {
  const before = await guest('keep');
  await host.kill();
  const { runDirectory } = JSON.parse(readFileSync(join(host.data, 'host.json'), 'utf8')) as { runDirectory: string };
  rmSync(runDirectory, { recursive: true });
  await found(/^bad: .* is gone while 2 guests run: nobody can talk to them/);
  assert.ok(await host.start(), host.said);
  assert.equal(readProcess(before.status.pid as number)?.pid, before.status.pid);
  const now = await guest('keep');
  assert.deepEqual([now.status.power, now.status.pid], ['unresponsive', before.status.pid]);
  for (const name of ['keep', 'spare']) {
    await host.succeeded(host.client.call('guestStop', { params: { guest: name }, body: {} }));
    await host.succeeded(host.client.call('guestStart', { params: { guest: name }, body: {} }));
  }
  assert.deepEqual(await texts(), []);
});

test('a helper that dies while it starts the name service leaves one that the next helper ends', async () => {
  // The service is started anew when its configuration is another one.
  host.arm('names.started=kill\n');
  const site = host.site(['keep', 'spare']);
  const zones = { ...site.zones, second: { subnets: ['10.79.0.0/24'] } };
  await host.client
    .call('siteApply', { body: { site: { ...site, zones }, prune: false, deleteDisks: false, overwrite: true } })
    .catch(() => undefined);
  await host.whenDead();
  host.arm('');
  await found(/^warning: process \d+ \(dnsmasq\) serves names for guests, and no helper knows it/);
  assert.ok(await host.start(), host.said);
  await host.settle();
  assert.deepEqual(await texts(), []);
  assert.equal((await host.client.call('hostShow', {})).network.rulesInForce, true);
});
