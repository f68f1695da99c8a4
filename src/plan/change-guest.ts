// A guest's wish with other sizes and nics. What cannot be is refused by name, with the way out, before anything is changed. Pure.
import { CaissonError } from '../lib/errors.ts';
import { formatExactSize } from '../lib/units.ts';
import type { GuestChange } from '../model/guest-change.ts';
import { type MemoryRange, memoryStepMib } from '../model/guest-size.ts';
import { type GuestSpec, mostNics } from '../model/guest.ts';

/** Throws `invalid`. */
export function changeGuest(name: string, spec: GuestSpec, change: GuestChange): GuestSpec {
  const { cpus = spec.cpus } = change;
  const { memoryMib, memoryRange } = changeMemory(name, spec, change);
  const { memoryRange: _before, ...others } = spec;
  return {
    ...(memoryRange ? spec : others),
    cpus,
    memoryMib,
    ...(memoryRange && { memoryRange }),
    nics: changeNics(name, spec.nics, change.nics ?? {}),
    ...(change.cpu ? { cpu: { ...spec.cpu, ...change.cpu } } : {}),
    disks: changeDisks(name, spec.disks, change.disks ?? {}),
  };
}

/** A new range comes with what it is to have; where nothing is said, with what it has, as far as that lies within. */
function changeMemory(name: string, spec: GuestSpec, change: GuestChange): { memoryMib: number; memoryRange: GuestSpec['memoryRange'] } {
  const isNew = change.memoryRange !== undefined;
  const memoryRange = isNew ? (change.memoryRange ?? undefined) : spec.memoryRange;
  const kept = isNew && memoryRange ? Math.min(Math.max(spec.memoryMib, memoryRange.minMib), memoryRange.maxMib) : spec.memoryMib;
  const { memoryMib = kept } = change;
  const sizes =
    isNew && memoryRange ? [memoryRange.minMib, memoryRange.maxMib, memoryMib] : memoryMib === spec.memoryMib ? [] : [memoryMib];
  if (memoryRange) for (const mib of sizes) checkMemory(name, memoryRange, mib);
  return { memoryMib, memoryRange };
}

function changeNics(name: string, before: GuestSpec['nics'], changes: NonNullable<GuestChange['nics']>): GuestSpec['nics'] {
  let nics = [...before];
  for (const [zone, change] of Object.entries(changes)) {
    const isThere = nics.some((nic) => nic.zone === zone);
    if (change === null) {
      if (!isThere) refuse(`guest ${name} has no nic in zone ${zone}; it has one in ${nics.map((nic) => nic.zone).join(', ')}`);
      nics = nics.filter((nic) => nic.zone !== zone);
    } else if (isThere) nics = nics.map((nic) => (nic.zone === zone ? { zone, addresses: change.addresses } : nic));
    else nics = [...nics, { zone, addresses: change.addresses }];
  }
  if (nics.length === 0) refuse(`guest ${name} would have no nic left: give it another one in the same change`);
  if (nics.length > mostNics) refuse(`guest ${name} would have ${nics.length} nics; ${mostNics} are the most`);
  return nics;
}

function checkMemory(name: string, { minMib, maxMib }: MemoryRange, memoryMib: number): void {
  const range = `{ min: ${show(minMib)}, max: ${show(maxMib)} }`;
  if (memoryMib > maxMib)
    refuse(
      `guest ${name} can have ${show(maxMib)} at most (its range is ${range}), not ${show(memoryMib)}; another range is for its next start`,
    );
  if (memoryMib < minMib)
    refuse(
      `guest ${name} cannot be brought below ${show(minMib)} (its range is ${range}), to ${show(memoryMib)}; another range is for its next start`,
    );
  if (memoryMib % memoryStepMib !== 0) refuse(`memory with a range comes in steps of ${show(memoryStepMib)}, ${show(memoryMib)} does not`);
}

function changeDisks(name: string, before: GuestSpec['disks'], changes: NonNullable<GuestChange['disks']>): GuestSpec['disks'] {
  const disks = { ...before };
  for (const [disk, change] of Object.entries(changes)) {
    const found = before[disk];
    if (change === null) {
      if (disk === 'root') refuse(`the root disk of guest ${name} cannot be taken out: the guest boots from it`);
      if (!found) refuse(`guest ${name} has no disk “${disk}”; it has ${Object.keys(before).join(', ')}`);
      delete disks[disk];
      continue;
    }
    const { sizeMib, bus = found?.bus ?? 'virtio' } = change;
    if (found && bus !== found.bus) refuse(`disk “${disk}” of guest ${name} is on bus ${found.bus}; another bus is for the site file`);
    if (found && sizeMib < found.sizeMib)
      refuse(
        `disk “${disk}” of guest ${name} has ${show(found.sizeMib)} and cannot shrink to ${show(sizeMib)}: add a smaller disk of another name`,
      );
    disks[disk] = { sizeMib, bus };
  }
  return disks;
}

function show(mib: number): string {
  return formatExactSize(mib * 1024 * 1024);
}

function refuse(message: string): never {
  throw new CaissonError('invalid', message);
}
