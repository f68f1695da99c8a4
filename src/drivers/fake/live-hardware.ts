// A fake guest's hardware: it follows at once, or, where its behaviour says so, not at all.
import { CaissonError } from '../../lib/errors.ts';
import type { MachineDisk, MachineNic } from '../../model/machine.ts';
import type { Limits } from '../limits.ts';
import type { LiveHardware, LiveState } from '../live-hardware.ts';
import type { FakeBehaviour, FakeHost, FakeProcess } from './fake-host.ts';

export class FakeHardware implements LiveHardware {
  readonly #host: FakeHost;
  readonly #uid: string;

  constructor(host: FakeHost, uid: string) {
    this.#host = host;
    this.#uid = uid;
  }

  async read(): Promise<LiveState> {
    return structuredClone(this.#process().live);
  }

  async plugMemory(sizeMib: number, timeoutMs: number): Promise<number> {
    const { plugged } = this.#process().live.memory;
    if (!plugged || sizeMib > plugged.maxMib) throw new CaissonError('failed', `QEMU refused qom-set: no place for ${sizeMib} MiB`);
    plugged.requestedMib = sizeMib;
    if (this.#follows.memory) plugged.sizeMib = sizeMib;
    else await this.#host.clock.sleep(timeoutMs);
    return plugged.sizeMib;
  }

  async fillBalloon(takenMib: number, timeoutMs: number): Promise<number> {
    const { memory } = this.#process().live;
    if (this.#follows.balloon) memory.balloonMib = takenMib;
    else await this.#host.clock.sleep(timeoutMs);
    return memory.balloonMib;
  }

  async setCpus(count: number, timeoutMs: number): Promise<{ cpus: number; online?: number }> {
    const { live, machine } = this.#process();
    const most = Math.min(count, machine.maxCpus);
    if (this.#follows.cpus || most > live.cpus) live.cpus = most;
    else await this.#host.clock.sleep(timeoutMs);
    return { cpus: live.cpus, ...(this.#follows.cpus ? { online: live.cpus } : {}) };
  }

  async attachDisk(disk: MachineDisk): Promise<void> {
    const { slot, bus } = disk;
    const { live, disks } = this.#process();
    if (live.disks.includes(slot)) return;
    if (bus === 'scsi' ? !live.scsi : !live.ports.includes(slot))
      throw new CaissonError('failed', `QEMU refused device_add: no place ${slot}`);
    live.disks = [...live.disks, slot].toSorted((a, b) => a - b);
    disks.push(disk);
  }

  async detachDisk({ slot }: Pick<MachineDisk, 'slot'>, timeoutMs: number): Promise<boolean> {
    const { live } = this.#process();
    if (!live.disks.includes(slot)) return true;
    if (!this.#follows.disks) {
      await this.#host.clock.sleep(timeoutMs);
      return false;
    }
    live.disks = live.disks.filter((one) => one !== slot);
    return true;
  }

  async attachNic({ slot }: MachineNic): Promise<void> {
    const { live } = this.#process();
    if (live.nics.includes(slot)) return;
    if (!live.ports.includes(slot) || live.disks.includes(slot))
      throw new CaissonError('failed', `QEMU refused device_add: no place ${slot}`);
    live.nics = [...live.nics, slot].toSorted((a, b) => a - b);
  }

  async detachNic({ slot }: Pick<MachineNic, 'slot'>, timeoutMs: number): Promise<boolean> {
    const { live } = this.#process();
    if (!live.nics.includes(slot)) return true;
    if (!this.#follows.nics) {
      await this.#host.clock.sleep(timeoutMs);
      return false;
    }
    live.nics = live.nics.filter((one) => one !== slot);
    return true;
  }

  async growDisk({ slot }: Pick<MachineDisk, 'slot'>, sizeMib: number): Promise<void> {
    const { live, disks } = this.#process();
    const disk = disks.findLast((one) => one.slot === slot);
    if (!disk || !live.disks.includes(slot)) throw new CaissonError('failed', `QEMU refused block_resize: no disk ${slot}`);
    await this.#host.onDiskGrown?.(this.#uid, disk.name, sizeMib);
  }

  async limit(limits: Limits): Promise<void> {
    const process = this.#process();
    const usedMib = Math.ceil(this.#host.behaviour(this.#uid).usedBytes / (1024 * 1024));
    if (limits.memoryMib < usedMib)
      throw new CaissonError('not-allowed', `guest ${this.#uid} uses ${usedMib} MiB, more than the ${limits.memoryMib} it shall have`);
    process.limits = limits;
  }

  get #follows(): FakeBehaviour['follows'] {
    return this.#host.behaviour(this.#uid).follows;
  }

  #process(): FakeProcess {
    const process = this.#host.process(this.#uid);
    if (process.isFrozen) throw new CaissonError('timeout', `QEMU of guest ${this.#uid} says nothing`);
    return process;
  }
}
