// The host as observed: what it can carry and what it has promised.
import { z } from 'zod';

export const hostSchema = z.strictObject({
  name: z.string(),
  uid: z.string(),
  version: z.string(),
  accelerator: z.enum(['kvm', 'tcg']),
  qemuVersion: z.string(),
  cpus: z.int(),
  memory: z.strictObject({
    totalMib: z.int(),
    /** Kept for the host itself. */
    reserveMib: z.int(),
    /** Guests that run or are wanted to run, with QEMU's overhead. */
    promisedMib: z.int(),
    freeMib: z.int(),
  }),
  guests: z.strictObject({ defined: z.int(), running: z.int(), ready: z.int() }),
  network: z.strictObject({
    /** Absent: the host's own. */
    namespace: z.string().optional(),
    rulesInForce: z.boolean(),
    problem: z.string().optional(),
  }),
  dataDirectory: z.string(),
  startedAt: z.iso.datetime(),
});
export type Host = z.output<typeof hostSchema>;
