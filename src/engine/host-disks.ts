// Does a disk of the host run full? Guests’ disks take space as they are written to, and a guest that finds none is paused: so it is told before.
// Told once, until there is clearly enough again.
import type { DiskSpace } from '../drivers/host-sensors.ts';
import { formatSize } from '../lib/units.ts';
import type { HostDisk } from '../model/host-disk.ts';
import type { Events } from './events.ts';
import type { EngineParts } from './parts.ts';

/** Of a disk, what should at least be left; of a large one it may be less. */
const leastPart = 1 / 20;
const leastBytes = 10 * 1024 ** 3;
/** It is over when there is that much more than the least. */
const enough = 1.25;

export class HostDisks {
  readonly #parts: Pick<EngineParts, 'sensors'>;
  readonly #events: Events;
  readonly #low = new Set<string>();

  constructor(options: { parts: Pick<EngineParts, 'sensors'>; events: Events }) {
    this.#parts = options.parts;
    this.#events = options.events;
  }

  async look(): Promise<void> {
    for (const disk of await this.#parts.sensors.disks()) {
      const { path } = disk;
      const problem = shortOfSpace(disk);
      if (problem !== undefined && !this.#low.has(path)) {
        this.#low.add(path);
        this.#events.emit({ kind: 'host-disk-low', severity: 'warning', message: problem });
      } else if (this.#low.has(path) && disk.freeBytes >= leastOf(disk) * enough) {
        this.#low.delete(path);
        this.#events.emit({ kind: 'host-disk-low', message: `the disk of ${path} has enough space again: ${formatSize(disk.freeBytes)}` });
      }
    }
  }
}

export function viewDisk(disk: DiskSpace): HostDisk {
  const problem = shortOfSpace(disk);
  return { ...disk, ...(problem === undefined ? {} : { problem }) };
}

function leastOf({ sizeBytes }: DiskSpace): number {
  return Math.min(sizeBytes * leastPart, leastBytes);
}

/** Undefined when there is enough. Pure. */
export function shortOfSpace(disk: DiskSpace): string | undefined {
  const { path, sizeBytes, freeBytes } = disk;
  if (freeBytes >= leastOf(disk)) return undefined;
  return `the disk of ${path} has ${formatSize(freeBytes)} left of ${formatSize(sizeBytes)}: a guest that finds no space is paused; make space there, or give it more`;
}
