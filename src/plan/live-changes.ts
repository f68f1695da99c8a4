// What is to be done to a guest that runs so that it has what is wished, and, in words, what has to wait for its next start. A value: the
// engine carries it out and chooses nothing. Pure.
import type { GuestRecord } from '../model/guest-status.ts';
import { guestNics } from './machine.ts';

/** What the guest has, as its hypervisor tells. */
export interface RunningSizes {
  memory: { boardMib: number; plugged?: { sizeMib: number; requestedMib: number; maxMib: number }; balloonMib: number };
  cpus: number;
  maxCpus: number;
  cpusCanGo: boolean;
  disks: readonly number[];
  nics: readonly number[];
  ports: readonly number[];
  scsi: boolean;
}

export type LiveAction =
  | { kind: 'memory'; plugMib?: number; takenMib: number }
  | { kind: 'cpus'; count: number }
  | { kind: 'attach-disk'; name: string }
  | { kind: 'detach-disk'; name: string; slot: number }
  /** In a zone, which names it; `index` counts the wished nics. */
  | { kind: 'attach-nic'; zone: string; index: number }
  | { kind: 'detach-nic'; slot: number };

export interface LiveChanges {
  actions: LiveAction[];
  /** What its hardware has no place for while it runs, a sentence each. */
  pending: string[];
}

type PlannedRecord = Pick<GuestRecord, 'uid' | 'spec' | 'hardware' | 'addresses' | 'addressesAtStart'>;

/** `memoryMib`: what it is to have now, which may be less than its wish where memory is overcommitted. */
export function planLiveChanges(record: PlannedRecord, running: RunningSizes, memoryMib: number = record.spec.memoryMib): LiveChanges {
  const actions: LiveAction[] = [];
  const pending: string[] = [];
  planMemory(record, running, memoryMib, actions, pending);
  planCpus(record, running, actions, pending);
  planDisks(record, running, actions, pending);
  planNics(record, running, actions, pending);
  pending.push(...otherAddresses(record, running));
  return { actions, pending };
}

/** Of all that it was started with and has got since, without what the balloon has. */
export function memoryOf({ memory }: Pick<RunningSizes, 'memory'>): number {
  return memory.boardMib + (memory.plugged?.sizeMib ?? 0) - memory.balloonMib;
}

/** What it may take of what it was given, whether or not it has. */
export function promisedMemoryOf({ memory }: Pick<RunningSizes, 'memory'>): number {
  const { boardMib, plugged, balloonMib } = memory;
  return boardMib + Math.max(plugged?.sizeMib ?? 0, plugged?.requestedMib ?? 0) - balloonMib;
}

function planMemory(
  { spec, hardware }: Pick<GuestRecord, 'spec' | 'hardware'>,
  { memory }: RunningSizes,
  wantedMib: number,
  actions: LiveAction[],
  pending: string[],
): void {
  const { boardMib, plugged, balloonMib } = memory;
  const change = `memory ${figure(memoryOf({ memory }))} → ${figure(wantedMib)} MiB`;
  if (!spec.memoryRange || hardware.version < 2) {
    if (boardMib + (plugged?.requestedMib ?? 0) - balloonMib !== wantedMib || balloonMib > 0) {
      const why = spec.memoryRange ? 'its hardware is of a version that has no place for it' : 'it has no range { min, max }';
      pending.push(`${change}: at its next start, since ${why}`);
    }
    return;
  }
  // Plugged memory goes first and altogether; only what is still too much then is the balloon's.
  const wantedPlugMib = Math.max(0, wantedMib - boardMib);
  const plugMib = Math.min(wantedPlugMib, plugged?.maxMib ?? 0);
  const takenMib = Math.max(0, boardMib - wantedMib);
  if (wantedPlugMib > plugMib) {
    pending.push(`${change}: ${figure(boardMib + plugMib)} MiB are the most that it can have until its next start`);
  }
  if (plugMib === (plugged?.requestedMib ?? 0) && plugMib === (plugged?.sizeMib ?? 0) && takenMib === balloonMib) return;
  actions.push({ kind: 'memory', ...(plugged ? { plugMib } : {}), takenMib });
}

function planCpus(
  { spec }: Pick<GuestRecord, 'spec'>,
  { cpus, maxCpus, cpusCanGo }: RunningSizes,
  actions: LiveAction[],
  pending: string[],
): void {
  const count = Math.min(spec.cpus, maxCpus);
  if (count < cpus && !cpusCanGo) {
    pending.push(`processors ${cpus} → ${count}: at its next start, since emulated processors are not taken from a QEMU that runs`);
  } else if (count !== cpus) actions.push({ kind: 'cpus', count });
  if (spec.cpus > maxCpus) pending.push(`processors ${cpus} → ${spec.cpus}: ${maxCpus} are the most that it can have until its next start`);
}

function planDisks(
  { spec, hardware }: Pick<GuestRecord, 'spec' | 'hardware'>,
  running: RunningSizes,
  actions: LiveAction[],
  pending: string[],
): void {
  const names = Object.entries(hardware.diskSlots);
  for (const slot of running.disks) {
    const name = names.find(([, other]) => other === slot)?.[0];
    if (name !== undefined && name !== 'root' && !Object.hasOwn(spec.disks, name)) actions.push({ kind: 'detach-disk', name, slot });
  }
  for (const [name, { bus }] of Object.entries(spec.disks)) {
    const slot = hardware.diskSlots[name];
    if (slot === undefined || running.disks.includes(slot)) continue;
    const hasPlace = bus === 'scsi' ? running.scsi : running.ports.includes(slot);
    if (hasPlace) actions.push({ kind: 'attach-disk', name });
    else {
      const why = bus === 'scsi' ? 'it runs without a SCSI controller' : 'all places that it was started with are taken';
      pending.push(`disk ${name}: at its next start, since ${why}`);
    }
  }
}

/** What goes first, so that its place may be taken. */
function planNics(
  { spec, hardware }: Pick<GuestRecord, 'spec' | 'hardware'>,
  running: RunningSizes,
  actions: LiveAction[],
  pending: string[],
): void {
  const gone = running.nics.filter((slot) => !hardware.nicSlots.includes(slot));
  actions.push(...gone.map((slot) => ({ kind: 'detach-nic' as const, slot })));
  for (const [index, { zone }] of spec.nics.entries()) {
    const slot = hardware.nicSlots[index];
    if (slot === undefined || running.nics.includes(slot)) continue;
    if (running.ports.includes(slot) && !running.disks.includes(slot)) actions.push({ kind: 'attach-nic', zone, index });
    else pending.push(`nic in zone ${zone}: at its next start, since all places that it was started with are taken`);
  }
}

/** Its system has those that it was told at its start; one that came while it runs was told none. */
function otherAddresses(record: PlannedRecord, running: RunningSizes): string[] {
  return guestNics(record).flatMap(({ mac, slot, zone, addresses }) => {
    const told = record.addressesAtStart?.[mac];
    if (told === undefined || !running.nics.includes(slot) || told.join() === addresses.join()) return [];
    const change = `addresses ${told.join(' ')} → ${addresses.join(' ')} in zone ${zone}`;
    return [`${change}: at its next start, since its system was told the former; what passes is that of the latter already`];
  });
}

function figure(mib: number): string {
  return mib.toLocaleString('en');
}
