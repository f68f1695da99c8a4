// How much memory each guest has, of what the host can promise. Where all of it must fit, each has its size. Where the site overcommits, guests
// with a range are brought down towards their least, all by the same part of what they could give, as far as it takes; and up again
// when there is room. Pure.
import { memoryStepMib } from '../model/guest-size.ts';
import type { GuestSpec } from '../model/guest.ts';

export interface SharingGuest {
  uid: string;
  /** It cannot be brought below. */
  minMib: number;
  sizeMib: number;
  overheadMib: number;
}

/** By uid. Undefined when not even the least of all fits. */
export function shareMemory(roomMib: number, guests: readonly SharingGuest[]): Map<string, number> | undefined {
  const sum = (value: (guest: SharingGuest) => number) => guests.reduce((total, guest) => total + value(guest), 0);
  const leastMib = sum(({ minMib, overheadMib }) => minMib + overheadMib);
  if (leastMib > roomMib) return undefined;
  const couldGiveMib = sum(({ minMib, sizeMib }) => sizeMib - minMib);
  const part = couldGiveMib === 0 ? 1 : Math.min(1, (roomMib - leastMib) / couldGiveMib);
  return new Map(
    guests.map(({ uid, minMib, sizeMib }) => {
      const aboveMib = Math.floor(((sizeMib - minMib) * part) / memoryStepMib) * memoryStepMib;
      return [uid, part === 1 ? sizeMib : minMib + aboveMib];
    }),
  );
}

/** The least memory that a guest can be brought down to while it runs. */
export function leastMemoryMib({ memoryMib, memoryRange }: Pick<GuestSpec, 'memoryMib' | 'memoryRange'>): number {
  return memoryRange?.minMib ?? memoryMib;
}
