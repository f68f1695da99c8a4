// What the engine's use cases and the daemon do with jobs.
import type { Clock } from '../lib/clock.ts';
import type { RandomSource } from '../lib/ids.ts';
import type { Log } from '../lib/log.ts';
import type { Job, JobKind } from '../model/job.ts';
import type { JobFilter, JobRecord, Journal } from '../store/journal.ts';
import type { Events } from './events.ts';
import type { JobBody, JobContext } from './job-context.ts';

export interface JobOptions {
  /** For people: `Start guest web`. */
  title: string;
  /** Store keys of what it is about. */
  objects: string[];
  /** Who asked. */
  actor: string;
  /** Plain JSON from which the job could be done again. */
  input?: unknown;
  /** Keys that no other job may work on meanwhile. A job must not start another with one of its own keys and wait for it. */
  exclusive?: readonly string[];
  /** When one of them is taken: `wait` (default), or `refuse` with `conflict`. */
  onBusy?: 'wait' | 'refuse';
  /** A second start with the same key gives the first job. */
  idempotencyKey?: string | undefined;
}

export interface KindHandlers {
  /** Does again, or goes on with, a job that an earlier daemon began. */
  resume?: (job: JobContext, record: JobRecord) => Promise<unknown>;
  /** Removes what a job left that will not be resumed; must work twice. Steps `running` may or may not have happened. */
  clean?: (record: JobRecord) => Promise<void>;
  /** What stays of its input once it has ended; without it nothing does. */
  keep?: (input: unknown) => unknown;
}

export interface Jobs {
  /** Resolves when the job is in the journal and on its way. */
  start(kind: JobKind, options: JobOptions, body: JobBody<unknown>): Promise<Job>;
  /** Starts and waits: returns what the body returned, throws what it threw. */
  run<T>(kind: JobKind, options: JobOptions, body: JobBody<T>): Promise<T>;
  /** The ended job. Throws the signal's reason when that is aborted first; the job goes on. */
  wait(uid: string, signal?: AbortSignal): Promise<Job>;
  /** Throws `not-found`. */
  get(uid: string): Promise<Job>;
  list(filter?: JobFilter): Promise<Job[]>;
  /** Asks it to give up, and resolves when it has ended and is undone. A job that has ended stays as it is. */
  cancel(uid: string): Promise<Job>;
  /** Calls `listener` with each new, changed (at most ten times a second each) and ended job. */
  watch(listener: (job: Job) => void): () => void;
  /** The job now, and after each change, to its end. */
  follow(uid: string, signal?: AbortSignal): AsyncIterable<Job>;
  register(kind: JobKind, handlers: KindHandlers): void;
  /** At the daemon's start, after every `register`: takes up what the last daemon left. Returns those jobs. */
  recover(): Promise<Job[]>;
  /** Suspends jobs that can be resumed, cancels the others, and waits for their end. */
  close(): Promise<void>;
}

export interface JobsDependencies {
  journal: Journal;
  clock: Clock;
  random: RandomSource;
  log: Log;
  events: Events;
}
