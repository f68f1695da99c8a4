// libvirt beside us, when it is installed: a libvirtd of our own with folders of its own, in a mount namespace where /dev/kvm is
// /dev/null (it would try for a minute what does not work on some machines), and the same guests as domains. Each is spoken to by a virsh of
// its own that is connected already, so no program's start is part of what is measured, and none waits for another's.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '../src/lib/wait-for.ts';
import { agentAnswers } from './agent-answers.ts';
import { cpuMs, gone } from './process-times.ts';

const ownFolders = ['/etc/libvirt', '/run/libvirt', '/var/lib/libvirt', '/var/cache/libvirt', '/var/log/libvirt'];
const startTimeoutMs = 120_000;

/** QEMU leaves libvirtd and becomes the first process's child, which on some machines sees to the dead every second or two only. */
const reaper = `
syscall(157, 36, 1, 0, 0, 0); # prctl(PR_SET_CHILD_SUBREAPER) of x86_64
my $daemon = fork;
exec @ARGV if $daemon == 0;
$SIG{TERM} = sub { kill TERM => $daemon };
while (1) {
  my $ended = wait;
  last if $ended == $daemon;
}
`;

export function hasLibvirt(): boolean {
  return existsSync('/usr/sbin/libvirtd') && existsSync('/usr/bin/virsh');
}

/** A libvirtd in a network namespace, where the taps of its domains are. */
export class Libvirt {
  /** Of the bench, for libvirt alone; short, because sockets lie in it. */
  readonly #folder: string;
  readonly #daemon: ChildProcess;
  readonly #domains: LibvirtDomain[] = [];

  private constructor(folder: string, daemon: ChildProcess) {
    this.#folder = folder;
    this.#daemon = daemon;
  }

  static async open(netns: string): Promise<Libvirt> {
    const folder = mkdtempSync(join(tmpdir(), 'caisson-lv-'));
    try {
      return new Libvirt(folder, await startDaemon(folder, netns));
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  define(hardware: DomainHardware): LibvirtDomain {
    const domain = new LibvirtDomain(this.#folder, hardware);
    this.#domains.push(domain);
    return domain;
  }

  /** Processor time of libvirtd and of the programs that it has waited for. */
  cpuMs(): number {
    const { own, children } = cpuMs(Number(readFileSync(join(this.#folder, 'libvirtd.pid'), 'latin1')));
    return own + children;
  }

  async close(): Promise<void> {
    try {
      for (const domain of this.#domains) await domain.close();
      await ended(this.#daemon);
    } finally {
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }
}

export interface DomainHardware {
  name: string;
  /** In libvirtd's network namespace. */
  tap: string;
  /** A disk of its own is made, backed by this one. */
  image: string;
  memoryMib: number;
  machineType: string;
  cpuModel: string;
}

/** Machine type and processor of a command of QEMU's. */
export function hardwareOf(argv: readonly string[]): Pick<DomainHardware, 'machineType' | 'cpuModel'> {
  const after = (option: string) => /[^,]*/.exec(argv[argv.indexOf(option) + 1] ?? '')?.[0] ?? '';
  return { machineType: after('-machine').replace(/^type=/, ''), cpuModel: after('-cpu') };
}

export class LibvirtDomain {
  readonly #name: string;
  readonly #agentSocket: string;
  readonly #pidFile: string;
  readonly #virsh: ChildProcess;
  readonly #events: ChildProcess;
  #said = '';
  #onSaid: ((text: string) => void) | undefined;
  #onEvent: ((text: string) => void) | undefined;

  constructor(folder: string, hardware: DomainHardware) {
    const { name, image } = hardware;
    this.#name = name;
    this.#agentSocket = join(folder, `${name}.sock`);
    this.#pidFile = join(folder, `run-libvirt/qemu/${name}.pid`);
    const files = { disk: join(folder, `${name}.qcow2`), console: join(folder, `${name}.log`), agent: this.#agentSocket };
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', image, '-F', 'qcow2', files.disk]);
    const xml = join(folder, `${name}.xml`);
    writeFileSync(xml, renderDomain(hardware, files));
    const uri = `qemu+unix:///system?socket=${folder}/libvirt-sock`;
    execFileSync('virsh', ['-c', uri, 'define', xml], { stdio: 'ignore', timeout: startTimeoutMs });
    this.#virsh = spawn('stdbuf', ['-oL', 'virsh', '-c', uri], { stdio: 'pipe', detached: true });
    for (const stream of [this.#virsh.stdout, this.#virsh.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#said += chunk.toString();
        this.#onSaid?.(chunk.toString());
      });
    }
    this.#events = spawn('stdbuf', ['-oL', 'virsh', '-c', uri, 'event', '--domain', name, '--event', 'lifecycle', '--loop'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    this.#events.stdout?.on('data', (chunk: Buffer) => this.#onEvent?.(chunk.toString()));
  }

  /** Milliseconds until the guest's agent answers. */
  async start(): Promise<number> {
    rmSync(this.#agentSocket, { force: true });
    const startedAt = performance.now();
    this.#virsh.stdin?.write(`start ${this.#name}\n`);
    await agentAnswers(this.#agentSocket).catch((cause: unknown) => {
      throw new Error(`libvirt's guest does not answer; virsh said: ${this.#said}`, { cause });
    });
    return performance.now() - startedAt;
  }

  /** Milliseconds from the request until the process is gone and virsh says so. */
  async stop(): Promise<number> {
    const pid = this.#pid();
    const told = Promise.withResolvers<void>();
    this.#onSaid = (text) => {
      if (text.includes('destroyed')) told.resolve();
    };
    const stoppedAt = performance.now();
    this.#virsh.stdin?.write(`destroy ${this.#name}\n`);
    await Promise.all([gone(pid), told.promise]);
    const ms = performance.now() - stoppedAt;
    this.#onSaid = undefined;
    await this.#settled();
    return ms;
  }

  /** Milliseconds from the death of QEMU until virsh tells of it. */
  async kill(): Promise<number> {
    const told = Promise.withResolvers<number>();
    this.#onEvent = (text) => {
      if (text.includes('Stopped')) told.resolve(performance.now());
    };
    const killedAt = performance.now();
    process.kill(this.#pid(), 'SIGKILL');
    const ms = (await told.promise) - killedAt;
    this.#onEvent = undefined;
    await this.#settled();
    return ms;
  }

  async close(): Promise<void> {
    const pid = existsSync(this.#pidFile) ? this.#pid() : undefined;
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
    for (const child of [this.#virsh, this.#events]) await ended(child);
    if (pid !== undefined) await gone(pid);
  }

  /** The next start is not to wait for what is left of this one. */
  #settled(): Promise<unknown> {
    return waitFor('libvirt to have put the domain away', () => !existsSync(this.#pidFile), { timeoutMs: 10_000, everyMs: 5 });
  }

  #pid(): number {
    return Number(readFileSync(this.#pidFile, 'latin1'));
  }
}

async function startDaemon(folder: string, netns: string): Promise<ChildProcess> {
  const own = ownFolders.map((path) => [path, join(folder, path.replaceAll('/', '-').slice(1))] as const);
  for (const [, path] of own) mkdirSync(path, { recursive: true });
  writeFileSync(
    join(folder, 'etc-libvirt/qemu.conf'),
    'user = "root"\ngroup = "root"\ndynamic_ownership = 0\nremember_owner = 0\nsecurity_driver = "none"\nnamespaces = []\n' +
      'cgroup_controllers = []\nstdio_handler = "file"\n',
  );
  writeFileSync(
    join(folder, 'libvirtd.conf'),
    `unix_sock_dir = "${folder}"\nunix_sock_group = "root"\nauth_unix_ro = "none"\nauth_unix_rw = "none"\nmax_clients = 200\n`,
  );
  const binds = own.map(([path, mine]) => `mkdir -p ${path}; mount --bind ${mine} ${path}`);
  const script = ['set -e', '[ ! -e /dev/kvm ] || mount --bind /dev/null /dev/kvm', ...binds];
  script.push(`exec perl -e '${reaper}' libvirtd -f ${folder}/libvirtd.conf -p ${folder}/libvirtd.pid`);
  let said = '';
  const daemon = spawn('nsenter', [`--net=/run/netns/${netns}`, '--', 'unshare', '--mount', 'sh', '-c', script.join('\n')], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  daemon.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  try {
    await waitFor('libvirtd', () => daemon.exitCode !== null || existsSync(join(folder, 'libvirt-sock')), { timeoutMs: 20_000 });
    if (daemon.exitCode !== null) throw new Error(`libvirtd ended with ${daemon.exitCode}: ${said}`);
    return daemon;
  } catch (error) {
    await ended(daemon);
    throw error;
  }
}

/** Told to end. */
async function ended(child: ChildProcess): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (child.exitCode !== null || child.signalCode !== null) resolve();
  child.once('exit', () => resolve());
  child.kill('SIGTERM');
  await promise;
}

/** The agent's channel is given past libvirt, which would talk to the agent itself and leave nobody else to. */
function renderDomain(hardware: DomainHardware, files: { disk: string; console: string; agent: string }): string {
  const { cpuModel, machineType, memoryMib, name, tap } = hardware;
  return `<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>${name}</name>
  <memory unit='MiB'>${memoryMib}</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='${machineType}'>hvm</type><boot dev='hd'/></os>
  <features><acpi/><apic/></features>
  <cpu mode='custom' match='exact' check='none'><model fallback='forbid'>${cpuModel}</model></cpu>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${files.disk}'/><target dev='vda' bus='virtio'/></disk>
    <interface type='ethernet'><target dev='${tap}' managed='no'/><model type='virtio'/></interface>
    <serial type='file'><source path='${files.console}'/></serial>
    <controller type='virtio-serial' index='0'/>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
  </devices>
  <qemu:commandline>
    <qemu:arg value='-chardev'/><qemu:arg value='socket,id=agent,path=${files.agent},server=on,wait=off'/>
    <qemu:arg value='-device'/><qemu:arg value='{"driver":"virtserialport","bus":"virtio-serial0.0","chardev":"agent","name":"org.qemu.guest_agent.0"}'/>
  </qemu:commandline>
</domain>
`;
}
