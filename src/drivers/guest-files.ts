// The contract of a guest's own folder: its disks, its seed, its firmware variables. Implemented by `guest-folder/` and `fake/`.
// Nothing here is ever recreated because it was not found: making and finding are different calls.
import type { SeedNic } from '../model/seed-nic.ts';

export interface GuestSeed {
  /** Changes when the guest shall treat its next boot as a first one. */
  instanceId: string;
  hostName: string;
  sshKeys: readonly string[];
  network: readonly SeedNic[];
  userData?: string;
}

export interface DiskInfo {
  sizeBytes: number;
  allocatedBytes: number;
}

export interface GuestOwner {
  uid: string;
  /** Unix user id that the guest's process runs as; every file made here is its. */
  userId: number;
}

export interface GuestFiles {
  folders(uid: string): { data: string; sockets: string };
  /** Makes the root disk, an overlay of an image, at least as large as the image. Throws `conflict` when it is there already. */
  createRootDisk(owner: GuestOwner, imagePath: string, sizeMib: number): Promise<void>;
  /** Makes an empty disk. Throws `conflict` when it is there already. */
  createDisk(owner: GuestOwner, name: string, sizeMib: number): Promise<void>;
  /** Undefined when there is no such disk. */
  disk(uid: string, name: string): Promise<DiskInfo | undefined>;
  /** Room that is left where the guest's files are, as its process may use it. */
  freeBytes(uid: string): Promise<number>;
  growDisk(uid: string, name: string, sizeMib: number): Promise<void>;
  /** Makes it anew: the seed is derived from the wish, nobody writes to it. */
  writeSeed(owner: GuestOwner, seed: GuestSeed): Promise<void>;
  /** What QEMU writes beside disks: console log, UEFI variables; made when missing. */
  prepareStart(owner: GuestOwner, firmware: 'bios' | 'uefi'): Promise<void>;
  /** Deletes the guest's folder with everything in it. */
  remove(uid: string): Promise<void>;
}
