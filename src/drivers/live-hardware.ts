// The contract of a running guest's hardware: what can change of it while it runs. Nothing here waits for ever for the guest: a system that does
// not follow is an answer, not an error. Part of the hypervisor's contract.
import type { MachineDisk, MachineNic } from '../model/machine.ts';
import type { Limits } from './limits.ts';

/** What a running guest has, as its process says, never as it was asked for. */
export interface LiveState {
  memory: {
    /** There since it was started. */
    boardMib: number;
    /** Absent: it has no place for memory that comes and goes. */
    plugged?: { sizeMib: number; requestedMib: number; maxMib: number };
    /** What its balloon has taken from it. */
    balloonMib: number;
  };
  cpus: number;
  maxCpus: number;
  /** Whether taking processors away is safe for its process. */
  cpusCanGo: boolean;
  /** Slots of its disks. */
  disks: number[];
  /** Slots of its nics. */
  nics: number[];
  /** Root ports that there are; what sits in one is in `disks` or `nics`, or the seed. */
  ports: number[];
  /** It has a controller for SCSI disks. */
  scsi: boolean;
}

export interface LiveHardware {
  read(): Promise<LiveState>;
  /** Asks the guest to take or give memory, and waits. What is plugged in then, MiB. */
  plugMemory(sizeMib: number, timeoutMs: number): Promise<number>;
  /** Asks the balloon to take so much, and waits. What it has taken then, MiB. */
  fillBalloon(takenMib: number, timeoutMs: number): Promise<number>;
  /** Plugs or unplugs processors, and waits. How many there are then, and how many of them its system uses, where an agent tells. */
  setCpus(count: number, timeoutMs: number): Promise<{ cpus: number; online?: number }>;
  /** Does nothing when it is there. */
  attachDisk(disk: MachineDisk, options: { userId: number; maxCpus: number }): Promise<void>;
  /** Asks the guest to let go of it, and waits. False when it does not, and has the disk. */
  detachDisk(disk: Pick<MachineDisk, 'slot' | 'path'>, timeoutMs: number): Promise<boolean>;
  /**
   * Does nothing when it is there. Its tap is not connected: until the network does that, nothing passes. Nothing is left of one that
   * fails.
   */
  attachNic(nic: MachineNic, options: { userId: number }): Promise<void>;
  /** Asks the guest to let go of it, and waits. False when it does not, and has the nic. Its tap is the network's to remove. */
  detachNic(nic: Pick<MachineNic, 'slot'>, timeoutMs: number): Promise<boolean>;
  growDisk(disk: Pick<MachineDisk, 'slot'>, sizeMib: number): Promise<void>;
  /** Other limits of its process, from now on. */
  limit(limits: Limits): Promise<void>;
}
