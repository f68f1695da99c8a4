// The contract of the journal: what this host did and what happened on it. Local to the host, never shared, never the
// truth about what should be. Implemented by `sqlite/` and `memory/`; both pass test/contract/journal.contract.ts.
import type { Event } from '../model/event.ts';
import type { Job, JobEnd, JobStep } from '../model/job.ts';

export const defaultJobLimit = 50;
export const defaultEventLimit = 100;
/** Ended jobs, and events, that are kept. */
export const defaultMaxJobs = 1000;
export const defaultMaxEvents = 20_000;

/** A step with what only the engine needs. */
export interface StepRecord extends JobStep {
  /** Plain JSON for going on or cleaning up after the daemon ended in the middle: what was made. */
  data?: unknown;
  /** The step's value, kept for a step that must not be done twice. */
  value?: unknown;
}

/** A job with what only the engine needs. */
export interface JobRecord extends Omit<Job, 'steps'> {
  steps: StepRecord[];
  /** Plain JSON from which a resumable job can be done again; of one that has ended what is kept of it. */
  input?: unknown;
  /** Keys that no other job works on meanwhile. */
  exclusive?: string[] | undefined;
  /** A second start with the same key is the same job. */
  idempotencyKey?: string | undefined;
}

export interface JobFilter {
  /** Only jobs older than this one: the next page. */
  before?: string | undefined;
  /** Default 50. */
  limit?: number | undefined;
  state?: Job['state'] | undefined;
  kind?: Job['kind'] | undefined;
  /** Key of an object that the job is about. */
  object?: string | undefined;
}

export interface EventFilter {
  /** Only events with a greater id, oldest first. Without it: the newest ones, oldest first. */
  after?: number | undefined;
  /** Default 100. */
  limit?: number | undefined;
  object?: string | undefined;
  kind?: Event['kind'] | undefined;
  job?: string | undefined;
}

/** How long the key of a request is remembered. */
export const keptKeyMs = 86_400_000;

/** A request that its client may send again without it being done again. */
export interface RequestKey {
  /** Whose key it is: others may have the same. */
  actor: string;
  key: string;
  /** Of what was asked for. */
  fingerprint: string;
  /** Milliseconds since the epoch. */
  time: number;
  /** What it began; absent while that is not known: it is being done, or the daemon ended in the middle. */
  job?: string;
}

export interface Journal {
  /** On disk when it resolves. Throws `conflict` when the idempotency key or the uid is taken. */
  createJob(job: JobRecord): Promise<void>;
  /** Writes the step at its position among the job's steps: a new one or its new state. */
  saveStep(uid: string, position: number, step: StepRecord): Promise<void>;
  /**
   * On disk when it resolves. Nobody goes on with it: of its input stays `keptInput`, of its steps what people see. Ended jobs beyond the bound are
   * forgotten, oldest first.
   */
  endJob(uid: string, end: JobEnd, keptInput?: unknown): Promise<void>;
  getJob(uid: string): Promise<JobRecord | undefined>;
  findJob(idempotencyKey: string): Promise<JobRecord | undefined>;
  /** Newest first. */
  listJobs(filter?: JobFilter): Promise<JobRecord[]>;
  /** Gives each event its id: greater than any before, never given twice. Old events beyond the bound are forgotten. */
  appendEvents(events: readonly Omit<Event, 'id'>[]): Promise<Event[]>;
  listEvents(filter?: EventFilter): Promise<Event[]>;
  /** On disk when it resolves. The one that has the key already, or undefined: it was free. Keys older than a day are forgotten. */
  claimKey(claim: Omit<RequestKey, 'job'>): Promise<RequestKey | undefined>;
  /** On disk when it resolves. With the job that the request began; without one it was refused, and the key is free again. */
  settleKey(claim: Pick<RequestKey, 'actor' | 'key'>, job: string | undefined): Promise<void>;
  close(): Promise<void>;
}
