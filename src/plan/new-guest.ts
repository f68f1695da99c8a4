// What is decided once, when a guest is created: its identity and the hardware that it will see for its life. Pure but for the
// random source.
import { newMac, newUid, newUuid, type RandomSource } from '../lib/ids.ts';
import { addressFromBigInt, cidrBounds, cidrContains, familyOf, parseCidr, type Cidr } from '../model/address.ts';
import { CaissonError } from '../lib/errors.ts';
import type { GuestHardware, GuestRecord } from '../model/guest-status.ts';
import type { GuestSpec } from '../model/guest.ts';
import { type Zone, zoneAddressesOfHost } from '../model/zone.ts';

/** Root ports are counted from 0; the first eight are always there. The nic has the last of those, disks take the lowest free one. */
const nicSlot = 7;
const slots = 24;
const leastMaxCpus = 8;

/**
 * Of guests made now. 1: without versions; memory taken back when it runs short. 2: a place for memory that comes and goes; what the
 * balloon has taken stays with the host. 3: the watchdog of the chipset works.
 */
export const hardwareVersion = 3;

export interface NewGuestContext {
  random: RandomSource;
  machineType: string;
  cpuModel: string;
  userId: number;
  now: number;
  zone: Zone;
  /** Addresses that other guests have. */
  taken: ReadonlySet<string>;
}

export function newGuestRecord(name: string, spec: GuestSpec, context: NewGuestContext): GuestRecord {
  const { random } = context;
  const uid = newUid('g', random);
  const hardware: GuestHardware = {
    version: hardwareVersion,
    machineType: context.machineType,
    cpuModel: context.cpuModel,
    uuid: newUuid(random),
    generationId: newUuid(random),
    macs: [newMac(random)],
    serials: {},
    diskSlots: {},
    nicSlots: [nicSlot],
    maxCpus: Math.max(leastMaxCpus, spec.cpus),
  };
  return {
    uid,
    name,
    spec,
    wantedPower: spec.autostart ? 'running' : 'stopped',
    userId: context.userId,
    generation: 1,
    hardware: withDisksOf(hardware, uid, spec),
    addresses: completeAddresses(name, spec, context.zone, context.taken),
    disksMade: [],
    createdAt: new Date(context.now).toISOString(),
  };
}

/** What the guest reads as the disk's serial number, at most 20 characters: stable, and telling in `/dev/disk/by-id`. */
function serialOf(uid: string, disk: string): string {
  return `${disk.slice(0, 8)}-${uid}`;
}

/** Adds hardware places for disks that the wish has and the record does not, the root disk first; nothing that is placed moves. */
export function withDisksOf(hardware: GuestHardware, uid: string, spec: GuestSpec): GuestHardware {
  const used = new Set([...hardware.nicSlots, ...Object.values(hardware.diskSlots)]);
  const diskSlots = { ...hardware.diskSlots };
  const serials = { ...hardware.serials };
  const others = Object.keys(spec.disks).filter((disk) => disk !== 'root');
  for (const disk of ['root', ...others.toSorted()]) {
    if (disk in diskSlots) continue;
    const slot = Array.from({ length: slots }, (_, index) => index).find((index) => !used.has(index));
    if (slot === undefined) throw new CaissonError('invalid', `a guest has at most ${slots - hardware.nicSlots.length} disks`);
    used.add(slot);
    diskSlots[disk] = slot;
    serials[disk] = serialOf(uid, disk);
  }
  return { ...hardware, diskSlots, serials };
}

/**
 * The wished addresses, and for each family of the zone without one the lowest free address. Addresses given before stay where the
 * wish does not speak against them. Throws `no-capacity` when the zone's pool is empty.
 */
export function completeAddresses(
  name: string,
  spec: GuestSpec,
  zone: Zone,
  taken: ReadonlySet<string>,
  before: readonly string[] = [],
): string[] {
  const addresses = [...spec.addresses];
  const hostAddresses = new Set(zoneAddressesOfHost(zone));
  for (const text of zone.subnets) {
    const cidr = parseCidr(text) as Cidr;
    if (addresses.some((address) => familyOf(address) === cidr.family)) continue;
    const kept = before.find((address) => cidrContains(cidr, address) && !taken.has(address) && !hostAddresses.has(address));
    addresses.push(kept ?? lowestFree(name, spec.zone, cidr, (address) => taken.has(address) || hostAddresses.has(address)));
  }
  return addresses;
}

function lowestFree(guest: string, zone: string, cidr: Cidr, isTaken: (address: string) => boolean): string {
  const { first, last } = cidrBounds(cidr);
  // Below .10 people expect routers and the like; small subnets use what there is.
  const start = last - first > 32n ? first + 10n : first + 1n;
  for (let value = start; value < last; value++) {
    const address = addressFromBigInt(cidr.family, value);
    if (!isTaken(address)) return address;
  }
  for (let value = first + 1n; value < start; value++) {
    const address = addressFromBigInt(cidr.family, value);
    if (!isTaken(address)) return address;
  }
  throw new CaissonError(
    'no-capacity',
    `zone “${zone}” has no free IPv${cidr.family} address for guest “${guest}” (${cidr.base}/${cidr.prefixLength} is full)`,
  );
}
