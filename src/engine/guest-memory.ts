// How much memory a guest is to have now: its wish where all must fit, its share where the site overcommits.
import type { GuestRecord } from '../model/guest-status.ts';
import { memoryStepMib } from '../model/guest-size.ts';
import type { GuestSpec } from '../model/guest.ts';
import { leastMemoryMib, shareMemory } from '../plan/memory-shares.ts';
import type { GuestWiring } from './guest-wiring.ts';

/** `up`: all that run or are about to, the guest among them. The wish when not even the least of all fits: admission then says so. */
export function shareOf({ site, parts }: Pick<GuestWiring, 'site' | 'parts'>, up: readonly GuestRecord[], record: GuestRecord): number {
  const { spec, uid } = record;
  if (!site.overcommitsMemory) return spec.memoryMib;
  const guests = up.map((one) => ({
    uid: one.uid,
    minMib: leastMemoryMib(one.spec),
    sizeMib: one.spec.memoryMib,
    overheadMib: parts.hypervisor.overheadMib(one.spec),
  }));
  const { memoryMib, reserveMib } = parts.host;
  return shareMemory(memoryMib - reserveMib, guests)?.get(uid) ?? leastMemoryMib(spec);
}

/** A size that the guest can have: not below its least, in whole steps. */
export function fitMemory(spec: GuestSpec, memoryMib: number): number {
  if (!spec.memoryRange) return spec.memoryMib;
  const inSteps = Math.floor(memoryMib / memoryStepMib) * memoryStepMib;
  return Math.min(spec.memoryMib, Math.max(spec.memoryRange.minMib, inSteps));
}
