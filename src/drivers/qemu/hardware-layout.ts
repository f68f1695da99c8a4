// Where every device of a guest sits, for ever: a guest that meets its devices elsewhere may lose its network name or its
// licence, and a saved state can only be loaded into the same layout. Numbers are PCI device numbers on the root bus;
// 0x00 and 0x1f belong to the chipset. Nothing here may change for an existing guest: add, never move.

export const address = {
  display: '0x1',
  random: '0x2',
  balloon: '0x3',
  serialPorts: '0x4',
  usb: '0x5',
  panic: '0x6',
  /** Memory that comes and goes (virtio-mem), where the guest has a range; from hardware version 2 on. */
  pluggedMemory: '0x7',
  /** The controller of the disks whose bus is SCSI, where there are any. */
  scsi: '0x8',
} as const;

/** Disks and nics sit behind root ports made beforehand, eight functions to a device: slots 0 … 23 are 0x10.0 … 0x12.7. */
const firstPortDevice = 0x10;
const portsPerBlock = 8;
const maxSlots = 24;

/** The seed has a port of its own, after all others: on the root bus it would be found before the root disk and be `vda`. */
export const seedSlot = 24;

export interface RootPort {
  id: string;
  /** `device.function` on the root bus. */
  address: string;
  chassis: number;
  /** The first function of a device announces the others. */
  isMultifunction: boolean;
}

export function rootPortId(slot: number): string {
  return `port${slot}`;
}

/**
 * Every root port of a guest whose disks and nics sit in `slots`: the block 0 … 7, and each other block that is used;
 * a guest with a seed counts `seedSlot` as used. So a plug into a port that is there never changes which ports there are.
 */
export function rootPorts(slots: readonly number[]): RootPort[] {
  const blocks = new Set([0, ...slots.map((slot) => Math.floor(slot / portsPerBlock))]);
  return Array.from({ length: maxSlots + 1 }, (_, slot) => slot)
    .filter((slot) => blocks.has(Math.floor(slot / portsPerBlock)))
    .map((slot) => ({
      id: rootPortId(slot),
      address: `0x${(firstPortDevice + Math.floor(slot / portsPerBlock)).toString(16)}.${slot % portsPerBlock}`,
      chassis: slot + 1,
      isMultifunction: slot % portsPerBlock === 0 && slot !== seedSlot,
    }));
}

/** A SCSI disk has a number of the same kind, as its unit on the controller instead of a root port. */
export function isSlot(slot: number): boolean {
  return Number.isInteger(slot) && slot >= 0 && slot < maxSlots;
}
