// Can this host carry the site at all? Asked before anything of it is written: what can never run is refused with the arithmetic. Pure.
import type { Site } from '../model/site.ts';
import { leastMemoryMib } from './memory-shares.ts';

export interface HostSize {
  cpus: number;
  memoryMib: number;
  reserveMib: number;
}

export interface Misfit {
  message: string;
  details?: { neededMib: number; roomMib: number };
}

/** Undefined when it fits. `overheadMib`: QEMU's own of a guest. */
export function findMisfit(
  site: Pick<Site, 'guests' | 'overcommitMemory'>,
  host: HostSize,
  overheadMib: (spec: Site['guests'][string]) => number,
): Misfit | undefined {
  for (const [name, { cpus, cpu }] of Object.entries(site.guests)) {
    if (cpus > host.cpus)
      return { message: `guest ${name} wants ${cpus} processors, this host has ${host.cpus}: give it ${host.cpus} at most` };
    const beyond = cpu?.pin?.find((processor) => processor >= host.cpus);
    if (beyond !== undefined)
      return { message: `guest ${name} is to run on processor ${beyond}, this host has 0 to ${host.cpus - 1}: take it out of “pin”` };
  }
  return findMemoryMisfit(site, host, overheadMib);
}

/** Every guest that starts by itself must fit at once; where memory is overcommitted, with the least that it can be brought down to. */
function findMemoryMisfit(
  { guests, overcommitMemory }: Pick<Site, 'guests' | 'overcommitMemory'>,
  host: HostSize,
  overheadMib: (spec: Site['guests'][string]) => number,
): Misfit | undefined {
  const needs = Object.entries(guests)
    .filter(([, spec]) => spec.autostart)
    .map(([name, spec]) => ({ name, mib: (overcommitMemory ? leastMemoryMib(spec) : spec.memoryMib) + overheadMib(spec) }));
  const neededMib = needs.reduce((sum, need) => sum + need.mib, 0);
  const roomMib = host.memoryMib - host.reserveMib;
  if (neededMib <= roomMib) return undefined;
  const figure = (mib: number) => mib.toLocaleString('en');
  const largest = needs.toSorted((a, b) => b.mib - a.mib).slice(0, 3);
  return {
    message: `the guests that start by themselves need ${figure(neededMib)} MiB${overcommitMemory ? ' at least,' : ''} with QEMU’s own, this host can promise ${figure(roomMib)} (${figure(host.memoryMib)} − ${figure(host.reserveMib)} reserve); the largest: ${largest.map(({ name, mib }) => `${name} ${figure(mib)}`).join(', ')}`,
    details: { neededMib, roomMib },
  };
}
