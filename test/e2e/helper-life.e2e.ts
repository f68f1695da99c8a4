// Helper and daemon come and go, guests stay: ends of either, adoption, one helper for one data directory, and a way back that leaves
// nothing.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { after, afterEach, test } from 'node:test';
import { runDirectoryOf } from '../../src/helper/data-directory.ts';
import { readProcess } from '../../src/helper/process-stat.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import type { HelperEvent } from '../../src/model/helper-protocol.ts';
import { createHelperFixture, idleQemu, type RunningHelper, someLimits } from './helper-fixture.ts';

const netns = 'cst-helper-life';
const fixture = createHelperFixture('life');
afterEach(() => fixture.killGuests());
after(() => fixture.remove());

const uids: string[] = [];

async function startGuest(helper: RunningHelper, index: number) {
  const userId = helper.hello.userIds.base + index;
  const { uid, disk, consoleLog } = await fixture.makeGuest(helper, userId);
  uids.push(uid);
  const argv = idleQemu(helper.hello, uid);
  const process = await helper.client.call('guestStart', {
    uid,
    userId,
    argv,
    taps: [],
    disks: [disk, consoleLog],
    files: [],
    generation: 5,
    limits: someLimits,
  });
  await waitFor('QMP listens', () => existsSync(`${helper.hello.runDirectory}/${uid}/qmp.sock`), { timeoutMs: 60_000, everyMs: 10 });
  return { uid, ...process };
}

const isAlive = (guest: { pid: number; startTime: number }) => readProcess(guest.pid)?.startTime === guest.startTime;
const children = (pid: number | undefined) =>
  execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map(Number);
const ended = (helper: RunningHelper) =>
  waitFor('the helper ends', () => helper.process.exitCode !== null || helper.process.signalCode !== null, { timeoutMs: 60_000 });

/** Everything that a helper could leave on the machine, but for the data. */
function surroundings(): string {
  const run = (command: string, ...args: string[]) => execFileSync(command, args, { encoding: 'utf8' });
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
        return command.includes(fixture.folder) ? [command] : [];
      } catch {
        return [];
      }
    });
  const group = runDirectoryOf(fixture.data).slice(-8);
  const mine = (text: string) =>
    text.split('\n').filter((line) => line.includes(fixture.data) || line.includes(netns) || line.includes(group));
  return JSON.stringify({
    processes,
    links: run('ip', '-br', 'link')
      .split('\n')
      .filter((line) => uids.some((uid) => line.includes(uid))),
    namespaces: mine(run('ip', 'netns')),
    groups: mine(run('find', '/sys/fs/cgroup', '-path', '*/caisson/*', '-type', 'd')),
    mounts: mine(readFileSync('/proc/mounts', 'latin1')),
    ranges: existsSync('/var/lib/caisson-uid-ranges')
      ? readdirSync('/var/lib/caisson-uid-ranges').filter((name) =>
          readFileSync(`/var/lib/caisson-uid-ranges/${name}`, 'utf8').includes(fixture.data),
        )
      : [],
  });
}

test('the helper is killed: the daemon ends, guests go on, the next helper adopts them and tells their end', async () => {
  const first = await fixture.start({ args: ['--netns', netns] });
  const guest = await startGuest(first, 0);
  const [daemon = 0] = children(first.process.pid);
  first.process.kill('SIGKILL');
  await waitFor('the daemon ends', () => readProcess(daemon) === undefined, { timeoutMs: 60_000 });
  assert.ok(isAlive(guest));

  const second = await fixture.start({ args: ['--netns', netns] });
  const events: HelperEvent[] = [];
  second.client.onEvent((event) => {
    if (event.event === 'guest-exited') events.push(event);
  });
  assert.deepEqual(second.hello, first.hello);
  const { processes } = await second.client.call('guestProcesses', {});
  assert.deepEqual(
    processes.map(({ uid, pid, startTime, generation }) => ({ uid, pid, startTime, generation })),
    [{ uid: guest.uid, pid: guest.pid, startTime: guest.startTime, generation: 5 }],
  );
  process.kill(guest.pid, 'SIGKILL');
  await waitFor('its end is told', () => events.length > 0, { timeoutMs: 60_000, everyMs: 5 });
  assert.deepEqual(events, [{ event: 'guest-exited', uid: guest.uid, pid: guest.pid, startTime: guest.startTime, said: '' }]);
  await second.client.call('guestForget', { uid: guest.uid });
  assert.equal(await second.stop(), 0);
});

test('the daemon is killed: the helper ends too, with an exit code that says so, and guests go on', async () => {
  const helper = await fixture.start({ args: ['--netns', netns] });
  const guest = await startGuest(helper, 1);
  process.kill(children(helper.process.pid)[0] ?? 0, 'SIGKILL');
  await ended(helper);
  assert.equal(helper.process.exitCode, 1);
  assert.ok(isAlive(guest));
  assert.ok(existsSync(`/run/netns/${netns}`));
});

test('SIGTERM ends the daemon, then the helper with its exit code; a guest that runs keeps its namespace', async () => {
  const helper = await fixture.start({ args: ['--netns', netns] });
  const guest = await startGuest(helper, 2);
  assert.equal(await helper.stop(), 0);
  assert.ok(isAlive(guest));
  assert.ok(existsSync(`/run/netns/${netns}`));
  await fixture.killGuests();
  const again = await fixture.start({ args: ['--netns', netns] });
  assert.equal(await again.stop(), 0);
  assert.equal(existsSync(`/run/netns/${netns}`), false);
});

test('a namespace that somebody else made is used and left', async () => {
  execFileSync('ip', ['netns', 'add', netns]);
  try {
    const helper = await fixture.start({ args: ['--netns', netns] });
    await helper.stop();
    assert.ok(existsSync(`/run/netns/${netns}`));
  } finally {
    execFileSync('ip', ['netns', 'delete', netns]);
  }
});

for (const point of ['folder', 'group', 'spawned', 'recorded']) {
  test(`a start that fails at ‘${point}’ leaves nothing; one that dies there leaves no process and can be repeated`, async () => {
    const failing = await fixture.start({ failpoints: `guest-start.${point}=throw` });
    const userId = failing.hello.userIds.base + 9;
    const { uid, disk, consoleLog } = await fixture.makeGuest(failing, userId);
    const argv = idleQemu(failing.hello, uid);
    const args = {
      uid,
      userId,
      argv,
      taps: [{ name: `cs${uid}0` }],
      disks: [disk, consoleLog],
      files: [],
      generation: 1,
      limits: someLimits,
    };
    await assert.rejects(failing.client.call('guestStart', args), { code: 'failed', message: /failpoint/ });
    const traces = () => execFileSync('find', ['/sys/fs/cgroup', failing.hello.runDirectory, '-name', `*${uid}*`], { encoding: 'utf8' });
    assert.equal(traces(), '');
    await failing.stop();

    const dying = await fixture.start({ failpoints: `guest-start.${point}=kill` });
    await assert.rejects(dying.client.call('guestStart', args), { code: 'unavailable' });
    await ended(dying);
    const next = await fixture.start();
    const none = async () => (await next.client.call('guestProcesses', {})).processes.length === 0;
    await waitFor('the unfinished process ends', none, { timeoutMs: 60_000 });
    const process = await next.client.call('guestStart', args);
    assert.ok(isAlive(process));
    await fixture.killGuests();
    await next.client.call('guestForget', { uid });
    assert.equal(traces(), '');
    assert.equal(await next.stop(), 0);
  });
}

test('a second helper on the same data directory is refused while the first lives, and only then', async () => {
  const first = await fixture.start();
  const second = await fixture.run([]);
  assert.equal(second.code, 1);
  assert.match(second.said, /another daemon runs on this data directory/);
  first.process.kill('SIGKILL');
  await ended(first);
  const third = await fixture.start();
  assert.equal(await third.stop(), 0);
});

test('a port that is taken is said, and nothing is left', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const { code, said } = await fixture.run(['--listen', `127.0.0.1:${port}`, '--daemon', `${fixture.folder}/relay.mjs`]);
  server.close();
  assert.equal(code, 1);
  assert.match(said, new RegExp(`cannot listen on 127\\.0\\.0\\.1 port ${port}: another program has that port`));
});

test('a run directory that was wiped is made anew', async () => {
  const first = await fixture.start();
  await first.stop();
  rmSync(first.hello.runDirectory, { recursive: true });
  const second = await fixture.start();
  const guest = await startGuest(second, 3);
  assert.ok(isAlive(guest));
  await fixture.killGuests();
  await second.stop();
});

test('data of a newer version is refused as such, and left as it is', async () => {
  const path = `${fixture.data}/host.json`;
  const before = readFileSync(path, 'utf8');
  const newer = before.replace('"schema": 1', '"schema": 99');
  writeFileSync(path, newer);
  const { code, said } = await fixture.run([]);
  assert.equal(code, 1);
  assert.match(said, /written by a newer version/);
  assert.equal(readFileSync(path, 'utf8'), newer);
  writeFileSync(path, before);
});

test('a folder that is not a data directory is refused: nothing is made in it', async () => {
  const foreign = `${fixture.folder}/foreign`;
  mkdirSync(foreign);
  writeFileSync(`${foreign}/thesis.tex`, '');
  const { code, said } = await fixture.run(['--data', foreign]);
  assert.equal(code, 2);
  assert.match(said, /not empty and has no host\.json/);
  assert.deepEqual(readdirSync(foreign).toSorted(), ['thesis.tex']);
});

test('a data directory that the daemon’s user could not reach, or others could exchange, is refused', async () => {
  const closed = `${fixture.folder}/closed`;
  mkdirSync(`${closed}/data`, { recursive: true });
  chmodSync(closed, 0o700);
  assert.match((await fixture.run(['--data', `${closed}/data`])).said, /cannot be reached by the daemon's user/);
  chmodSync(closed, 0o777);
  assert.match((await fixture.run(['--data', `${closed}/data`])).said, /not safe/);
});

test('a daemon that its user cannot execute is explained', async () => {
  const hidden = `${fixture.folder}/hidden`;
  mkdirSync(hidden, { mode: 0o700 });
  writeFileSync(`${hidden}/daemon.mjs`, '');
  const { code, said } = await fixture.run(['--daemon', `${hidden}/daemon.mjs`]);
  assert.notEqual(code, 0);
  assert.match(said, /permission|EACCES|cannot find/i);
});

test('teardown is refused while a guest runs, and then leaves nothing but the data', async () => {
  const helper = await fixture.start({ args: ['--netns', netns] });
  const guest = await startGuest(helper, 4);
  await helper.stop();
  const refused = await fixture.run(['--teardown', '--netns', netns]);
  assert.equal(refused.code, 1);
  assert.match(refused.said, /1 guests? of .* run/);
  assert.ok(isAlive(guest));
  assert.notEqual(surroundings(), empty);
  await fixture.killGuests();
  const done = await fixture.run(['--teardown', '--netns', netns]);
  assert.equal(done.code, 0, done.said);
  assert.equal(surroundings(), empty);
  assert.equal(existsSync(helper.hello.runDirectory), false);
  assert.deepEqual(readdirSync(fixture.data).toSorted(), ['guests', 'host.json', 'images', 'lock', 'network']);
});

const empty = JSON.stringify({ processes: [], links: [], namespaces: [], groups: [], mounts: [], ranges: [] });
