// What a guest uses, as counters since its start and sizes at one moment: whoever wants a rate compares two of them. Figures of the guest’s own
// system are what it says of itself.
import { z } from 'zod';

const count = z.int().min(0);

export const guestStatsSchema = z.strictObject({
  uid: z.string(),
  name: z.string(),
  at: z.iso.datetime(),
  /** Processor time that its process has taken from the host. */
  cpuMs: count,
  cpus: count,
  memory: z.strictObject({
    /** What it may use of the host's, without QEMU's own. */
    promisedMib: count,
    /** What it costs the host: its process, shared pages counted by their share (PSS); the resident set where that is not told. */
    hostBytes: count,
    /** What its control group counts, without cached files that can go at once. */
    groupBytes: count.optional(),
    /** Of it, what lies in the host's swap: none, as long as the kernel obeys. */
    swapBytes: count.optional(),
    /** As its system sees it; absent where it has no balloon driver. */
    guest: z
      .strictObject({
        totalBytes: count,
        freeBytes: count,
        /** What programs could have without swapping. */
        availableBytes: count.optional(),
        cacheBytes: count.optional(),
        swappedInBytes: count.optional(),
        swappedOutBytes: count.optional(),
      })
      .optional(),
  }),
  disks: z.array(z.strictObject({ name: z.string(), readBytes: count, writtenBytes: count, reads: count, writes: count })),
  /** As the guest sees it. */
  nics: z.array(z.strictObject({ tap: z.string(), receivedBytes: count, sentBytes: count, receivedPackets: count, sentPackets: count })),
});
export type GuestStats = z.output<typeof guestStatsSchema>;
