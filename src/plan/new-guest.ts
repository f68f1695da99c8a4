// What is decided once, when a guest is created: its identity and the hardware that it will see for its life. Pure but for the
// random source.
import { newMac, newUid, newUuid, type RandomSource } from '../lib/ids.ts';
import { CaissonError } from '../lib/errors.ts';
import type { GuestHardware, GuestRecord } from '../model/guest-status.ts';
import type { GuestSpec, NicSpec } from '../model/guest.ts';

/**
 * Root ports are counted from 0, in blocks of eight; the first block is always there. Disks take the first free, a new guest's nics the
 * second half, so that another one finds a place behind them while the guest runs.
 */
const slots = 24;
const block = 8;
const firstNicSlot = 4;
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
  /** Of each nic. */
  addresses: readonly (readonly string[])[];
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
    macs: [],
    serials: {},
    diskSlots: {},
    nicSlots: [],
    nicNumbers: [],
    maxCpus: Math.max(leastMaxCpus, spec.cpus),
  };
  return {
    uid,
    name,
    spec,
    wantedPower: spec.autostart ? 'running' : 'stopped',
    userId: context.userId,
    generation: 1,
    hardware: withDisksOf(withNicsOf(hardware, [], spec, random), uid, spec),
    addresses: context.addresses.map((own) => [...own]),
    disksMade: [],
    createdAt: new Date(context.now).toISOString(),
  };
}

/** What the guest reads as the disk's serial number, at most 20 characters: stable, and telling in `/dev/disk/by-id`. */
function serialOf(uid: string, disk: string): string {
  return `${disk.slice(0, 8)}-${uid}`;
}

/**
 * The places of the wished nics. One that stays in its zone keeps card, slot and tap; one that has none yet takes over what a nic of before
 * leaves, in order, so that a guest that moves to another zone has its card still; only what is more is new.
 */
export function withNicsOf(hardware: GuestHardware, before: readonly NicSpec[], spec: GuestSpec, random: RandomSource): GuestHardware {
  const places = hardware.macs.map((mac, index) => ({
    zone: before[index]?.zone,
    mac,
    slot: hardware.nicSlots[index] as number,
    number: hardware.nicNumbers[index] as number,
  }));
  const isWished = (zone: string | undefined) => spec.nics.some((nic) => nic.zone === zone);
  const left = places.filter(({ zone }) => !isWished(zone));
  const usedSlots = new Set([...hardware.nicSlots, ...Object.values(hardware.diskSlots)]);
  const usedNumbers = new Set(hardware.nicNumbers);
  const nics = spec.nics.map(({ zone }) => {
    const place = places.find((each) => each.zone === zone) ?? left.shift();
    if (place) return place;
    const slot = nextNicSlot(usedSlots, hardware, spec);
    const number = Array.from({ length: slots }, (_, index) => index).find((index) => !usedNumbers.has(index)) as number;
    if (slot === undefined) throw new CaissonError('invalid', `a guest has at most ${slots} disks and nics`);
    usedSlots.add(slot);
    usedNumbers.add(number);
    return { mac: newMac(random), slot, number };
  });
  return {
    ...hardware,
    macs: nics.map(({ mac }) => mac),
    nicSlots: nics.map(({ slot }) => slot),
    nicNumbers: nics.map(({ number }) => number),
  };
}

/** Behind every nic that there is: a guest that counts its interfaces as it finds them finds the ones of before first. */
function nextNicSlot(used: ReadonlySet<number>, { nicSlots }: GuestHardware, spec: GuestSpec): number | undefined {
  const free = Array.from({ length: slots }, (_, index) => index).filter((index) => !used.has(index));
  const first = nicSlots.length === 0 ? Math.min(firstNicSlot, block - spec.nics.length) : Math.max(...nicSlots) + 1;
  return free.find((slot) => slot >= first) ?? free.at(-1);
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
