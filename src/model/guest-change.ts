// A change of one guest's sizes and nics, as the command line and the page ask for it: what is absent stays as it is.
import { z } from 'zod';
import { cpuShareSchema, memoryMibSchema, memoryRangeSchema } from './guest-size.ts';
import { addressesSchema } from './guest.ts';
import { nameSchema } from './name.ts';

export const guestChangeSchema = z.strictObject({
  /** Within the guest's range, where it has one. */
  memoryMib: memoryMibSchema.optional(),
  /** Within what its memory can change while it runs, from its next start on; `null`: not at all. */
  memoryRange: memoryRangeSchema.nullable().optional(),
  cpus: z.int().min(1).max(64).optional(),
  /** Fields that are absent stay. */
  cpu: cpuShareSchema.optional(),
  /** By name: a new disk, or an existing one that grows; `null` takes it out of the guest, its file stays. */
  disks: z
    .record(
      nameSchema,
      z
        .strictObject({
          sizeMib: z
            .int()
            .min(1)
            .max(64 * 1024 * 1024),
          bus: z.enum(['virtio', 'scsi']).optional(),
        })
        .nullable(),
    )
    .optional(),
  /** By zone: a new nic there, or other addresses of the one that it has; without any they come from the zone. `null` takes it out. */
  nics: z.record(nameSchema, z.strictObject({ addresses: addressesSchema }).nullable()).optional(),
});
export type GuestChange = z.output<typeof guestChangeSchema>;
