// A guest's record → the machine that the hypervisor is told. Pure.
import { familyOf } from '../model/address.ts';
import type { GuestRecord } from '../model/guest-status.ts';
import type { GuestSpec } from '../model/guest.ts';
import type { Machine, MachineDisk, MachineNic } from '../model/machine.ts';

type DiskSpec = GuestSpec['disks'][string];

export interface GuestFolders {
  /** Of the disks, the seed and the logs. */
  data: string;
  /** Of the sockets. */
  sockets: string;
}

export function tapName(uid: string, index: number): string {
  return `cs${uid}${index}`;
}

/** A nic of a guest with all that was decided for it. */
export interface GuestNic {
  zone: string;
  addresses: readonly string[];
  mac: string;
  tap: string;
  slot: number;
}

/** In their order, the first of a family being the way to everywhere else. */
export function guestNics({ uid, spec, hardware, addresses }: Pick<GuestRecord, 'uid' | 'spec' | 'hardware' | 'addresses'>): GuestNic[] {
  return spec.nics.map(({ zone }, index) => ({
    zone,
    addresses: addresses[index] ?? [],
    mac: hardware.macs[index] as string,
    tap: tapName(uid, hardware.nicNumbers[index] as number),
    slot: hardware.nicSlots[index] as number,
  }));
}

/** The taps that a process of the guest has: those of its nics, and of such as the wish has no more. */
export function tapsOfProcess(record: Pick<GuestRecord, 'uid' | 'spec' | 'hardware' | 'addresses' | 'tapsAtStart'>): readonly string[] {
  return record.tapsAtStart ?? guestNics(record).map(({ tap }) => tap);
}

export function machineNic({ mac, tap, slot }: GuestNic): MachineNic {
  return { mac, tap, mtu: 1500, slot };
}

export function diskPath(folders: GuestFolders, disk: string): string {
  return `${folders.data}/${disk}.qcow2`;
}

export function seedPath(folders: GuestFolders): string {
  return `${folders.data}/seed.iso`;
}

/** One of a guest's disks that the wish has. */
export function machineDisk({ hardware, spec }: Pick<GuestRecord, 'hardware' | 'spec'>, folders: GuestFolders, name: string): MachineDisk {
  return {
    name,
    path: diskPath(folders, name),
    format: 'qcow2',
    serial: hardware.serials[name] as string,
    bus: (spec.disks[name] as DiskSpec).bus,
    readOnly: false,
    slot: hardware.diskSlots[name] as number,
  };
}

export interface MachineOptions {
  accelerator: 'kvm' | 'tcg';
  /** Of the root disk. */
  imagePath?: string;
  /** What it is given now: its wish, or less where memory is overcommitted. */
  memoryMib?: number;
}

export function machineOf(record: GuestRecord, folders: GuestFolders, { accelerator, imagePath, memoryMib }: MachineOptions): Machine {
  const { hardware, spec } = record;
  const disks = Object.keys(spec.disks)
    .toSorted((a, b) => (hardware.diskSlots[a] ?? 0) - (hardware.diskSlots[b] ?? 0))
    .map((name): MachineDisk => ({
      ...machineDisk(record, folders, name),
      ...(name === 'root' && imagePath !== undefined ? { backingPath: imagePath } : {}),
    }));
  return {
    uid: record.uid,
    name: record.name,
    hardwareVersion: hardware.version,
    machineType: hardware.machineType,
    cpuModel: hardware.cpuModel,
    accelerator,
    cpus: spec.cpus,
    maxCpus: Math.max(spec.cpus, hardware.maxCpus),
    ...memoryAtStart(record, memoryMib),
    firmware: spec.firmware,
    uuid: hardware.uuid,
    generationId: hardware.generationId,
    display: spec.display,
    disks,
    nics: guestNics(record).map(machineNic),
    seedPath: seedPath(folders),
    ...(spec.firmware === 'uefi' ? { nvramPath: `${folders.data}/nvram.fd` } : {}),
    socketFolder: folders.sockets,
    consoleLogPath: `${folders.data}/console.log`,
  };
}

/** From this size on Linux handles memory in blocks of 2 GiB, below in such of 128 MiB. */
const largeBlocksFromMib = 64 * 1024;

/**
 * What a guest's memory is at its start. With a range it boots with the least and gets the rest plugged in, so that all of it can go
 * again; one whose system cannot follow (`memoryFollows`), or that is not known to have a driver, boots with its whole size, and gives
 * by its balloon.
 */
export function memoryAtStart(
  { hardware, spec, memoryFollows }: MemoryRecord,
  memoryMib = spec.memoryMib,
): Pick<Machine, 'memoryMib' | 'plugged'> {
  const { memoryRange } = spec;
  if (!memoryRange || hardware.version < 2 || spec.os !== 'linux') return { memoryMib };
  const bootMib = memoryFollows === false ? memoryMib : memoryRange.minMib;
  // A last block that the place does not hold whole is never used.
  const blockMib = bootMib < largeBlocksFromMib ? 128 : 2048;
  const maxMib = Math.ceil((memoryRange.maxMib - bootMib) / blockMib) * blockMib;
  return maxMib === 0 ? { memoryMib } : { memoryMib: bootMib, plugged: { sizeMib: memoryMib - bootMib, maxMib } };
}

type MemoryRecord = { hardware: Pick<GuestRecord['hardware'], 'version'> } & Pick<GuestRecord, 'memoryFollows'> & {
    spec: Pick<GuestRecord['spec'], 'memoryMib' | 'memoryRange' | 'os'>;
  };

/** The address that the guest's service is asked at. */
export function serviceAddress(record: Pick<GuestRecord, 'addresses'>): string | undefined {
  const addresses = record.addresses.flat();
  return addresses.find((address) => familyOf(address) === 4) ?? addresses[0];
}
