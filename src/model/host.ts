// The host as observed: what it can carry and what it has promised.
import { z } from 'zod';
import { hostDiskSchema } from './host-disk.ts';

/** A table of another program's firewall in the guests' network. */
export const otherTableSchema = z.strictObject({
  /** `inet firewalld`; `iptables-legacy filter` of the older filters. */
  name: z.string(),
  /**
   * `all`: what its rules do not name is dropped, also what our flows allow. `some`: some of its rules drop or reject. `unknown`: the program that
   * tells is not installed.
   */
  refuses: z.enum(['all', 'some', 'nothing', 'unknown']),
});
export type OtherTable = z.output<typeof otherTableSchema>;

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
  /** Absent where the kernel does not tell. */
  topology: z
    .strictObject({
      model: z.string().optional(),
      sockets: z.int(),
      cores: z.int(),
      threads: z.int(),
      numaNodes: z.array(z.strictObject({ id: z.int(), cpus: z.string(), memoryMib: z.int() })),
      hugePages: z.array(z.strictObject({ sizeKib: z.int(), total: z.int(), free: z.int() })),
      transparentHugePages: z.string().optional(),
    })
    .optional(),
  /** What the whole host has left at this moment, and whether programs wait for memory: parts of the last ten seconds. */
  pressure: z
    .strictObject({
      availableMib: z.int(),
      swapUsedMib: z.int(),
      waiting: z.strictObject({ some: z.number(), full: z.number() }).optional(),
    })
    .optional(),
  /** Where its data, its guests and its images lie, each once. */
  disks: z.array(hostDiskSchema),
  guests: z.strictObject({ defined: z.int(), running: z.int(), ready: z.int() }),
  network: z.strictObject({
    /** Absent: the host's own. */
    namespace: z.string().optional(),
    rulesInForce: z.boolean(),
    problem: z.string().optional(),
    /** What works, but not as it should: each a sentence. */
    warnings: z.array(z.string()),
    /** Of other programs; left alone. */
    otherTables: z.array(otherTableSchema),
  }),
  dataDirectory: z.string(),
  startedAt: z.iso.datetime(),
});
export type Host = z.output<typeof hostSchema>;
