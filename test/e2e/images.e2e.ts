// e2e: limit 25 min
// Images for real: built by an ordinary user from Debian's packages, the same twice, and booted under BIOS and UEFI.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { createUefiVariables } from '../../src/drivers/qemu/firmware.ts';
import { createQemu } from '../../src/drivers/qemu/hypervisor.ts';
import { makeOverlay } from '../../src/drivers/guest-folder/disk-file.ts';
import type { GuestSeed } from '../../src/drivers/guest-files.ts';
import { writeSeed } from '../../src/drivers/images/seed.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { run } from '../../src/lib/exec.ts';
import { newUid, systemRandom } from '../../src/lib/ids.ts';
import { silentLog } from '../../src/lib/log.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import type { BuiltImage, ImageRecipe } from '../../src/model/image-recipe.ts';
import type { Machine } from '../../src/model/machine.ts';
import { DirectProcesses } from '../contract/direct-processes.ts';
import { tinyMachine } from '../contract/tiny-machine.ts';
import { projectRoot } from '../../scripts/project.ts';

const recipe: ImageRecipe = {
  recipe: 'debian',
  suite: 'bookworm',
  packages: ['openssh-server'],
  files: {
    '/usr/local/bin/greet': { text: '#!/bin/sh\necho "built for caisson"\n', mode: '0755' },
    '/etc/key': { base64: Buffer.from([0, 255, 10]).toString('base64'), mode: '0600' },
  },
  run: [
    'greet >/etc/greeting',
    'useradd --create-home keeper',
    'mkdir /etc/caisson; echo \'accounts="root keeper"\' >/etc/caisson/seed.conf',
  ],
  sizeMib: 1024,
};
const bootMs = 300_000;

// Where every user can read: the project itself may lie where only root can.
const folder = mkdtempSync('/var/lib/caisson-test-images-');
const at = (...names: string[]) => join(folder, ...names);
const builds = at('builds');
const hypervisor = createQemu({
  clock: systemClock,
  log: silentLog,
  processes: new DirectProcesses(makeFolder(at('run'))),
  dataDirectory: folder,
  runDirectory: at('run'),
  facts: () => Promise.reject(new Error('not asked')),
});
const machines = new Set<string>();
let skipped: string | undefined;

function makeFolder(path: string): string {
  mkdirSync(path, { recursive: true });
  return path;
}

before(() => {
  skipped = whyNotHere();
  chmodSync(folder, 0o755);
  makeFolder(builds);
  if (skipped) return;
  chownSync(builds, Number(execFileSync('id', ['-u', 'caisson'])), -1);
  cpSync(join(projectRoot, 'src'), at('src'), { recursive: true });
  writeFileSync(at('package.json'), '{"type":"module"}');
  cpSync(process.execPath, at('node'));
  for (const path of [at('src'), at('package.json'), at('node')]) execFileSync('chmod', ['-R', 'a+rX', path]);
});
after(async () => {
  for (const uid of machines) await hypervisor.stop(uid);
  await hypervisor.close();
  rmSync(folder, { recursive: true, force: true });
});

function whyNotHere(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root, to become the image builder’s user';
  if (!/^caisson:/m.test(readFileSync('/etc/subuid', 'utf8'))) return 'the user caisson has no subordinate ids';
  const absent = ['mmdebstrap', 'newuidmap', 'grub-mkimage', 'mcopy'].find((name) => !existsSync(`/usr/bin/${name}`));
  return absent && `${absent} is not installed`;
}

/** Runs the builder program as the daemon's user. */
async function build(name: string, wish: ImageRecipe): Promise<{ result: BuiltImage; manifest: string[]; steps: string[] }> {
  writeFileSync(at(`${name}.json`), JSON.stringify(wish));
  const user = ['setpriv', '--reuid=caisson', '--regid=caisson', '--clear-groups'] as const;
  const folders = ['--work', builds, '--packages', join(builds, 'packages'), '--manifest', join(builds, `${name}.manifest`)];
  const { stdout } = await run(
    [...user, at('node'), at('src/drivers/images/builder-main.ts'), at(`${name}.json`), join(builds, `${name}.qcow2`), ...folders],
    { timeoutMs: 900_000, cwd: '/' },
  );
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { step?: string; result?: BuiltImage });
  return {
    result: lines.at(-1)?.result as BuiltImage,
    manifest: readFileSync(join(builds, `${name}.manifest`), 'utf8')
      .trim()
      .split('\n'),
    steps: lines.flatMap((line) => line.step ?? []),
  };
}

let image = '';

test('an ordinary user builds an image, and the same recipe gives the same packages and files again', async (t) => {
  if (skipped) return t.skip(skipped);
  const first = await build('first', recipe);
  image = first.result.path;
  assert.ok(first.steps.includes('installing essential packages'), first.steps.join(', '));
  assert.ok(first.result.packages.some((name) => name.startsWith('openssh-server=')));
  const second = await build('second', recipe);
  assert.deepEqual(second.result.packages, first.result.packages);
  assert.deepEqual(
    second.manifest.filter((line) => !first.manifest.includes(line)),
    [],
  );
  assert.equal(second.result.manifestSha256, first.result.manifestSha256);
  rmSync(second.result.path);
  // Nothing of the builds is left but what was asked for.
  assert.deepEqual(readdirSync(builds).toSorted(), ['first.manifest', 'first.qcow2', 'packages', 'second.manifest']);
});

test('a build that fails names the step and the reason, and leaves nothing', async (t) => {
  if (skipped) return t.skip(skipped);
  const before = readdirSync(builds);
  await assert.rejects(
    build('absent', { ...recipe, packages: ['no-such-package'] }),
    /failed: E: Unable to locate package no-such-package/,
  );
  await assert.rejects(
    build('broken', { ...recipe, packages: [], run: ['echo about to fail; exit 7'] }),
    /running the commands of the recipe failed: about to fail/,
  );
  assert.deepEqual(readdirSync(builds), before);
});

const mac = '52:54:00:12:34:56';
const seed: GuestSeed = {
  instanceId: 'one',
  hostName: 'lab-web',
  sshKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtleSBvZiBhIHRlc3Qga2V5IG9mIGEgdGVzdCBrZXk1 admin'],
  network: [{ mac, dhcp4: false, acceptRa: false, addresses: [], routes: [], rules: [], nameServers: [], searchDomains: [] }],
  userData: '#!/bin/sh\necho "$(hostname)" >>/root/user-data-ran\n',
};

async function makeMachine(firmware: 'bios' | 'uefi', memoryMib: number, of = image): Promise<Machine> {
  const uid = newUid('g', systemRandom);
  machines.add(uid);
  const home = makeFolder(at('guests', uid));
  await makeOverlay(join(home, 'root.qcow2'), of, 3072);
  await writeSeed(join(home, 'seed.iso'), seed);
  const nvramPath = join(home, 'nvram.fd');
  if (firmware === 'uefi') await createUefiVariables(nvramPath);
  const { kernel: _, ...tiny } = tinyMachine({
    uid,
    kernel: { image: '', initrd: '' },
    socketFolder: at('run', uid),
    consoleLogPath: join(home, 'console.log'),
  });
  return {
    ...tiny,
    cpuModel: 'EPYC',
    firmware,
    memoryMib,
    disks: [
      {
        name: 'root',
        path: join(home, 'root.qcow2'),
        format: 'qcow2',
        backingPath: of,
        serial: 'root',
        bus: 'virtio',
        readOnly: false,
        slot: 0,
      },
    ],
    seedPath: join(home, 'seed.iso'),
    // A place for memory that comes and goes.
    ...(firmware === 'bios' ? { plugged: { sizeMib: 0, maxMib: 256 } } : { nvramPath }),
  };
}

/** The units of the host's own shutdown, and in place of the program one that writes down what it is told to do. */
const standIn = `#!/bin/sh
log=/root/went-down
case "$1" in
  daemon)
    trap 'echo "the daemon ends" >>$log; exit 0' TERM
    echo "the daemon runs" >>$log
    while :; do sleep 600 & wait $!; done ;;
  host)
    systemctl is-active --quiet systemd-networkd && echo "$*, with a network" >>$log
    sleep 1
    echo "its guests are down" >>$log ;;
esac
`;

async function installUnits(guest: (command: string) => Promise<string>): Promise<void> {
  const put = (path: string, text: string, mode: string) =>
    guest(`echo ${Buffer.from(text).toString('base64')} | base64 -d >${path}; chmod ${mode} ${path}`);
  await put('/usr/bin/caisson', standIn, '755');
  for (const unit of ['caisson.service', 'caisson-guests.service'])
    await put(`/etc/systemd/system/${unit}`, readFileSync(join(projectRoot, 'packaging/systemd', unit), 'utf8'), '644');
  await guest('systemctl daemon-reload; systemctl enable --now caisson caisson-guests');
}

async function boot(machine: Machine): Promise<(command: string) => Promise<string>> {
  await hypervisor.start(machine, { userId: 0, generation: 1, limits: { memoryMib: 1024, cpuWeight: 100, pids: 64 } });
  await hypervisor.agent(machine.uid).ping(bootMs);
  return async (command) => {
    const { code, stdout, stderr } = await hypervisor.agent(machine.uid).exec(['/bin/sh', '-c', command], { timeoutMs: 60_000 });
    assert.equal(code, 0, `${command}: ${stderr}`);
    return stdout.trim();
  };
}

async function shutDown(machine: Machine, how: 'agent' | 'button'): Promise<void> {
  if (how === 'agent') await hypervisor.agent(machine.uid).shutdown(30_000);
  else await hypervisor.pressPowerButton(machine.uid);
  await waitFor('the guest is down', async () => (await hypervisor.observe(machine.uid)).state === 'stopped', { timeoutMs: 60_000 });
}

const booted = 'test -z "$(systemctl list-jobs --no-legend)"';

async function settle(guest: (command: string) => Promise<string>): Promise<void> {
  await waitFor('every service has started', () => guest(`${booted} && echo yes || echo no`).then((answer) => answer === 'yes'), {
    timeoutMs: 120_000,
    everyMs: 500,
  });
}

function needImage(t: TestContext): boolean {
  if (!image) t.skip(skipped ?? 'the image was not built');
  return image !== '';
}

test('the image boots under BIOS by itself, and the seed makes it this guest once', async (t) => {
  if (!needImage(t)) return;
  const machine = await makeMachine('bios', 256);
  let guest = await boot(machine);
  await settle(guest);
  assert.equal(await guest('systemctl --failed --no-legend --plain'), '');
  assert.equal(await guest('ls /run/nologin 2>/dev/null || echo open'), 'open', 'everybody may log in');
  assert.equal(await guest('cat /etc/greeting'), 'built for caisson');
  assert.equal(
    await guest('stat -c "%a %U" /etc/key; od -An -tx1 /etc/key; id -un keeper').then((text) => text.replaceAll(/\s+/g, ' ')),
    '600 root 00 ff 0a keeper',
  );
  assert.equal(await guest('hostname'), 'lab-web');
  assert.equal(await guest('cat /root/.ssh/authorized_keys'), seed.sshKeys[0]);
  assert.equal(await guest('cat /home/keeper/.ssh/authorized_keys; stat -c "%a %U" /home/keeper/.ssh'), `${seed.sshKeys[0]}\n700 keeper`);
  assert.equal(await guest('cat /root/user-data-ran'), 'lab-web');
  assert.match(await guest('cat /run/systemd/network/10-seed-nic0.network'), new RegExp(mac));
  assert.ok(Number(await guest('df --output=size -m / | tail -n 1')) > 2700, 'the root file system has grown to the disk');
  const keys = await guest('cat /etc/ssh/ssh_host_*_key.pub');
  const machineId = await guest('cat /etc/machine-id');
  assert.match(machineId, /^[0-9a-f]{32}$/);
  await installUnits(guest);
  const wentDown = async () => (await guest('cat /root/went-down')).split('\n');
  // By hand neither touches a guest.
  await guest('systemctl restart caisson-guests; systemctl restart caisson');
  await waitFor('the daemon runs again', async () => (await wentDown()).length === 3, { timeoutMs: 60_000 });
  await shutDown(machine, 'agent');

  guest = await boot(machine);
  await settle(guest);
  assert.equal(await guest('cat /root/user-data-ran'), 'lab-web', 'user data runs once');
  assert.equal(await guest('cat /etc/ssh/ssh_host_*_key.pub'), keys);
  assert.equal(await guest('cat /etc/machine-id'), machineId);
  // The system's own end took the guests down first, while there were a daemon and a network.
  assert.deepEqual((await wentDown()).slice(0, 6), [
    'the daemon runs',
    'the daemon ends',
    'the daemon runs',
    'host shutdown --within 4min, with a network',
    'its guests are down',
    'the daemon ends',
  ]);
  await guest('systemctl disable --now caisson-guests caisson');
  await guest('echo ssh-ed25519 by hand >>/root/.ssh/authorized_keys');
  // What an account leaves in its own home leads root nowhere.
  await guest('cd /home/keeper/.ssh; rm authorized_keys; ln -s /etc/shadow authorized_keys; ln -s /etc/greeting authorized_keys.new');
  await shutDown(machine, 'button');

  // Other keys for the same guest: those of the last seed go, and nothing else is done again.
  const path = machine.seedPath as string;
  rmSync(path);
  const other = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtleSBvZiBhIHRlc3Qga2V5IG9mIGEgdGVzdCBrZXky other';
  await writeSeed(path, { ...seed, sshKeys: [other] });
  guest = await boot(machine);
  await settle(guest);
  assert.equal(await guest('cat /root/.ssh/authorized_keys'), `ssh-ed25519 by hand\n${other}`);
  assert.equal(
    await guest('cat /home/keeper/.ssh/authorized_keys; stat -c "%a %U" /home/keeper/.ssh/authorized_keys'),
    `${other}\n600 keeper`,
  );
  assert.equal(await guest('cat /etc/greeting; stat -c "%U" /etc/shadow'), 'built for caisson\nroot');
  assert.equal(await guest('cat /root/user-data-ran'), 'lab-web');
  assert.equal(await guest('cat /etc/ssh/ssh_host_*_key.pub'), keys);
  await shutDown(machine, 'button');

  // A copy of the disk with a seed of its own is another guest.
  rmSync(path);
  await writeSeed(path, { ...seed, instanceId: 'two', hostName: 'copy' });
  guest = await boot(machine);
  await settle(guest);
  assert.equal(await guest('hostname'), 'copy');
  assert.equal(await guest('cat /root/user-data-ran'), 'lab-web\ncopy');
  assert.equal(await guest('cat /root/.ssh/authorized_keys'), seed.sshKeys[0]);
  assert.notEqual(await guest('cat /etc/ssh/ssh_host_*_key.pub'), keys);

  // Its kernel takes memory that is plugged in, and gives all of it back.
  const memoryMib = async () => Math.floor(Number(await guest("sed -n 's/^MemTotal: *\\([0-9]*\\) kB$/\\1/p' /proc/meminfo")) / 1024);
  const hardware = hypervisor.hardware(machine.uid);
  const before = await memoryMib();
  assert.equal(await hardware.plugMemory(128, 120_000), 128);
  await waitFor('its system has more', async () => (await memoryMib()) === before + 128, { timeoutMs: 60_000 });
  assert.equal(await hardware.plugMemory(0, 120_000), 0);
  await waitFor('its system has given it back', async () => (await memoryMib()) === before, { timeoutMs: 60_000 });
  await hypervisor.stop(machine.uid);
});

test('the same image boots under UEFI', async (t) => {
  if (!needImage(t)) return;
  if (!existsSync('/usr/share/OVMF/OVMF_CODE_4M.fd')) return t.skip('ovmf is not installed');
  const machine = await makeMachine('uefi', 384);
  const guest = await boot(machine);
  assert.equal(await guest('test -d /sys/firmware/efi && hostname'), 'lab-web');
  await hypervisor.stop(machine.uid);
});

test('the kernel of any machine: systemd arms the watchdog, and a system that hangs is found', async (t) => {
  if (!needImage(t)) return;
  if (process.env['CAISSON_TEST_LONG'] !== '1') return t.skip('an image more, and a minute of hanging: npm run test:long');
  const { result } = await build('watched', { ...recipe, packages: ['linux-image-amd64'], run: [] });
  const machine = await makeMachine('bios', 384, result.path);
  const guest = await boot(machine);
  await settle(guest);
  assert.equal(await guest('cat /sys/class/watchdog/watchdog0/identity'), 'iTCO_wdt');
  assert.equal(await guest('systemctl --failed --no-legend --plain'), '');
  assert.doesNotMatch(await guest('uname -r'), /cloud/);
  // The first process of all stands still: nobody feeds it any more.
  await guest('echo 1 >/sys/fs/cgroup/init.scope/cgroup.freeze');
  const isFound = async () => {
    const seen = await hypervisor.observe(machine.uid);
    return seen.state === 'halted' && seen.why === 'watchdog';
  };
  await waitFor('the watchdog has expired', isFound, { timeoutMs: 400_000, everyMs: 1000 });
  await hypervisor.stop(machine.uid);
});
