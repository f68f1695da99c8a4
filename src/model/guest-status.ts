// What is observed of a guest, and what was decided once for its life. Made by the engine; read by everybody.
import { z } from 'zod';
import { guestSpecSchema } from './guest.ts';

/**
 * `starting`: from the decision until QEMU runs. `stopping`: asked to stop. `halted`: QEMU stopped the processors (disk full, panic).
 * `unresponsive`: the process lives and says nothing: nothing is guessed about it.
 */
export const powerStates = ['stopped', 'starting', 'running', 'paused', 'stopping', 'halted', 'crashed', 'unresponsive'] as const;
export const powerStateSchema = z.enum(powerStates);
export type PowerState = z.output<typeof powerStateSchema>;

/**
 * Why QEMU stopped a guest's processors: its disk is full or fails, its system panicked or its watchdog expired, QEMU met an error
 * of its own; `shut-down`: it has shut down and its process is about to end.
 */
export const haltReasonSchema = z.enum(['no-space', 'io-error', 'panicked', 'watchdog', 'internal-error', 'shut-down']);
export type HaltReason = z.output<typeof haltReasonSchema>;

/** What is done about a guest that ended by itself. Absent while nothing has gone wrong. */
export const restartStatusSchema = z.strictObject({
  /** Failures in a row, without a stable run between them. */
  failures: z.int().min(1),
  /** How often it is tried. */
  tries: z.int(),
  /** When it is started again; absent once it runs, and when it stays as it is. */
  nextAt: z.iso.datetime().optional(),
  /** Nobody starts it again by itself. */
  givenUp: z.literal(true).optional(),
});
export type RestartStatus = z.output<typeof restartStatusSchema>;

export const diskStatusSchema = z.strictObject({
  name: z.string(),
  path: z.string(),
  sizeBytes: z.int(),
  /** Absent until the disk is made. */
  allocatedBytes: z.int().optional(),
});

export const nicStatusSchema = z.strictObject({
  mac: z.string(),
  tap: z.string(),
  zone: z.string(),
  addresses: z.array(z.string()),
  /** It shares one wire with the other guests of its zone: weaker. */
  bridged: z.literal(true).optional(),
});

export const guestStatusSchema = z.strictObject({
  power: powerStateSchema,
  /** Every readiness check of the service held at `checkedAt`. Without checks: the guest runs. */
  ready: z.boolean(),
  /** One sentence for every state that is not “ready”; empty when there is nothing to say. */
  reason: z.string(),
  /** Present while `power` is “halted”. */
  haltedBy: haltReasonSchema.optional(),
  restart: restartStatusSchema.optional(),
  pid: z.int().optional(),
  startedAt: z.iso.datetime().optional(),
  readyAt: z.iso.datetime().optional(),
  /** From the start of the process to the first time ready. */
  readyAfterMs: z.int().optional(),
  checkedAt: z.iso.datetime().optional(),
  agent: z.enum(['answers', 'silent', 'unknown']),
  /** Memory that the process costs the host, bytes. */
  memoryBytes: z.int().optional(),
  /** What it runs with; absent when it does not run. `promisedMib`: memory that it may still take, of what it was given. */
  has: z.strictObject({ memoryMib: z.int(), promisedMib: z.int(), cpus: z.int() }).optional(),
  /** What is wished and waits for its next start, or for its system to follow: a sentence each. */
  pending: z.array(z.string()),
  disks: z.array(diskStatusSchema),
  nics: z.array(nicStatusSchema),
});
export type GuestStatus = z.output<typeof guestStatusSchema>;

/** What somebody wants of the guest's power, kept through restarts of the daemon and of the host. */
export const wantedPowerSchema = z.enum(['running', 'stopped', 'paused']);
export type WantedPower = z.output<typeof wantedPowerSchema>;

/** Decided when the guest was created and kept for its life: the hardware and the identity that the guest sees. */
export const guestHardwareSchema = z.strictObject({
  /** Which places and features it has; guests from before there were versions have 1. */
  version: z.int().default(1),
  machineType: z.string(),
  cpuModel: z.string(),
  uuid: z.string(),
  generationId: z.string(),
  /** Of each nic in order. */
  macs: z.array(z.string()),
  /** Serial of each disk by name. */
  serials: z.record(z.string(), z.string()),
  /** PCIe slot (or unit of the SCSI controller) of each disk by name, and PCIe slot of each nic in order. */
  diskSlots: z.record(z.string(), z.int()),
  nicSlots: z.array(z.int()),
  /** What each nic's tap is numbered with, kept for the nic's life: another one before it may come and go. */
  nicNumbers: z.array(z.int()).default([0]),
  maxCpus: z.int(),
});
export type GuestHardware = z.output<typeof guestHardwareSchema>;

/** A guest in the store: the wish and what was decided for it. */
export const guestRecordSchema = z.strictObject({
  uid: z.string(),
  name: z.string(),
  spec: guestSpecSchema,
  wantedPower: wantedPowerSchema,
  /** Unix user id that its QEMU runs as. */
  userId: z.int(),
  /** Raised whenever the right to run the guest changes hands; checked before QEMU starts. */
  generation: z.int(),
  hardware: guestHardwareSchema,
  /** Addresses of each nic: those of the spec, and one from the pool for each family without one. */
  addresses: z.array(z.array(z.string())),
  /** The taps that its process was last started with: a nic of after that comes with the next start. */
  tapsAtStart: z.array(z.string()).optional(),
  /** Addresses of each nic, by its card, as the seed told them when its process was started. */
  addressesAtStart: z.record(z.string(), z.array(z.string())).optional(),
  /** Digest of the image that the root disk was made from; absent until then. */
  imageDigest: z.string().optional(),
  /** Whether its system was seen to take plugged memory; absent while nobody knows. */
  memoryFollows: z.boolean().optional(),
  /** Disks that exist since some start: one of these that is not found is never made again. */
  disksMade: z.array(z.string()),
  createdAt: z.iso.datetime(),
});
export type GuestRecord = z.output<typeof guestRecordSchema>;

/** What somebody waits for: every check of its service holds; it has no process, and none is about to come; its agent answers. */
export const guestGoalSchema = z.enum(['ready', 'stopped', 'agent']);
export type GuestGoal = z.output<typeof guestGoalSchema>;

export function hasReached(
  goal: GuestGoal,
  { ready, power, agent, restart }: Pick<GuestStatus, 'ready' | 'power' | 'agent' | 'restart'>,
): boolean {
  switch (goal) {
    case 'ready':
      return ready;
    case 'stopped':
      return (power === 'stopped' || power === 'crashed') && restart?.nextAt === undefined;
    case 'agent':
      return power === 'running' && agent === 'answers';
  }
}

/** A guest as the API shows it. */
export const guestSchema = z.strictObject({
  uid: z.string(),
  name: z.string(),
  spec: guestSpecSchema,
  wantedPower: wantedPowerSchema,
  userId: z.int(),
  generation: z.int(),
  hardware: guestHardwareSchema,
  createdAt: z.iso.datetime(),
  status: guestStatusSchema,
  /** Actions that are legal in this state. */
  actions: z.array(z.string()),
});
export type Guest = z.output<typeof guestSchema>;
