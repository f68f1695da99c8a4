// What a guest's QEMU may and sees when the root helper has started it, and what the helper refuses: with a real QEMU.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createConnection } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import fc from 'fast-check';
import { CaissonError } from '../../src/lib/errors.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import type { HelperArgs, HelperEvent, HelperVerb } from '../../src/model/helper-protocol.ts';
import { hostileCases } from '../helper/hostile-arguments.ts';
import { createHelperFixture, idleQemu, type RunningHelper, someLimits } from './helper-fixture.ts';

const fixture = createHelperFixture('jail');
const netns = 'cst-helper-jail';
let helper: RunningHelper;
const events: Extract<HelperEvent, { event: 'guest-exited' }>[] = [];
let nextUserId = 0;
const newUserId = () => helper.hello.userIds.base + nextUserId++;

before(async () => {
  helper = await fixture.start({ args: ['--netns', netns, '--listen', '127.0.0.1:0', '--listen', '[::1]:0'], daemonArgs: ['--serve'] });
  helper.client.onEvent((event) => {
    if (event.event === 'guest-exited') events.push(event);
  });
});
afterEach(() => fixture.killGuests());
after(() => fixture.remove());

interface Started {
  uid: string;
  userId: number;
  pid: number;
  startTime: number;
  disk: string;
  args: HelperArgs<'guestStart'>;
}

async function prepare(options: { tap?: boolean; more?: string[] } = {}): Promise<Omit<Started, 'pid' | 'startTime'>> {
  const userId = newUserId();
  const { uid, disk, consoleLog } = await fixture.makeGuest(helper, userId);
  const args = {
    uid,
    userId,
    argv: idleQemu(helper.hello, uid, options),
    taps: options.tap ? [{ name: `cs${uid}0` }] : [],
    disks: [disk, consoleLog],
    files: [],
    generation: 1,
    limits: someLimits,
  };
  return { uid, userId, disk, args };
}

async function start(options: { tap?: boolean; more?: string[] } = {}): Promise<Started> {
  const guest = await prepare(options);
  const process = await helper.client.call('guestStart', guest.args);
  const folder = `${helper.hello.runDirectory}/${guest.uid}`;
  await waitFor('its sockets are there and sealed', () => statSync(folder).uid === 0, { timeoutMs: 60_000, everyMs: 10 });
  assert.ok(existsSync(`${folder}/qmp.sock`));
  return { ...guest, ...process };
}

async function end(guest: Started): Promise<void> {
  await helper.client.call('guestKill', { uid: guest.uid, pid: guest.pid, startTime: guest.startTime, signal: 'KILL' });
  await waitFor('its end is told', () => events.some((event) => event.pid === guest.pid), { timeoutMs: 60_000, everyMs: 5 });
  await helper.client.call('guestForget', { uid: guest.uid });
  await helper.client.call('guestDeleteFolder', { uid: guest.uid });
}

const status = (pid: number, field: string) =>
  new RegExp(`^${field}:[ \\t]*(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]?.trim();

test('QEMU is its own user without any privilege or way to one, in the strictest sandbox', async () => {
  const guest = await start();
  const four = Array<number>(4).fill(guest.userId).join('\t');
  assert.equal(status(guest.pid, 'Uid'), four);
  assert.equal(status(guest.pid, 'Gid'), four);
  assert.equal(status(guest.pid, 'Groups'), '');
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) assert.equal(status(guest.pid, set), '0000000000000000', set);
  assert.equal(status(guest.pid, 'NoNewPrivs'), '1');
  assert.equal(status(guest.pid, 'Seccomp'), '2');
  assert.match(readFileSync(`/proc/${guest.pid}/limits`, 'latin1'), /^Max core file size\s+1\s+1\s/m);
  await end(guest);
});

test('QEMU sees /usr, five devices, its own files and its sockets: nothing else', async () => {
  const guest = await start();
  const root = `/proc/${guest.pid}/root`;
  const found = execFileSync('find', ['.', '-path', './usr', '-prune', '-o', '!', '-type', 'd', '-printf', '%y %p\\n'], {
    cwd: root,
    encoding: 'utf8',
  });
  const folder = `${fixture.data}/guests/${guest.uid}`;
  assert.deepEqual(found.trim().split('\n').toSorted(), [
    ...['null', 'net/tun', 'random', 'urandom', 'zero'].map((name) => `c ./dev/${name}`).toSorted(),
    ...['console.log', 'root.qcow2'].map((name) => `f .${folder}/${name}`),
    ...['bin', 'lib', 'lib64', 'sbin'].map((name) => `l ./${name}`),
    `s .${helper.hello.runDirectory}/${guest.uid}/qmp.sock`,
  ]);
  const mounts = readFileSync(`/proc/${guest.pid}/mounts`, 'latin1');
  assert.match(mounts, /^\S+ \/usr \S+ ro,nosuid/m);
  assert.equal(mounts.trim().split('\n').length, 5);
  await end(guest);
});

test('QEMU is alone in its namespaces, with a dead loopback and its tap, and has no file open that is not its own', async () => {
  const guest = await start({ tap: true });
  for (const name of ['net', 'mnt', 'ipc', 'uts']) {
    assert.notEqual(statSync(`/proc/${guest.pid}/ns/${name}`).ino, statSync(`/proc/self/ns/${name}`).ino, name);
  }
  const links = async () => {
    try {
      return execFileSync('nsenter', [`--net=/proc/${guest.pid}/ns/net`, 'ip', '-br', 'link'], { encoding: 'utf8' });
    } catch (cause) {
      // Whatever it died of, it has been told.
      const told = () => events.find((event) => event.pid === guest.pid);
      await waitFor('its end is told', () => told() !== undefined, { timeoutMs: 20_000 });
      throw new Error(`QEMU has ended: ${JSON.stringify(told())}`, { cause });
    }
  };
  assert.match(await links(), new RegExp(`^lo +DOWN.*\\ncs${guest.uid}0 .*\\n$`));
  const nic = {
    uid: guest.uid,
    tap: `cs${guest.uid}0`,
    mtu: 1500,
    hostAddresses: ['10.99.0.1/24'],
    guestAddresses: ['10.99.0.5'],
  };
  await helper.client.call('nicUp', nic);
  assert.match(await links(), /^lo +DOWN.*\n$/);
  await helper.client.call('nicUp', nic); // again: nothing to do
  assert.match(execFileSync('ip', ['-n', netns, '-br', 'link', 'show', 'dev', `cs${guest.uid}0`], { encoding: 'utf8' }), /LOWER_UP/);
  const open = readdirSync(`/proc/${guest.pid}/fd`).map((fd) =>
    execFileSync('readlink', [`/proc/${guest.pid}/fd/${fd}`], { encoding: 'utf8' }).trim(),
  );
  const expected = /^(\/dev\/null|\/dev\/net\/tun|anon_inode:.*|socket:.*|\/usr\/.*|.*\/qemu\.log)$/;
  assert.deepEqual(
    open.filter((path) => !expected.test(path)),
    [],
  );
  assert.equal(open.filter((path) => path.startsWith('socket:')).length, 1);
  await end(guest);
  assert.doesNotMatch(execFileSync('ip', ['-n', netns, '-br', 'link'], { encoding: 'utf8' }), new RegExp(guest.uid));
});

test('its limits are set, and its process is found by its control group', async () => {
  const guest = await start();
  const { processes } = await helper.client.call('guestProcesses', {});
  assert.deepEqual(
    processes.map(({ uid, pid, startTime, generation }) => ({ uid, pid, startTime, generation })),
    [{ uid: guest.uid, pid: guest.pid, startTime: guest.startTime, generation: 1 }],
  );
  const groups = readFileSync(`/proc/${guest.pid}/cgroup`, 'latin1');
  assert.match(groups, new RegExp(`/caisson/${helper.hello.runDirectory.slice(-8)}/${guest.uid}$`, 'm'));
  const facts = await helper.client.call('hostFacts', {});
  assert.deepEqual(
    facts.cgroupControllers.filter((name) => name !== 'io'),
    ['memory', 'cpu', 'pids'],
  );
  const limit = readdirSync('/sys/fs/cgroup').includes('pids')
    ? `/sys/fs/cgroup/pids/caisson/${helper.hello.runDirectory.slice(-8)}/${guest.uid}/pids.max`
    : `/sys/fs/cgroup/caisson/${helper.hello.runDirectory.slice(-8)}/${guest.uid}/pids.max`;
  assert.equal(readFileSync(limit, 'latin1').trim(), '64');
  await end(guest);
  assert.equal(existsSync(limit), false);
});

test('the helper tells how far each guest is cut off as the kernel sees it, also where one is not', async () => {
  const guest = await start({ more: ['-machine', 'mem-merge=off'] });
  const bystander = await start({ tap: true });
  const { host, of } = await waitFor(
    'both have their memory',
    async () => {
      const { host: seen, processes } = await helper.client.call('guestIsolation', {});
      const of = (uid: string) => processes.find((one) => one.uid === uid);
      return of(bystander.uid)?.mergeable !== false && { host: seen, of };
    },
    { timeoutMs: 60_000 },
  );
  assert.match(host.kernel, /^\d+\.\d+/);
  const { limits, mergeable, writableMounts, ...found } = of(guest.uid) ?? assert.fail('it is not told');
  const four = Array<number>(4).fill(guest.userId);
  assert.deepEqual(found, {
    uid: guest.uid,
    pid: guest.pid,
    userIds: four,
    groupIds: four,
    supplementaryGroups: [],
    capabilities: [],
    noNewPrivileges: true,
    seccomp: 'filter',
    sharedNamespaces: [],
    interfaces: [],
    foreignMounts: [],
    coreDumps: false,
    kvm: false,
  });
  assert.notEqual(mergeable, true);
  assert.deepEqual(writableMounts.toSorted(), [...guest.args.disks, `${helper.hello.runDirectory}/${guest.uid}`].toSorted());
  const { ioWeight, ...others } = limits;
  assert.deepEqual(others, { memoryBytes: someLimits.memoryMib * 1024 * 1024, pids: someLimits.pids, cpuWeight: someLimits.cpuWeight });
  assert.equal(ioWeight, host.controllers.includes('io') ? someLimits.cpuWeight : undefined);
  // A tap that was not moved out is a network that QEMU sees.
  assert.deepEqual(of(bystander.uid)?.interfaces, [`cs${bystander.uid}0`]);
  await end(bystander);
  await end(guest);
});

test('the daemon’s user may speak with QEMU and read its disk; no other user may', async () => {
  const guest = await start();
  const socket = `${helper.hello.runDirectory}/${guest.uid}/qmp.sock`;
  const as = (userId: number, groupId: number, path: string) => {
    try {
      execFileSync('test', ['-r', path, '-a', '-w', path], { uid: userId, gid: groupId });
      return true;
    } catch {
      return false;
    }
  };
  for (const path of [socket, guest.disk]) {
    assert.equal(as(fixture.user.userId, fixture.user.groupId, path), true, path);
    assert.equal(as(guest.userId + 1, guest.userId + 1, path), false, path);
  }
  await end(guest);
});

test('once its sockets are there the folder is taken from QEMU: it can neither remove nor add any', async () => {
  const guest = await start();
  const folder = `${helper.hello.runDirectory}/${guest.uid}`;
  assert.equal(statSync(folder).mode & 0o7777, 0o2750);
  const inJail = (...argv: string[]) =>
    execFileSync(
      'nsenter',
      [
        `--mount=/proc/${guest.pid}/ns/mnt`,
        '--root',
        `--setuid=${guest.userId}`,
        `--setgid=${guest.userId}`,
        '-t',
        String(guest.pid),
        '--',
        ...argv,
      ],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
  assert.throws(() => inJail('rm', `${folder}/qmp.sock`), /Permission denied/);
  assert.throws(() => inJail('ln', '-s', '/elsewhere', `${folder}/agent.sock`), /Permission denied/);
  inJail('true');
  await end(guest);
});

test('a guest that runs is not started again, forgotten or deleted; another may not have its user', async () => {
  const guest = await start();
  const other = await prepare();
  await assert.rejects(helper.client.call('guestStart', guest.args), { code: 'not-allowed' });
  await assert.rejects(helper.client.call('guestForget', { uid: guest.uid }), { code: 'not-allowed' });
  await assert.rejects(helper.client.call('guestDeleteFolder', { uid: guest.uid }), { code: 'not-allowed' });
  await assert.rejects(helper.client.call('hostTeardown', {}), { code: 'not-allowed' });
  await assert.rejects(helper.client.call('guestStart', { ...other.args, userId: guest.userId }), { code: 'conflict' });
  await assert.rejects(helper.client.call('guestKill', { uid: other.uid, pid: guest.pid, startTime: guest.startTime, signal: 'KILL' }), {
    code: 'invalid',
  });
  assert.deepEqual(
    await helper.client.call('guestKill', { uid: guest.uid, pid: guest.pid, startTime: guest.startTime + 1, signal: 'KILL' }),
    { kind: 'already-gone' },
  );
  await assert.rejects(
    helper.client
      .call('guestKill', { uid: guest.uid, pid: helper.process.pid ?? 0, startTime: 1, signal: 'KILL' })
      .then(({ kind }) => assert.notEqual(kind, 'already-gone')),
  );
  assert.equal((await helper.client.call('guestProcesses', {})).processes.length, 1);
  await end(guest);
});

test('of two starts at once one wins', async () => {
  const guest = await prepare();
  const results = await Promise.allSettled([helper.client.call('guestStart', guest.args), helper.client.call('guestStart', guest.args)]);
  assert.deepEqual(results.map(({ status: one }) => one).toSorted(), ['fulfilled', 'rejected']);
  const [process] = (await helper.client.call('guestProcesses', {})).processes;
  assert.ok(process);
  await end({ ...guest, ...process });
});

test('a QEMU that ends by itself is told with its last words', async () => {
  const guest = await prepare({ more: ['-device', 'no-such-device'] });
  const { pid } = await helper.client.call('guestStart', guest.args);
  const event = await waitFor('its end is told', () => events.find((one) => one.pid === pid), { timeoutMs: 60_000, everyMs: 10 });
  assert.deepEqual(event.exit, { code: 1, signal: null });
  assert.match(event.said, /no-such-device/);
  await helper.client.call('guestForget', { uid: guest.uid });
});

test('links and files that are not the guest’s are refused, and what they point at stays as it is', async () => {
  const guest = await prepare();
  const folder = `${fixture.data}/guests/${guest.uid}`;
  const secret = `${fixture.folder}/secret`;
  writeFileSync(secret, 'secret', { mode: 0o600 });
  const before = lstatSync(secret);
  symlinkSync(secret, `${folder}/link.qcow2`);
  linkSync(secret, `${folder}/second-name.qcow2`);
  execFileSync('mkfifo', [`${folder}/pipe.qcow2`]);
  mkdirSync(`${folder}/folder.qcow2`);
  writeFileSync(`${folder}/roots.qcow2`, '');
  const { uid, userId } = guest;
  for (const name of ['link', 'second-name', 'pipe', 'folder', 'roots', 'none']) {
    const path = `${folder}/${name}.qcow2`;
    await assert.rejects(helper.client.call('guestOwnDisk', { uid, userId, path }), { code: 'invalid' }, name);
    await assert.rejects(helper.client.call('guestStart', { ...guest.args, disks: [path] }), { code: 'invalid' }, name);
  }
  await assert.rejects(helper.client.call('guestStart', { ...guest.args, files: [`${folder}/link.qcow2`] }), { code: 'invalid' });
  const { mode, uid: owner, nlink, size } = lstatSync(secret);
  assert.deepEqual({ mode, owner, nlink, size }, { mode: before.mode, owner: before.uid, nlink: 2, size: 6 });
  // The whole folder exchanged for a link to another's.
  renameSync(folder, `${folder}-away`);
  symlinkSync(`${folder}-away`, folder);
  await assert.rejects(helper.client.call('guestOwnDisk', { uid, userId, path: guest.disk }), { code: 'invalid' });
  await assert.rejects(helper.client.call('guestStart', guest.args), { code: 'invalid' });
  rmSync(folder);
  rmSync(`${folder}-away`, { recursive: true });
  assert.deepEqual((await helper.client.call('guestProcesses', {})).processes, []);
});

test('a start that fails leaves no process, group or socket folder', async () => {
  const guest = await prepare();
  const log = `${fixture.data}/guests/${guest.uid}/qemu.log`;
  symlinkSync('/etc/passwd', log);
  await assert.rejects(helper.client.call('guestStart', guest.args), { code: 'invalid' });
  assert.equal(existsSync(`${helper.hello.runDirectory}/${guest.uid}`), false);
  assert.doesNotMatch(execFileSync('find', ['/sys/fs/cgroup', '-name', guest.uid], { encoding: 'utf8' }), /./);
  await helper.client.call('guestDeleteFolder', { uid: guest.uid });
});

/** Exchanges the file at argv[2] for a link to argv[3], and back, as fast as it can. */
const exchanger = `
const fs = require('node:fs');
const [disk, other] = process.argv.slice(1);
fs.linkSync(disk, disk + '.kept');
for (;;) {
  fs.symlinkSync(other, disk + '.new');
  fs.renameSync(disk + '.new', disk);
  fs.linkSync(disk + '.kept', disk + '.new');
  fs.renameSync(disk + '.new', disk);
}
`;

test('a disk that is exchanged for a link again and again never brings another file into the jail', async () => {
  const guest = await prepare();
  const secret = `${fixture.data}/guests/secret-of-another`;
  writeFileSync(secret, 'secret', { mode: 0o666 });
  const own = statSync(guest.disk).ino;
  const exchanging = spawn(process.execPath, ['-e', exchanger, guest.disk, secret], { stdio: ['ignore', 'ignore', 'inherit'] });
  await waitFor('it has begun', () => existsSync(`${guest.disk}.kept`), { timeoutMs: 60_000 });
  const outcomes = { started: 0, refused: 0 };
  try {
    for (let count = 0; count < 100 && (count < 15 || outcomes.refused === 0); count++) {
      try {
        const process = await helper.client.call('guestStart', guest.args);
        outcomes.started++;
        const seen = statSync(`/proc/${process.pid}/root${guest.disk}`, { throwIfNoEntry: false })?.ino;
        assert.ok(seen === own || seen === undefined, `inode ${seen}`);
        await helper.client.call('guestKill', { uid: guest.uid, pid: process.pid, startTime: process.startTime, signal: 'KILL' });
        await waitFor('its end', () => events.some((event) => event.pid === process.pid), { timeoutMs: 60_000, everyMs: 5 });
      } catch (error) {
        assert.ok(error instanceof CaissonError && ['invalid', 'failed'].includes(error.code), String(error));
        outcomes.refused++;
      }
    }
  } finally {
    exchanging.kill('SIGKILL');
    await once(exchanging, 'exit');
  }
  assert.ok(outcomes.refused > 0, 'the exchange was never met');
  rmSync(secret);
  await helper.client.call('guestForget', { uid: guest.uid });
  await helper.client.call('guestDeleteFolder', { uid: guest.uid });
});

test('deleting a guest’s folder follows no link', async () => {
  const guest = await prepare();
  const outside = `${fixture.folder}/outside`;
  mkdirSync(outside);
  writeFileSync(`${outside}/kept`, '');
  symlinkSync(outside, `${fixture.data}/guests/${guest.uid}/link`);
  await helper.client.call('guestDeleteFolder', { uid: guest.uid });
  assert.equal(existsSync(`${fixture.data}/guests/${guest.uid}`), false);
  assert.deepEqual(readdirSync(outside), ['kept']);
});

test('the daemon runs as its user, without privileges, in the guests’ network, and accepts on sockets of the host’s own', async () => {
  const [daemon] = execFileSync('pgrep', ['-P', String(helper.process.pid)], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map(Number);
  assert.ok(daemon);
  assert.equal(status(daemon, 'Uid')?.split('\t')[0], String(fixture.user.userId));
  for (const set of ['CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) assert.equal(status(daemon, set), '0000000000000000', set);
  assert.equal(status(daemon, 'NoNewPrivs'), '1');
  assert.equal(statSync(`/proc/${daemon}/ns/net`).ino, statSync(`/run/netns/${netns}`).ino);
  const [first, second] = helper.hello.listeners;
  assert.deepEqual([first?.fd, second?.fd, second?.address], [4, 5, '::1']);
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port: first?.port ?? 0 });
    socket.on('error', reject).on('data', (chunk) => resolve(chunk.toString()));
  });
  assert.equal(answer, String(fixture.user.userId));
});

test('thousands of malformed requests are refused and change nothing', async () => {
  const listing = () =>
    [
      execFileSync('find', [fixture.data, helper.hello.runDirectory, '-printf', '%p %U %G %m %s\\n'], { encoding: 'utf8' })
        .split('\n')
        .toSorted()
        .join('\n'),
      execFileSync('ip', ['-n', netns, '-br', 'address'], { encoding: 'utf8' }),
      // Only its own: other tests make groups meanwhile.
      execFileSync('find', ['/sys/fs/cgroup', '-path', `*caisson/${helper.hello.runDirectory.slice(-8)}*`, '-type', 'd'], {
        encoding: 'utf8',
      }),
    ].join('\n');
  const guest = await prepare();
  const before = listing();
  const verbs: HelperVerb[] = [
    'guestStart',
    'guestKill',
    'guestForget',
    'guestOwnDisk',
    'guestDeleteFolder',
    'imageBuild',
    'imageFetch',
    'nicUp',
    'nicDown',
    'zonesApply',
    'rulesApply',
    'dnsmasqStart',
    'dnsmasqReload',
  ];
  const spiteful = fc.constantFrom<unknown>(
    '../..',
    '/etc/passwd',
    `${fixture.data}/host.json`,
    guest.disk,
    0,
    -1,
    1,
    4_294_967_296,
    NaN,
    null,
    true,
    [],
    {},
    '\0',
    'eth0',
    'lo',
    '-rf',
    '$(id)',
    'include "/etc/passwd"',
  );
  const fields = [
    'uid',
    'userId',
    'path',
    'argv',
    'taps',
    'disks',
    'files',
    'pid',
    'signal',
    'table',
    'tap',
    'mtu',
    'config',
    'zones',
    'url',
    'outPath',
    'recipePath',
  ];
  const args = fc.oneof(
    spiteful,
    fc.jsonValue(),
    fc.dictionary(fc.constantFrom(...fields), fc.oneof(spiteful, fc.jsonValue()), { minKeys: 1 }),
  );
  const requests = fc.sample(fc.tuple(fc.constantFrom(...verbs), args), { numRuns: 3000, seed: 20_260_104 });
  const results = await Promise.all(
    requests.map(([verb, value]) =>
      helper.client.call(verb, value as never).then(
        () => 'done',
        (error: CaissonError) => error.code,
      ),
    ),
  );
  const others = results.map((code, index) => [code, ...(requests[index] ?? [])]).filter(([code]) => code !== 'invalid');
  assert.deepEqual(others, []);
  assert.equal(listing(), before);
  assert.match(helper.said(), /"message":"refused"/);
  await helper.client.call('guestDeleteFolder', { uid: guest.uid });
});

test('each argument of each verb that is not as it should be is refused, and written down; nothing is changed', async () => {
  const listing = () =>
    execFileSync('find', [fixture.data, helper.hello.runDirectory, '-printf', '%p %U %G %m %s\\n'], { encoding: 'utf8' })
      .split('\n')
      .toSorted()
      .join('\n');
  const places = { dataDirectory: fixture.data, imageCache: '/var/cache/caisson/images', userId: helper.hello.userIds.base };
  // On the channel no arguments are the same as none of them; and lists without end are longer than a line may be.
  const cases = hostileCases(places).filter(({ what }) => !what.endsWith('without end') && !/^\w+ = null$/.test(what));
  const refusals = () => helper.said().split('"message":"refused"').length - 1;
  const [before, refusedBefore] = [listing(), refusals()];
  const through: string[] = [];
  for (const { verb, what, args } of cases) {
    const code = await helper.client.call(verb, args as never).then(
      () => 'done',
      (error: CaissonError) => error.code,
    );
    if (code !== 'invalid') through.push(`${what}: ${code}`);
  }
  assert.deepEqual(through, []);
  assert.equal(listing(), before);
  await waitFor('each is written down', () => refusals() - refusedBefore >= cases.length, { timeoutMs: 60_000 });
});

test('a log that QEMU floods is kept within bounds', async () => {
  const guest = await start();
  const log = `${fixture.data}/guests/${guest.uid}/qemu.log`;
  writeFileSync(log, 'x'.repeat(2 * 1024 * 1024));
  await waitFor('it is cut', () => statSync(log).size === 0, { timeoutMs: 60_000, everyMs: 200 });
  await end(guest);
});

test('images in the image folder are read-only in the jail, and must be readable by the guest', async () => {
  const image = `${fixture.data}/images/base.qcow2`;
  writeFileSync(image, 'image', { mode: 0o644 });
  chownSync(image, fixture.user.userId, fixture.user.groupId);
  const guest = await prepare();
  guest.args.files.push(image);
  const process = await helper.client.call('guestStart', guest.args);
  assert.match(readFileSync(`/proc/${process.pid}/mounts`, 'latin1'), new RegExp(` ${image} \\S+ ro,`));
  await end({ ...guest, ...process });
  execFileSync('chmod', ['0640', image]);
  const next = await prepare();
  await assert.rejects(helper.client.call('guestStart', { ...next.args, files: [image] }), { code: 'invalid', message: /let others read/ });
});
