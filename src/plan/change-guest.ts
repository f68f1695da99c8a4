// A guest's wish with other sizes. What cannot be is refused by name, with the way out, before anything is changed. Pure.
import { CaissonError } from '../lib/errors.ts';
import { formatExactSize } from '../lib/units.ts';
import type { GuestChange } from '../model/guest-change.ts';
import { memoryStepMib } from '../model/guest-size.ts';
import type { GuestSpec } from '../model/guest.ts';

/** Throws `invalid`. */
export function changeGuest(name: string, spec: GuestSpec, change: GuestChange): GuestSpec {
  const { memoryMib = spec.memoryMib, cpus = spec.cpus } = change;
  checkMemory(name, spec, memoryMib);
  return {
    ...spec,
    cpus,
    memoryMib,
    ...(change.cpu ? { cpu: { ...spec.cpu, ...change.cpu } } : {}),
    disks: changeDisks(name, spec.disks, change.disks ?? {}),
  };
}

function checkMemory(name: string, { memoryMib: before, memoryRange }: GuestSpec, memoryMib: number): void {
  if (!memoryRange || memoryMib === before) return;
  const { minMib, maxMib } = memoryRange;
  const range = `{ min: ${show(minMib)}, max: ${show(maxMib)} }`;
  if (memoryMib > maxMib)
    refuse(
      `guest ${name} can have ${show(maxMib)} at most (its range is ${range}), not ${show(memoryMib)}; another range is for the site file`,
    );
  if (memoryMib < minMib)
    refuse(
      `guest ${name} cannot be brought below ${show(minMib)} (its range is ${range}), to ${show(memoryMib)}; another range is for the site file`,
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
