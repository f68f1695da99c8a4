// The tiny guest of the tests: Debian's cloud kernel and a first file system with busybox and the guest agent. Its agent
// answers within three seconds of software emulation. Built from Debian's packages without root, mount or loop device,
// and kept in a cache: its name holds what it was built from, so that a change here builds it anew.
import { createHash } from 'node:crypto';
import { access, copyFile, mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError } from '../../src/lib/errors.ts';
import { run } from '../../src/lib/exec.ts';
import { type CpioEntry, folder, link, plainFile, program, renderCpio } from './cpio.ts';

const cache = '/var/cache/caisson/tiny';

/** What boots as the tiny guest; add `tinyCommandLine` (and `tiny.dhcp` to ask for an address). */
export interface TinyGuest {
  kernel: string;
  initrd: string;
}

/** With these it boots fastest; 96 MiB of memory are the least. */
export const tinyCommandLine =
  'console=ttyS0 quiet mitigations=off random.trust_cpu=on no_timer_check tsc=unstable memhp_default_state=online_movable';

/**
 * `cloud`: Debian's kernel for virtual machines, which boots fastest. `generic`: that of any machine, with drivers for the hardware of
 * a PC that the other leaves out, the chipset's watchdog among them.
 */
export type TinyKernel = 'cloud' | 'generic';

const kernels: Record<TinyKernel, { package: string; modules: string[] }> = {
  cloud: { package: 'linux-image-cloud-amd64', modules: [] },
  generic: { package: 'linux-image-amd64', modules: ['lpc_ich', 'iTCO_wdt'] },
};

/** Kernel modules that are loaded, the agent's first; what they need themselves comes before them. */
const modules = [
  'virtio_pci',
  'virtio_console',
  'button',
  'evdev',
  'virtio_blk',
  'virtio_net',
  'virtio_balloon',
  'virtio_rng',
  'pvpanic_pci',
];

/** Loaded once the agent has been started, so that they do not keep it from answering: what is plugged in later. */
const lateModules = ['virtio_mem', 'virtio_scsi', 'sd_mod'];

const applets = `acpid cat chmod cttyhack cut date dd df dmesg echo env expr false free grep halt head hexdump hostname ifconfig
  insmod ip kill ln ls lsmod md5sum mkdir mknod mount nc nslookup ping poweroff ps reboot rm sed seq setsid sh sha256sum sleep
  sync tail tee test tr true udhcpc umount uname uptime watchdog wc`.split(/\s+/);

/** `shutdown` as qemu-ga calls it: `-h -P|-H|-r +0 TEXT`. */
const shutdownScript = `#!/bin/sh
case "$*" in *-r*) exec reboot -f ;; *-H*) exec halt -f ;; *) exec poweroff -f ;; esac
`;

const dhcpScript = `#!/bin/sh
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip addr flush dev "$interface"
ip addr add "$ip/$mask" dev "$interface"
for gateway in $router; do ip route replace "$gateway" dev "$interface"; ip route replace default via "$gateway"; done
: > /etc/resolv.conf
for server in $dns; do echo "nameserver $server" >> /etc/resolv.conf; done
echo "tiny guest: address $ip"
`;

/** Builds the tiny guest, or finds it in the cache. Throws `missing` where Debian's packages cannot be had. */
export async function tinyGuest(kernel: TinyKernel = 'cloud'): Promise<TinyGuest> {
  const here = import.meta.dirname;
  const init = await readFile(join(here, 'init.sh'));
  const sources = await Promise.all(['tiny-guest.ts', 'cpio.ts'].map((name) => readFile(join(here, name))));
  const digest = createHash('sha256')
    .update(Buffer.concat([init, ...sources, Buffer.from(kernel)]))
    .digest('hex')
    .slice(0, 12);
  const home = join(cache, digest);
  const guest = { kernel: join(home, 'vmlinuz'), initrd: join(home, 'initrd') };
  if (await exists(guest.initrd)) return guest;
  await mkdir(cache, { recursive: true, mode: 0o755 });
  const work = await mkdtemp(join(cache, 'build-'));
  try {
    await build(work, init, kernel);
    // Another process may have built the same meanwhile: then its result serves as well.
    await rename(join(work, 'out'), home).catch(async (error: unknown) => {
      if (!(await exists(guest.initrd))) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return guest;
}

async function build(work: string, init: Uint8Array, kernel: TinyKernel): Promise<void> {
  const root = join(work, 'root');
  await fetchPackages(work, root, kernels[kernel].package);
  const kernelName = (await readdir(join(root, 'boot'))).find((name) => name.startsWith('vmlinuz-'));
  if (!kernelName) throw new CaissonError('missing', 'the kernel package holds no /boot/vmlinuz-*');
  const out = join(work, 'out');
  await mkdir(out, { mode: 0o755 });
  await copyFile(join(root, 'boot', kernelName), join(out, 'vmlinuz'));
  const entries: CpioEntry[] = [
    ...[
      'bin',
      'sbin',
      'dev',
      'proc',
      'sys',
      'run',
      'tmp',
      'etc',
      'etc/acpi',
      'etc/acpi/PWRF',
      'modules',
      'agent',
      'agent/lib',
      'usr',
      'var',
    ].map((path) => ({ path, mode: folder })),
    { path: 'init', mode: program, data: init },
    { path: 'bin/busybox', mode: program, data: await readFile(await firstOf(join(root, 'bin/busybox'), join(root, 'usr/bin/busybox'))) },
    ...applets.map((name) => ({ path: `bin/${name}`, mode: link, data: Buffer.from('busybox') })),
    { path: 'var/run', mode: link, data: Buffer.from('/run') },
    { path: 'sbin/shutdown', mode: program, data: Buffer.from(shutdownScript) },
    { path: 'etc/acpi/PWRF/00000080', mode: program, data: Buffer.from('#!/bin/sh\nexec poweroff -f\n') },
    { path: 'etc/udhcpc.sh', mode: program, data: Buffer.from(dhcpScript) },
    ...(await moduleEntries(root, kernelName.slice('vmlinuz-'.length), [...modules, ...kernels[kernel].modules])),
    ...(await agentEntries(root)),
  ];
  await writeFile(join(out, 'initrd'), renderCpio(entries), { mode: 0o644 });
}

async function fetchPackages(work: string, root: string, kernel: string): Promise<void> {
  const depends = await run(['apt-cache', 'depends', kernel]);
  const kernelPackage = /Depends: (linux-image-\S+)/.exec(depends.stdout)?.[1];
  if (!kernelPackage) throw new CaissonError('missing', `no ${kernel} among the Debian packages: run “apt-get update”`);
  await run(['apt-get', 'download', '-o', 'APT::Sandbox::User=root', kernelPackage, 'qemu-guest-agent', 'busybox-static'], {
    cwd: work,
    timeoutMs: 300_000,
  });
  for (const name of (await readdir(work)).filter((file) => file.endsWith('.deb'))) {
    await run(['dpkg-deb', '-x', join(work, name), root], { timeoutMs: 120_000 });
  }
}

async function moduleEntries(root: string, version: string, wanted: readonly string[]): Promise<CpioEntry[]> {
  const base = await firstOf(join(root, 'lib/modules', version), join(root, 'usr/lib/modules', version));
  const builtIn = new Set((await readFile(join(base, 'modules.builtin'), 'utf8')).split('\n').map(moduleName));
  const paths = new Map((await readdir(base, { recursive: true })).filter(isModule).map((path) => [moduleName(path), join(base, path)]));
  const loaded = new Map<string, Uint8Array>();
  const load = async (name: string): Promise<void> => {
    if (builtIn.has(name) || loaded.has(name)) return;
    const path = paths.get(name);
    if (!path) throw new CaissonError('missing', `the kernel package holds no module ${name}`);
    const content = await readModule(path);
    // Text inside the file: `depends=virtio,virtio_ring` up to a zero byte.
    const depends = /(?:^|\0)depends=([^\0]*)/.exec(content.toString('latin1'))?.[1] ?? '';
    for (const other of depends.split(',').filter(Boolean)) await load(moduleName(other));
    loaded.set(name, content);
  };
  for (const name of wanted) await load(name);
  const early = loaded.size;
  for (const name of lateModules) await load(name);
  const names = [...loaded.keys()];
  return [
    { path: 'modules/order', mode: plainFile, data: Buffer.from(names.slice(0, early).join('\n')) },
    { path: 'modules/late', mode: plainFile, data: Buffer.from(names.slice(early).join('\n')) },
    ...[...loaded].map(([name, data]) => ({ path: `modules/${name}.ko`, mode: plainFile, data })),
  ];
}

function isModule(path: string): boolean {
  return /\.ko(\.xz)?$/.test(path);
}

/** As the kernel calls it: its file may be named with the other dash. */
function moduleName(path: string): string {
  return path
    .slice(path.lastIndexOf('/') + 1)
    .replace(/\.ko(\.xz)?$/, '')
    .replaceAll('-', '_');
}

async function readModule(path: string): Promise<Buffer> {
  const plain = path.replace(/\.xz$/, '');
  if (plain !== path) await run(['xz', '-d', path]);
  await run(['strip', '--strip-debug', plain]).catch(() => undefined); // smaller boots faster; works without, too
  return readFile(plain);
}

/** qemu-ga with the host's own libraries: QEMU needs the same ones. */
async function agentEntries(root: string): Promise<CpioEntry[]> {
  const agent = join(root, 'usr/sbin/qemu-ga');
  const listed = await run(['ldd', agent]);
  const entries: CpioEntry[] = [{ path: 'agent/qemu-ga', mode: program, data: await readFile(agent) }];
  for (const line of listed.stdout.split('\n')) {
    if (line.includes('not found')) throw new CaissonError('missing', `a library of qemu-ga: ${line.trim()}`);
    const path = /(\/\S+) \(0x/.exec(line)?.[1];
    if (!path) continue;
    const name = path.slice(path.lastIndexOf('/') + 1);
    const isLoader = name.startsWith('ld-linux');
    entries.push({ path: isLoader ? 'agent/ld.so' : `agent/lib/${name}`, mode: program, data: await readFile(path) });
  }
  return entries;
}

/** Debian 13 has below /usr what Debian 12 has beside it. */
async function firstOf(path: string, otherwise: string): Promise<string> {
  return (await exists(path)) ? path : otherwise;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
