// libvirt beside us, when it is installed: a libvirtd of our own with folders of its own, in a mount namespace where /dev/kvm is
// /dev/null (it would try for a minute what does not work on some machines), and the same guest as a domain. It is spoken to by a virsh that
// is connected already, so no program's start is part of what is measured.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '../src/lib/wait-for.ts';
import { agentAnswers } from './agent-answers.ts';
import { cpuMs, gone } from './process-times.ts';

const domain = 'caisson-bench';
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

export interface LibvirtGuest {
  /** Of the bench, for libvirt alone; short, because sockets lie in it. */
  folder: string;
  /** Network namespace and the tap there. */
  netns: string;
  tap: string;
  disk: string;
  memoryMib: number;
  machineType: string;
  cpuModel: string;
}

export function hasLibvirt(): boolean {
  return existsSync('/usr/sbin/libvirtd') && existsSync('/usr/bin/virsh');
}

export class Libvirt {
  readonly #guest: LibvirtGuest;
  readonly #daemon: ChildProcess;
  readonly #virsh: ChildProcess;
  readonly #events: ChildProcess;
  #said = '';
  #onSaid: ((text: string) => void) | undefined;
  #onEvent: ((text: string) => void) | undefined;

  private constructor(guest: LibvirtGuest, daemon: ChildProcess) {
    this.#guest = guest;
    this.#daemon = daemon;
    this.#virsh = spawn('stdbuf', ['-oL', 'virsh', '-c', uri(guest)], { stdio: 'pipe', detached: true });
    for (const stream of [this.#virsh.stdout, this.#virsh.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#said += chunk.toString();
        this.#onSaid?.(chunk.toString());
      });
    }
    this.#events = spawn('stdbuf', ['-oL', 'virsh', '-c', uri(guest), 'event', '--event', 'lifecycle', '--loop'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    this.#events.stdout?.on('data', (chunk: Buffer) => this.#onEvent?.(chunk.toString()));
  }

  static async open(guest: LibvirtGuest): Promise<Libvirt> {
    const { folder, netns } = guest;
    const own = ownFolders.map((path) => [path, join(folder, path.replaceAll('/', '-').slice(1))] as const);
    for (const [, path] of own) mkdirSync(path, { recursive: true });
    writeFileSync(
      join(folder, 'etc-libvirt/qemu.conf'),
      'user = "root"\ngroup = "root"\ndynamic_ownership = 0\nremember_owner = 0\nsecurity_driver = "none"\nnamespaces = []\n' +
        'cgroup_controllers = []\nstdio_handler = "file"\n',
    );
    writeFileSync(
      join(folder, 'libvirtd.conf'),
      `unix_sock_dir = "${folder}"\nunix_sock_group = "root"\nauth_unix_ro = "none"\nauth_unix_rw = "none"\n`,
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
      writeFileSync(join(folder, 'domain.xml'), renderDomain(guest));
      execFileSync('virsh', ['-c', uri(guest), 'define', join(folder, 'domain.xml')], { stdio: 'ignore', timeout: startTimeoutMs });
      return new Libvirt(guest, daemon);
    } catch (error) {
      daemon.kill('SIGTERM');
      throw error;
    }
  }

  /** Milliseconds until the guest's agent answers, and the processor time of libvirtd and of the programs that it has waited for. */
  async start(): Promise<{ ms: number; cpuMs: number }> {
    const socket = this.#agentSocket();
    rmSync(socket, { force: true });
    const before = this.#cpuMs();
    const startedAt = performance.now();
    this.#virsh.stdin?.write(`start ${domain}\n`);
    await agentAnswers(socket).catch((cause: unknown) => {
      throw new Error(`libvirt's guest does not answer; virsh said: ${this.#said}`, { cause });
    });
    return { ms: performance.now() - startedAt, cpuMs: this.#cpuMs() - before };
  }

  /** Milliseconds from the request until the process is gone and virsh says so. */
  async stop(): Promise<number> {
    const pid = this.#pid();
    const told = Promise.withResolvers<void>();
    this.#onSaid = (text) => {
      if (text.includes('destroyed')) told.resolve();
    };
    const stoppedAt = performance.now();
    this.#virsh.stdin?.write(`destroy ${domain}\n`);
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
    const pid = existsSync(this.#pidFile()) ? this.#pid() : undefined;
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
    for (const child of [this.#virsh, this.#events, this.#daemon]) {
      const { promise, resolve } = Promise.withResolvers<void>();
      if (child.exitCode !== null || child.signalCode !== null) resolve();
      child.once('exit', () => resolve());
      child.kill('SIGTERM');
      await promise;
    }
    if (pid !== undefined) await gone(pid);
  }

  /** The next start is not to wait for what is left of this one. */
  #settled(): Promise<unknown> {
    return waitFor('libvirt to have put the domain away', () => !existsSync(this.#pidFile()), { timeoutMs: 10_000, everyMs: 5 });
  }

  #cpuMs(): number {
    const { own, children } = cpuMs(Number(readFileSync(join(this.#guest.folder, 'libvirtd.pid'), 'latin1')));
    return own + children;
  }

  #agentSocket(): string {
    return join(this.#guest.folder, 'agent.sock');
  }

  #pidFile(): string {
    return join(this.#guest.folder, `run-libvirt/qemu/${domain}.pid`);
  }

  #pid(): number {
    return Number(readFileSync(this.#pidFile(), 'latin1'));
  }
}

function uri({ folder }: LibvirtGuest): string {
  return `qemu+unix:///system?socket=${folder}/libvirt-sock`;
}

/** The agent's channel is given past libvirt, which would talk to the agent itself and leave nobody else to. */
function renderDomain({ cpuModel, disk, folder, machineType, memoryMib, tap }: LibvirtGuest): string {
  return `<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>${domain}</name>
  <memory unit='MiB'>${memoryMib}</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='${machineType}'>hvm</type><boot dev='hd'/></os>
  <features><acpi/><apic/></features>
  <cpu mode='custom' match='exact' check='none'><model fallback='forbid'>${cpuModel}</model></cpu>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${disk}'/><target dev='vda' bus='virtio'/></disk>
    <interface type='ethernet'><target dev='${tap}' managed='no'/><model type='virtio'/></interface>
    <serial type='file'><source path='${folder}/console.log'/></serial>
    <controller type='virtio-serial' index='0'/>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
  </devices>
  <qemu:commandline>
    <qemu:arg value='-chardev'/><qemu:arg value='socket,id=agent,path=${folder}/agent.sock,server=on,wait=off'/>
    <qemu:arg value='-device'/><qemu:arg value='{"driver":"virtserialport","bus":"virtio-serial0.0","chardev":"agent","name":"org.qemu.guest_agent.0"}'/>
  </qemu:commandline>
</domain>
`;
}
