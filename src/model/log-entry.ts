// The audit log: who did what to this host, from where, and how it went. Entries are only ever added, and archived from the beginning on; each holds the hash of
// the one before.
import { z } from 'zod';

export const logKinds = ['request', 'outcome', 'job', 'login'] as const;

export const logHashSchema = z.string().regex(/^[0-9a-f]{64}$/);

export const logOutcomeSchema = z.strictObject({
  /** `succeeded`: done; `accepted`: a job does it; `refused`: nothing was changed; `failed`: it was tried. */
  result: z.enum(['succeeded', 'accepted', 'refused', 'failed', 'cancelled']),
  /** Error code, where there is one. */
  code: z.string().optional(),
  /** For people, without a secret. */
  message: z.string().optional(),
});
export type LogOutcome = z.infer<typeof logOutcomeSchema>;

export const logEntrySchema = z.strictObject({
  /** 1, 2, 3 …: a number that is missing was removed. */
  number: z.int().positive(),
  time: z.iso.datetime(),
  /** `request`: written before it is done; `outcome`: before it is answered; `job`: the job ended; `login`: somebody came, or tried to. */
  kind: z.enum(logKinds),
  /** Who. */
  actor: z.string(),
  /** From where: an address, `unix` for the daemon’s socket, `daemon` for what happened later. */
  from: z.string(),
  /** Id of the endpoint, as in the API’s description: `guestStart`. */
  operation: z.string(),
  /** What it is about, as it was named: `guest/web`. */
  object: z.string().optional(),
  /** What was asked for, without secrets and without what is large. */
  parameters: z.record(z.string(), z.unknown()).optional(),
  /** Of an outcome: number of its request. */
  request: z.int().positive().optional(),
  /** Uid of the job. */
  job: z.string().optional(),
  outcome: logOutcomeSchema.optional(),
  /** SHA-256 of the entry before as it was written, without its own `hash`; zeros in the first one. */
  previous: logHashSchema,
  /** SHA-256 of this entry’s JSON without this field. */
  hash: logHashSchema,
});
export type LogEntry = z.infer<typeof logEntrySchema>;

/** What is told to the log; number, hashes and time are the log’s own. */
export type NewLogEntry = Omit<LogEntry, 'number' | 'time' | 'previous' | 'hash'>;

/** A request or a login, with what became of it. */
export const loggedActionSchema = logEntrySchema.omit({ previous: true, hash: true, request: true }).extend({
  kind: z.enum(['request', 'login']),
  /** Absent: the daemon ended before, or the disk was full. */
  outcome: logOutcomeSchema.optional(),
  /** How its job ended. */
  end: logOutcomeSchema.optional(),
});
export type LoggedAction = z.infer<typeof loggedActionSchema>;

/** Where the log ends: noted elsewhere, it proves later that nothing before it was changed. */
export const logHeadSchema = z.strictObject({ number: z.int().min(0), hash: logHashSchema });
export type LogHead = z.infer<typeof logHeadSchema>;
