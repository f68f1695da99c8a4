// A file system of the host that Caisson writes to: where its data, its guests’ disks or its images lie.
import { z } from 'zod';

export const hostDiskSchema = z.strictObject({
  /** The folder by which it is known; the first of several that lie on it. */
  path: z.string(),
  sizeBytes: z.int(),
  /** As the programs of guests may use it. */
  freeBytes: z.int(),
  /** One sentence when little is left. */
  problem: z.string().optional(),
});
export type HostDisk = z.output<typeof hostDiskSchema>;
