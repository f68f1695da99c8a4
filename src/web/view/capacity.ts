// How much more the host can promise. The same sum as the engine’s when it admits a guest. Pure.
import type { Guest } from '../../model/guest-status.ts';
import type { Host } from '../../model/host.ts';

export interface Capacity {
  totalMib: number;
  reserveMib: number;
  promisedMib: number;
  freeMib: number;
  /** Guests as large as the middle one of those that run, that would still fit; absent without any. */
  roomFor: { guests: number; memoryMib: number } | undefined;
}

export function capacityOf(host: Pick<Host, 'memory' | 'guests'>, guests: readonly Guest[]): Capacity {
  const { totalMib, reserveMib, promisedMib, freeMib } = host.memory;
  const running = guests.filter(({ status }) => status.has !== undefined).toSorted((a, b) => sizeOf(a) - sizeOf(b));
  const middle = running[Math.floor((running.length - 1) / 2)];
  return { totalMib, reserveMib, promisedMib, freeMib, roomFor: middle && roomFor(host, running, sizeOf(middle)) };
}

/** Bytes that the guests' disks may still take, being taken only as they are written to. */
export function diskGrowth(guests: readonly Guest[]): number {
  return guests
    .flatMap(({ status }) => status.disks)
    .reduce((sum, { sizeBytes, allocatedBytes = 0 }) => sum + Math.max(0, sizeBytes - allocatedBytes), 0);
}

function roomFor(host: Pick<Host, 'memory'>, running: readonly Guest[], memoryMib: number): { guests: number; memoryMib: number } {
  // What QEMU itself takes for a guest is what the host has promised beyond the guests’ own memory.
  const own = running.reduce((sum, guest) => sum + sizeOf(guest), 0);
  const overheadMib = Math.max(0, host.memory.promisedMib - own) / running.length;
  return { guests: Math.max(0, Math.floor(host.memory.freeMib / (memoryMib + overheadMib))), memoryMib };
}

function sizeOf({ status, spec }: Guest): number {
  return status.has?.promisedMib ?? spec.memoryMib;
}
