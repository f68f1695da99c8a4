// How far a guest's process is cut off from everything else, as the kernel tells it (never as the process does).
import { z } from 'zod';

export const processIsolationSchema = z.strictObject({
  uid: z.string(),
  pid: z.int(),
  /** Real, effective, saved, of files. */
  userIds: z.array(z.int()),
  groupIds: z.array(z.int()),
  supplementaryGroups: z.array(z.int()),
  /** The sets that are not empty: `CapEff 0000000000003000`. */
  capabilities: z.array(z.string()),
  noNewPrivileges: z.boolean(),
  /** `filter`: only the system calls that a filter lets through. */
  seccomp: z.enum(['off', 'strict', 'filter']),
  /** Kinds of namespace that it has in common with the host or with another guest. */
  sharedNamespaces: z.array(z.enum(['net', 'mnt', 'ipc', 'uts'])),
  /** Network interfaces that it sees, beside a loopback that is down. */
  interfaces: z.array(z.string()),
  /** Mount points that are not its own. */
  foreignMounts: z.array(z.string()),
  /** Mount points that it may write to. */
  writableMounts: z.array(z.string()),
  /** What its control group allows; absent: no limit. Weights are relative, 100 is usual. */
  limits: z.strictObject({
    memoryBytes: z.int().optional(),
    pids: z.int().optional(),
    cpuWeight: z.int().optional(),
    ioWeight: z.int().optional(),
  }),
  /** Its memory could be written to a file, or given to a program, when it crashes. */
  coreDumps: z.boolean(),
  /** By the processor's own virtualization; otherwise in emulation. */
  kvm: z.boolean(),
  /** It lets the kernel share equal memory pages with other processes (KSM). Absent: this kernel does not tell. */
  mergeable: z.boolean().optional(),
});
export type ProcessIsolation = z.output<typeof processIsolationSchema>;

export const hostIsolationSchema = z.strictObject({
  kernel: z.string(),
  /** Kernel samepage merging: shares equal pages of different guests, through which one can learn of another's memory. */
  ksm: z.enum(['absent', 'off', 'on']),
  /** Processor weaknesses that the kernel calls vulnerable here: `spec_store_bypass: Vulnerable`. */
  vulnerabilities: z.array(z.string()),
  /** Controllers that can limit a guest. */
  controllers: z.array(z.string()),
});
export type HostIsolation = z.output<typeof hostIsolationSchema>;
