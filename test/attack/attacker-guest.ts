// An attacker that is a booted guest: QEMU as the root helper starts it, with its tap in the lab's network, and in the guest the program that
// sends frames. What it sends goes the whole way: its kernel, virtio, QEMU, the tap with its headers of offloads.
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderNetwork } from '../../src/drivers/nftables/wanted-network.ts';
import type { Hypervisor } from '../../src/drivers/hypervisor.ts';
import { helperProcesses } from '../../src/drivers/qemu/helper-processes.ts';
import { createQemu } from '../../src/drivers/qemu/hypervisor.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { run } from '../../src/lib/exec.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { NetworkNic, NetworkState } from '../../src/model/network-state.ts';
import { tinyMachine } from '../contract/tiny-machine.ts';
import { createHelperFixture, type HelperFixture, type RunningHelper } from '../e2e/helper-fixture.ts';
import { type CpioEntry, folder, plainFile, program, renderCpio } from '../tiny-guest/cpio.ts';
import { tinyGuest } from '../tiny-guest/tiny-guest.ts';
import { wireProgram } from './wire.ts';

const bootMs = 60_000;
const sendMs = 60_000;

export class AttackerGuest {
  readonly #fixture: HelperFixture;
  readonly #uid: string;
  readonly #helper: RunningHelper;
  readonly #hypervisor: Hypervisor;

  private constructor(parts: { fixture: HelperFixture; uid: string; helper: RunningHelper; hypervisor: Hypervisor }) {
    this.#fixture = parts.fixture;
    this.#uid = parts.uid;
    this.#helper = parts.helper;
    this.#hypervisor = parts.hypervisor;
  }

  /** Boots it as the guest of a nic of the state that is in force in the network namespace `netns`, with its addresses. */
  static async boot(nic: NetworkNic, state: NetworkState, netns: string): Promise<AttackerGuest> {
    const fixture = createHelperFixture('attacker');
    const helper = await fixture.start({ args: ['--netns', netns] });
    const { hello, client } = helper;
    const inImages = (name: string, write: (path: string) => void) => {
      const path = join(fixture.data, 'images', name);
      write(path);
      chmodSync(path, 0o644);
      return path;
    };
    const tiny = await tinyGuest();
    const tools = await renderTools();
    const kernel = {
      image: inImages('vmlinuz', (path) => copyFileSync(tiny.kernel, path)),
      // The kernel unpacks one archive after the other.
      initrd: inImages('initrd', (path) => writeFileSync(path, Buffer.concat([readFileSync(tiny.initrd), tools]))),
    };
    const uid = nic.guest;
    const userId = hello.userIds.base;
    const { disk, consoleLog } = await fixture.makeGuest(helper, userId, uid);
    const hypervisor = createQemu({
      clock: systemClock,
      log: silentLog,
      processes: helperProcesses(client),
      dataDirectory: fixture.data,
      runDirectory: hello.runDirectory,
      facts: () =>
        Promise.resolve({ accelerator: 'tcg', version: '7.2.0', machineType: 'pc-q35-7.2', cpuModel: 'Nehalem,vendor=AuthenticAMD' }),
    });
    const machine = {
      ...tinyMachine({ uid, kernel, socketFolder: `${hello.runDirectory}/${uid}`, consoleLogPath: consoleLog }),
      memoryMib: 192,
      disks: [{ name: 'root', path: disk, format: 'qcow2' as const, serial: 'root', bus: 'virtio' as const, readOnly: false, slot: 0 }],
      nics: [{ mac: nic.mac, tap: nic.tap, mtu: 1500, slot: 1 }],
    };
    const guest = new AttackerGuest({ fixture, uid, helper, hypervisor });
    try {
      await hypervisor.start(machine, { userId, generation: 1, limits: { memoryMib: 700, cpuWeight: 100, pids: 64 } });
      const wanted = renderNetwork(state, []).nics.get(nic.tap);
      if (!wanted) throw new Error(`${nic.tap} is no nic of the network`);
      await client.call('nicUp', wanted);
      await hypervisor.agent(uid).ping(bootMs);
      await guest.#plug(nic, state);
    } catch (error) {
      await guest.close();
      throw error;
    }
    return guest;
  }

  /** How many were sent. */
  send(interfaceName: string, frames: readonly Uint8Array[]): Promise<number> {
    return this.#send('send', interfaceName, frames);
  }

  /** Frames that begin with a virtio header of offloads; how many the guest's own kernel let it send. */
  sendOffloaded(interfaceName: string, frames: readonly Uint8Array[]): Promise<number> {
    return this.#send('offload', interfaceName, frames);
  }

  async #send(verb: 'send' | 'offload', interfaceName: string, frames: readonly Uint8Array[]): Promise<number> {
    const lines = frames.map((frame) => `${Buffer.from(frame).toString('hex')}\n`).join('');
    const said = await this.shell(`cat > /tmp/frames && echo '${verb} ${interfaceName} 1 /tmp/frames' | perl /attack/wire.pl`, lines);
    const [word, good] = said.split(' ');
    if (word !== 'ok') throw new Error(`the guest could not send: ${said}`);
    return Number(good);
  }

  /** What a line of shell in the guest says. */
  async shell(line: string, stdin = ''): Promise<string> {
    const { code, stdout, stderr } = await this.#hypervisor.agent(this.#uid).exec(['/bin/sh', '-c', line], { timeoutMs: sendMs, stdin });
    if (code !== 0) throw new Error(`${line} in the guest: ${stderr || stdout || `exit ${code}`}`);
    return stdout;
  }

  async close(): Promise<void> {
    await this.#hypervisor.close();
    await this.#fixture.killGuests();
    await this.#helper.stop();
    await this.#fixture.remove();
  }

  async #plug(nic: NetworkNic, state: NetworkState): Promise<void> {
    const zone = state.zones.find(({ name }) => name === nic.zone);
    const addresses = nic.addresses.map((address) => `ip addr add ${address}/${address.includes(':') ? '128' : '16'} dev eth0`);
    const routes = (zone?.gateways ?? []).map(
      (gateway) => `ip ${gateway.includes(':') ? '-6' : '-4'} route add default via ${gateway} dev eth0`,
    );
    // An address of IPv6 is there at once.
    const settings = ['accept_dad', 'accept_ra'].map((name) => `echo 0 > /proc/sys/net/ipv6/conf/eth0/${name}`);
    await this.shell([...settings, 'ip link set lo up', 'ip link set eth0 up', ...addresses, ...routes].join(' && '));
  }
}

/** Perl with its libraries where they are on this machine, and the program that sends frames. */
async function renderTools(): Promise<Buffer> {
  const { stdout: libraries } = await run(['ldd', '/usr/bin/perl']);
  const { stdout: modules } = await run(['perl', '-e', 'use strict; use warnings; use Errno qw(EAGAIN); print "$_\\n" for values %INC']);
  const files = new Map<string, { mode: number; from: string }>([
    ['attack/wire.pl', { mode: plainFile, from: wireProgram }],
    ['bin/perl', { mode: program, from: '/usr/bin/perl' }],
    ...[...libraries.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => [path.slice(1), { mode: program, from: path }] as const),
    ...modules
      .trim()
      .split('\n')
      .map((path) => [path.slice(1), { mode: plainFile, from: path }] as const),
  ]);
  const folders = new Set([...files.keys()].flatMap((path) => parentsOf(path)));
  const entries: CpioEntry[] = [
    ...[...folders].toSorted().map((path) => ({ path, mode: folder })),
    ...[...files].map(([path, { mode, from }]) => ({ path, mode, data: readFileSync(from) })),
  ];
  return renderCpio(entries);
}

function parentsOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_part, index) => parts.slice(0, index + 1).join('/'));
}
