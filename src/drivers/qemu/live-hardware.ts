// A running QEMU's hardware: what it has is always asked, so that it does not matter who changed it, or whether the daemon saw it.
import type { Clock } from '../../lib/clock.ts';
import { CaissonError } from '../../lib/errors.ts';
import { waitFor } from '../../lib/wait-for.ts';
import type { MachineDisk, MachineNic } from '../../model/machine.ts';
import type { Limits } from '../limits.ts';
import type { LiveHardware, LiveState } from '../live-hardware.ts';
import type { GuestProcesses } from './guest-processes.ts';
import { diskDevice, diskId, diskNode, nicBackend, nicDevice, nicId, pluggedMemoryId } from './render-argv.ts';
import type { RunningGuest } from './running-guest.ts';

const mib = 1024 * 1024;
const lookEveryMs = 50;
const peripherals = '/machine/peripheral';
/** A system that has just got a processor shows it a moment later. */
const onlineTimeoutMs = 5000;
const nodeTimeoutMs = 10_000;

export class QemuHardware implements LiveHardware {
  readonly #guest: RunningGuest;
  readonly #clock: Clock;
  readonly #processes: GuestProcesses;

  constructor(guest: RunningGuest, parts: { clock: Clock; processes: GuestProcesses }) {
    this.#guest = guest;
    this.#clock = parts.clock;
    this.#processes = parts.processes;
  }

  async read(): Promise<LiveState> {
    const [names, summary, balloon, processors, kvm] = await Promise.all([
      this.#names(),
      this.#guest.execute('query-memory-size-summary'),
      this.#guest.execute('query-balloon'),
      this.#guest.execute('query-hotpluggable-cpus'),
      this.#guest.execute('query-kvm'),
    ]);
    const boardMib = toMib(summary['base-memory']);
    const plugged = names.includes(pluggedMemoryId) ? await this.#readPlugged() : undefined;
    return {
      memory: {
        boardMib,
        ...(plugged ? { plugged } : {}),
        // The balloon counts what is on the board only.
        balloonMib: Math.max(0, boardMib - toMib(balloon.actual)),
      },
      cpus: processors.filter((processor) => processor['qom-path'] !== undefined).length,
      maxCpus: processors.length,
      // QEMU 7.2 was seen to crash a second after an emulated processor had gone.
      cpusCanGo: kvm.enabled,
      disks: numbered(names, 'disk'),
      nics: numbered(names, 'nic'),
      ports: numbered(names, 'port'),
      scsi: names.includes('scsi0'),
    };
  }

  async plugMemory(sizeMib: number, timeoutMs: number): Promise<number> {
    await this.#set('requested-size', sizeMib * mib);
    const now = async () => toMib(await this.#get('size'));
    await this.#until(timeoutMs, async () => (await now()) === sizeMib);
    return now();
  }

  async fillBalloon(takenMib: number, timeoutMs: number): Promise<number> {
    const taken = async () => (await this.read()).memory.balloonMib;
    const { memory } = await this.read();
    await this.#guest.execute('balloon', { value: (memory.boardMib - takenMib) * mib });
    await this.#until(timeoutMs, async () => (await taken()) === takenMib);
    return taken();
  }

  async setCpus(count: number, timeoutMs: number): Promise<{ cpus: number; online?: number }> {
    const list = async () => (await this.#guest.execute('query-hotpluggable-cpus')).toSorted((a, b) => coreOf(a) - coreOf(b));
    const present = async () => (await list()).filter((processor) => processor['qom-path'] !== undefined);
    for (const processor of await list()) {
      if (processor['qom-path'] !== undefined || (await present()).length >= count) continue;
      await this.#guest.execute('device_add', { driver: processor.type, id: `cpu${coreOf(processor)}`, ...processor.props });
    }
    // The last first; the first processor cannot go.
    for (const processor of (await present()).slice(count).toReversed()) {
      await this.#askToLetGo(processor['qom-path'] as string);
      const isGone = async () => !(await present()).some((one) => coreOf(one) === coreOf(processor));
      if (!(await this.#until(timeoutMs, isGone))) break;
    }
    const cpus = (await present()).length;
    const online = await this.#guest.agent.onlineCpus(cpus, Math.min(timeoutMs, onlineTimeoutMs)).catch(() => undefined);
    return { cpus, ...(online === undefined ? {} : { online }) };
  }

  async attachDisk(disk: MachineDisk, { userId, maxCpus }: { userId: number; maxCpus: number }): Promise<void> {
    const id = diskId(disk);
    if ((await this.#names()).includes(id)) return;
    const { uid } = this.#guest.process;
    await this.#processes.giveFile({ uid, userId, path: disk.path });
    try {
      // Left by an attempt that died in the middle.
      await this.#guest.execute('blockdev-del', { 'node-name': id }).catch(() => undefined);
      await this.#guest.execute('blockdev-add', diskNode(disk));
      try {
        await this.#guest.execute('device_add', diskDevice(disk, { maxCpus }));
      } catch (error) {
        await this.#guest.execute('blockdev-del', { 'node-name': id });
        throw error;
      }
    } catch (error) {
      await this.#processes.takeFile({ uid, path: disk.path });
      throw error;
    }
  }

  async detachDisk(disk: Pick<MachineDisk, 'slot' | 'path'>, timeoutMs: number): Promise<boolean> {
    const id = diskId(disk);
    const isGone = async () => !(await this.#names()).includes(id);
    if (!(await isGone())) {
      await this.#askToLetGo(id);
      if (!(await this.#until(timeoutMs, isGone))) return false;
    }
    // A device that is gone holds its node a moment longer.
    if (!(await this.#until(nodeTimeoutMs, () => this.#removeNode(id))))
      throw new CaissonError('failed', `QEMU does not let go of ${disk.path}`);
    await this.#processes.takeFile({ uid: this.#guest.process.uid, path: disk.path });
    return true;
  }

  /** QEMU opens the tap by its name, in its own network namespace, as at its start. */
  async attachNic(nic: MachineNic, { userId }: { userId: number }): Promise<void> {
    const id = nicId(nic);
    if ((await this.#names()).includes(id)) return;
    const { uid } = this.#guest.process;
    // Left by an attempt that died in the middle.
    await this.#guest.execute('netdev_del', { id }).catch(() => undefined);
    await this.#processes.giveTap({ uid, userId, tap: nic.tap });
    try {
      await this.#guest.execute('netdev_add', nicBackend(nic));
      try {
        await this.#guest.execute('device_add', nicDevice(nic));
      } catch (error) {
        await this.#guest.execute('netdev_del', { id });
        throw error;
      }
    } catch (error) {
      await this.#processes.takeTap({ uid, tap: nic.tap });
      throw error;
    }
  }

  async detachNic(nic: Pick<MachineNic, 'slot'>, timeoutMs: number): Promise<boolean> {
    const id = nicId(nic);
    const isGone = async () => !(await this.#names()).includes(id);
    if (!(await isGone())) {
      await this.#askToLetGo(id);
      if (!(await this.#until(timeoutMs, isGone))) return false;
    }
    await this.#guest.execute('netdev_del', { id }).catch((error: unknown) => {
      if (!String(error).includes('not found')) throw error;
    });
    return true;
  }

  async growDisk(disk: Pick<MachineDisk, 'slot'>, sizeMib: number): Promise<void> {
    await this.#guest.execute('block_resize', { 'node-name': diskId(disk), size: sizeMib * mib });
  }

  limit(limits: Limits): Promise<void> {
    return this.#processes.limit({ uid: this.#guest.process.uid, limits });
  }

  async #readPlugged(): Promise<{ sizeMib: number; requestedMib: number; maxMib: number }> {
    const [size, requested, backend] = await Promise.all([
      this.#get('size'),
      this.#get('requested-size'),
      this.#guest.execute('qom-get', { path: '/objects/plugged', property: 'size' }),
    ]);
    return { sizeMib: toMib(size), requestedMib: toMib(requested), maxMib: toMib(backend) };
  }

  /** False while it is in use; one that was not there is removed as well. */
  async #removeNode(id: string): Promise<boolean> {
    try {
      await this.#guest.execute('blockdev-del', { 'node-name': id });
      return true;
    } catch (error) {
      if (String(error).includes('Failed to find node')) return true;
      if (String(error).includes('is in use')) return false;
      throw error;
    }
  }

  #get(property: string): Promise<unknown> {
    return this.#guest.execute('qom-get', { path: `${peripherals}/${pluggedMemoryId}`, property });
  }

  async #set(property: string, value: unknown): Promise<void> {
    await this.#guest.execute('qom-set', { path: `${peripherals}/${pluggedMemoryId}`, property, value });
  }

  /** Ids of what was given on the command line or plugged in since. */
  async #names(): Promise<string[]> {
    return (await this.#guest.execute('qom-list', { path: peripherals })).map(({ name }) => name);
  }

  /** By id or path. A guest that was asked before is not asked again while it thinks. */
  async #askToLetGo(device: string): Promise<void> {
    await this.#guest.execute('device_del', { id: device }).catch((error: unknown) => {
      if (!String(error).includes('already in the process of unplug')) throw error;
    });
  }

  /** False when the time is over first. */
  async #until(timeoutMs: number, condition: () => Promise<boolean>): Promise<boolean> {
    try {
      await waitFor('the guest to follow', condition, { timeoutMs, everyMs: lookEveryMs, clock: this.#clock });
      return true;
    } catch (error) {
      if (error instanceof CaissonError && error.code === 'timeout') return false;
      throw error;
    }
  }
}

function coreOf({ props }: { props: { 'core-id'?: number } }): number {
  return props['core-id'] ?? 0;
}

function numbered(names: readonly string[], prefix: string): number[] {
  return names
    .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)))
    .toSorted((a, b) => a - b);
}

function toMib(bytes: unknown): number {
  if (typeof bytes !== 'number') throw new CaissonError('unavailable', 'QEMU tells a size that is no number');
  return Math.round(bytes / mib);
}
