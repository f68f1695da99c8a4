// e2e: limit 20 min
// Guests that run on a real host are given memory, processors, disks and nics and give them back: from the command line’s call to what the guest
// itself sees, through daemon, helper, jail and control group, without a restart.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { waitFor } from '../../src/lib/wait-for.ts';
import type { GuestChange } from '../../src/model/guest-change.ts';
import type { Guest } from '../../src/model/guest-status.ts';
import { parseSiteFile } from '../../src/model/site-file.ts';
import type { Site } from '../../src/model/site.ts';
import { tinyDisk } from '../tiny-guest/tiny-disk.ts';
import { GuestShell } from './guest-shell.ts';
import { launcher, RealDaemon } from './real-daemon.ts';

const host = new RealDaemon('cst-sizes');
let image = '';
let shell: GuestShell | undefined;

before(async () => {
  image = await tinyDisk();
  await host.start();
});

after(async () => {
  shell?.close();
  await host.close();
});

function site(size: string, disks = 'root: 64MiB', rest = '', nics = 'zone: one\n    addresses: [10.77.1.10]'): Site {
  const text = `
version: 1
site: sizes
zones: { one: { subnets: [10.77.1.0/24] }, two: { subnets: [10.77.2.0/24] } }
images: { tiny: { file: ${image} } }
guests:
  tiny:
    image: tiny
    ${nics}
    memory: { min: 192MiB, max: 512MiB, size: ${size} }
    disks: { ${disks} }
    display: none
    restart: never
    service: { ready: { command: [/bin/true] } }
${rest}`;
  const parsed = parseSiteFile(text, () => undefined);
  if ('problems' in parsed) assert.fail(JSON.stringify(parsed.problems));
  return parsed.site;
}

async function apply(wanted: Site, overwrite = false): Promise<void> {
  await host.succeed(host.client.call('siteApply', { body: { site: wanted, overwrite } }));
}

async function set(change: GuestChange): Promise<string[]> {
  const job = await host.succeed(host.client.call('guestSet', { params: { guest: 'tiny' }, body: change }));
  return (job.result as { pending: string[] }).pending;
}

function guest(): Promise<Guest> {
  return host.client.call('guestShow', { params: { guest: 'tiny' } });
}

/** What a command prints on the guest's console. */
async function inGuest(command: string, pattern: RegExp): Promise<string> {
  shell ??= new GuestShell(host.transport, 'tiny');
  const said = await shell.answer(command);
  const found = pattern.exec(said);
  assert.ok(found, said);
  return found[1] ?? found[0];
}

const memoryMib = async () => Number(await inGuest('cat /proc/meminfo', /MemTotal:\s+(\d+) kB/)) / 1024;
/** As it tells the host, of which its advice is made; 0 while it does not. */
const toldMib = async () => {
  const { memory } = await host.client.call('guestStats', { params: { guest: 'tiny' } });
  return (memory.guest?.totalBytes ?? 0) / 1024 / 1024;
};
const processors = async () => Number(await inGuest('grep -c ^processor /proc/cpuinfo', /^(\d+)\r?$/m));

/** Its system finds what is plugged in, and misses what is unplugged, a moment later: on a busy machine a long one. */
async function becomes(what: string, condition: () => Promise<boolean>): Promise<void> {
  await waitFor(what, condition, { timeoutMs: 120_000, everyMs: 500 });
}

/** Whether a disk of that many MiB is there. */
const hasDisk = async (mib: number) => new RegExp(` ${mib * 1024} vd`).test(await inGuest('cat /proc/partitions', /[^]*/));

function limitBytes(uid: string): number {
  const groups = execFileSync('find', ['/sys/fs/cgroup', '-type', 'd', '-name', uid], { encoding: 'utf8' }).trim().split('\n');
  const files = groups.flatMap((group) => [`${group}/memory.limit_in_bytes`, `${group}/memory.max`]);
  return Number(readFileSync(files.find((file) => existsSync(file)) as string, 'latin1'));
}

test('a guest with a range boots with its size, and gets more and less of everything while it runs', async () => {
  await apply(site('256MiB'));
  const first = await guest();
  assert.deepEqual([first.status.pending, first.status.has?.memoryMib, first.status.has?.cpus], [[], 256, 1]);
  const small = await memoryMib();
  const limit = limitBytes(first.uid);

  assert.deepEqual(await set({ memoryMib: 512, cpus: 2, disks: { data: { sizeMib: 24 }, root: { sizeMib: 96 } } }), []);
  const large = await memoryMib();
  assert.ok(large > small + 200, `${large} MiB after ${small}`);
  await becomes('it tells of the memory that it has', async () => Math.abs((await toldMib()) - large) < 2);
  await becomes('it has two processors', async () => (await processors()) === 2);
  await becomes('it has another disk', () => hasDisk(24));
  await becomes('its first disk is larger', () => hasDisk(96));
  assert.ok(limitBytes(first.uid) >= limit + 256 * 1024 * 1024, 'the limit of its memory has followed');

  const isEmulated = (await host.client.call('hostShow')).accelerator === 'tcg';
  const fewer = isEmulated ? ['processors 2 → 1: at its next start, since emulated processors are not taken from a QEMU that runs'] : [];
  assert.deepEqual(await set({ memoryMib: 192, cpus: 1, disks: { data: null } }), fewer);
  const less = await memoryMib();
  assert.ok(less < small);
  // Whoever reads what it uses reads how much that could be at most.
  await becomes('it tells of the memory that it has', async () => Math.abs((await toldMib()) - less) < 2);
  await becomes('it has the processors that stay', async () => (await processors()) === (isEmulated ? 2 : 1));
  await becomes('it has one disk less', async () => !(await hasDisk(24)));
  assert.ok(limitBytes(first.uid) < limit, 'the limit of its memory has followed');
  assert.ok(existsSync(join(host.data, 'guests', first.uid, 'data.qcow2')), 'the file of a disk that is taken out stays');

  const last = await guest();
  assert.equal(last.status.pid, first.status.pid);
  assert.deepEqual(last.status.has, { memoryMib: 192, promisedMib: 192, cpus: isEmulated ? 2 : 1 });
});

test('an apply of a changed file does the same, and a processor limit and pin are the kernel’s', async () => {
  const { uid, status } = await guest();
  await apply(site('320MiB', 'root: 96MiB, data: 24MiB', '    cpu: { weight: 200, limit: 0.9, pin: [0] }\n'), true);
  const now = await guest();
  assert.equal(now.status.pid, status.pid);
  await becomes('it has another disk', () => hasDisk(24));
  assert.match(readFileSync(`/proc/${now.status.pid}/status`, 'latin1'), /^Cpus_allowed_list:\t0$/m);
  const groups = execFileSync('find', ['/sys/fs/cgroup', '-type', 'd', '-name', uid], { encoding: 'utf8' }).trim().split('\n');
  const quota = groups.flatMap((group) => [`${group}/cpu.cfs_quota_us`, `${group}/cpu.max`]).find((file) => existsSync(file)) as string;
  assert.match(readFileSync(quota, 'latin1'), /^90000\b/);
});

test('a nic that is added is there at once, with the rules of its zone; one that is taken out is gone', async () => {
  const cpu = '    cpu: { weight: 200, limit: 0.9, pin: [0] }\n';
  const wanted = (nics?: string) => site('320MiB', 'root: 96MiB, data: 24MiB', cpu, nics);
  const before = await guest();
  const inNetwork = (...argv: string[]) => execFileSync('ip', ['netns', 'exec', host.netns, ...argv], { encoding: 'utf8' });
  await apply(wanted('nics: [{ zone: one, addresses: [10.77.1.10] }, { zone: two, addresses: [10.77.2.10] }]'), true);
  const { uid, status } = await guest();
  assert.deepEqual([status.pid, status.pending, status.nics.length], [before.status.pid, before.status.pending, 2]);
  const [first, second] = status.nics;
  assert.ok(first && second);
  assert.match(inNetwork('nft', 'list', 'table', 'inet', 'caisson'), new RegExp(`"${second.tap}" \\. 10\\.77\\.2\\.10`));
  const has = async (mac: string) => (await inGuest('cat /sys/class/net/*/address', /[^]*/)).includes(mac);
  await waitFor('the guest sees it', () => has(second.mac), { timeoutMs: 100_000 });
  await inGuest('ip link set eth1 up && udhcpc -i eth1 -s /etc/udhcpc.sh -q -n -t 60 -T 1', /obtained/);
  const answers = () => {
    try {
      return inNetwork('ping', '-c', '1', '-W', '2', '10.77.2.10').includes('1 received');
    } catch {
      return false;
    }
  };
  await waitFor('its new address answers', answers, { timeoutMs: 60_000 });

  await apply(wanted(), true);
  const after = await guest();
  assert.deepEqual([after.status.pid, after.status.pending, after.status.nics.length], [before.status.pid, before.status.pending, 1]);
  assert.equal(await has(second.mac), false);
  assert.equal(await has(first.mac), true);
  const links = inNetwork('ip', '-o', 'link');
  assert.ok(links.includes(`cs${uid}0`) && !links.includes(second.tap), links);
});

test('what cannot be is refused by the command line with exit code 2, and nothing has changed', async () => {
  const before = await guest();
  const run = (...args: string[]) => {
    try {
      execFileSync(launcher, ['guest', 'set', 'tiny', '--data', host.data, ...args], { encoding: 'utf8', stdio: 'pipe' });
      return { status: 0, stderr: '' };
    } catch (error) {
      return error as { status: number; stderr: string };
    }
  };
  for (const [args, why] of [
    [['--memory', '4GiB'], /can have 512MiB at most/],
    [['--disk', 'root=64MiB'], /cannot shrink to 64MiB/],
    [['--remove-disk', 'root'], /cannot be taken out/],
    [['--cpus', '64'], /this host has \d+/],
  ] as const) {
    const { status, stderr } = run(...args);
    assert.notEqual(status, 0);
    assert.match(stderr, why);
  }
  assert.deepEqual((await guest()).spec, before.spec);
});
