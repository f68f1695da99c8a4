// Guests' folders for simulated sites, in memory.
import { CaissonError } from '../../lib/errors.ts';
import type { DiskInfo, GuestFiles, GuestSeed } from '../guest-files.ts';

export interface FakeGuestFiles extends GuestFiles {
  seeds: Map<string, GuestSeed>;
  /** Loses a disk, as a broken file system would. */
  loseDisk(uid: string, name: string): void;
  /** How much room is left for the disks of every guest. */
  setFree(bytes: number): void;
}

export function createFakeGuestFiles(): FakeGuestFiles {
  const disks = new Map<string, DiskInfo>();
  let free = 100 * 1024 ** 3;
  const seeds = new Map<string, GuestSeed>();
  const make = (uid: string, name: string, sizeMib: number) => {
    const key = `${uid}/${name}`;
    if (disks.has(key)) throw new CaissonError('conflict', `disk ${name} is there already`);
    disks.set(key, { sizeBytes: sizeMib * 1024 * 1024, allocatedBytes: 196_616 });
  };
  return {
    seeds,
    loseDisk: (uid, name) => void disks.delete(`${uid}/${name}`),
    setFree: (bytes) => void (free = bytes),
    freeBytes: async () => free,
    folders: (uid) => ({ data: `/fake/guests/${uid}`, sockets: `/fake/run/${uid}` }),
    createRootDisk: async ({ uid }, _image, sizeMib) => make(uid, 'root', sizeMib),
    createDisk: async ({ uid }, name, sizeMib) => make(uid, name, sizeMib),
    disk: async (uid, name) => disks.get(`${uid}/${name}`),
    async growDisk(uid, name, sizeMib) {
      const disk = disks.get(`${uid}/${name}`);
      if (!disk) throw new CaissonError('missing', `disk ${name} is gone`);
      disks.set(`${uid}/${name}`, { ...disk, sizeBytes: sizeMib * 1024 * 1024 });
    },
    writeSeed: async ({ uid }, seed) => void seeds.set(uid, seed),
    prepareStart: async () => undefined,
    async remove(uid) {
      for (const key of disks.keys()) if (key.startsWith(`${uid}/`)) disks.delete(key);
      seeds.delete(uid);
    },
  };
}
