// Jobs: work with an end, written to the journal step by step, so that a daemon that dies in the middle knows at its next
// start what was going on. `recover` then resumes what can be resumed and cleans up after the rest.
import { CaissonError, describeError, toCaissonError } from '../lib/errors.ts';
import { failpoint } from '../lib/failpoint.ts';
import { newUid } from '../lib/ids.ts';
import { KeyedLock } from '../lib/keyed-lock.ts';
import type { Job, JobEnd, JobKind } from '../model/job.ts';
import type { JobFilter, JobRecord } from '../store/journal.ts';
import { type Claim, ExclusiveKeys } from './exclusive-keys.ts';
import type { JobBody } from './job-context.ts';
import { JobRun, toJob } from './job-run.ts';
import { JobWatchers } from './job-watchers.ts';
import type { JobOptions, Jobs, JobsDependencies, KindHandlers } from './jobs-contract.ts';

export type { JobOptions, Jobs } from './jobs-contract.ts';

export function createJobs(dependencies: JobsDependencies): Jobs {
  return new JobRunner(dependencies);
}

const saveAgainMs = 5000;

type Outcome<T> = { end: JobEnd; value?: T; error?: unknown } | undefined;

interface Live {
  run: JobRun;
  /** Resolves when the job has ended and that is in the journal, undefined when it was suspended. Never rejects. */
  ended: Promise<Outcome<unknown>>;
}

class JobRunner implements Jobs {
  readonly #with: JobsDependencies;
  readonly #keys = new ExclusiveKeys();
  readonly #starting = new KeyedLock();
  readonly #handlers = new Map<JobKind, KindHandlers>();
  readonly #live = new Map<string, Live>();
  /** Outcomes that the journal could not take (disk full): tried again with the next job, and now and then. */
  readonly #unsaved = new Map<string, { record: JobRecord; end: JobEnd }>();
  readonly #watchers: JobWatchers;
  readonly #closing = new AbortController();
  #isSaving = false;

  constructor(dependencies: JobsDependencies) {
    this.#with = dependencies;
    this.#watchers = new JobWatchers(dependencies.clock);
  }

  async start(kind: JobKind, options: JobOptions, body: JobBody<unknown>): Promise<Job> {
    return (await this.#start(kind, options, body)).job;
  }

  async run<T>(kind: JobKind, options: JobOptions, body: JobBody<T>): Promise<T> {
    const { job, live } = await this.#start(kind, options, body);
    const outcome = await live?.ended;
    if (outcome?.error !== undefined) throw toError(outcome.error);
    if (outcome) return outcome.value as T;
    if (live) throw new CaissonError('unavailable', `${job.title}: the daemon ended; it goes on when the daemon is back`);
    if (job.error) throw new CaissonError(job.error.code, job.error.message);
    return job.result as T;
  }

  async wait(uid: string, signal?: AbortSignal): Promise<Job> {
    let last: Job | undefined;
    for await (const job of this.follow(uid, signal)) last = job;
    signal?.throwIfAborted();
    if (!last || last.state === 'running') throw new CaissonError('unavailable', `the job ${uid} goes on when the daemon is back`);
    return last;
  }

  async get(uid: string): Promise<Job> {
    const record = this.#current(uid) ?? (await this.#with.journal.getJob(uid));
    if (!record) throw new CaissonError('not-found', `there is no job ${uid}, or it is so old that it was forgotten`);
    return toJob(record);
  }

  async list(filter?: JobFilter): Promise<Job[]> {
    const records = await this.#with.journal.listJobs(filter);
    return records.map((record) => toJob(this.#current(record.uid) ?? record));
  }

  async cancel(uid: string): Promise<Job> {
    const live = this.#live.get(uid);
    live?.run.cancel('the job was cancelled');
    await live?.ended;
    return this.get(uid);
  }

  watch(listener: (job: Job) => void): () => void {
    return this.#watchers.add(listener);
  }

  async *follow(uid: string, signal?: AbortSignal): AsyncGenerator<Job, void> {
    const changes = this.#watchers.follow(uid, signal);
    try {
      const first = await this.get(uid);
      yield first;
      if (first.state !== 'running' || !this.#live.has(uid)) return;
      for await (const job of changes) {
        yield job;
        if (job.state !== 'running') return;
      }
    } finally {
      changes.stop();
    }
  }

  register(kind: JobKind, handlers: KindHandlers): void {
    this.#handlers.set(kind, handlers);
  }

  async recover(): Promise<Job[]> {
    const left = await this.#with.journal.listJobs({ state: 'running', limit: Number.MAX_SAFE_INTEGER });
    const jobs: Job[] = [];
    for (const record of left.toReversed()) {
      if (this.#live.has(record.uid)) continue;
      const { resume } = this.#handlers.get(record.kind) ?? {};
      if (resume) {
        this.#with.log.info('resuming a job of the last daemon', { job: record.uid, kind: record.kind });
        // The handler gets the record as the last daemon left it, not the one that now goes on.
        const before = structuredClone(record);
        this.#launch(record, true, (job) => resume(job, before), this.#keys.claim(record.exclusive ?? [], record.uid));
      } else {
        await this.#cleanUp(record);
      }
      jobs.push(toJob(record));
    }
    return jobs;
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('the daemon ends'));
    for (const { run } of this.#live.values()) {
      if (this.#handlers.get(run.record.kind)?.resume) run.suspend();
      else run.cancel('the daemon ended');
    }
    await Promise.all([...this.#live.values()].map(({ ended }) => ended));
    // What is not known to have ended the next daemon does again.
    await this.#saveUnsaved().catch(() => undefined);
    this.#watchers.close();
  }

  #start(kind: JobKind, options: JobOptions, body: JobBody<unknown>): Promise<{ job: Job; live?: Live }> {
    const begin = () => this.#begin(kind, options, body);
    // One at a time for each idempotency key, so that the second of two finds the first.
    return options.idempotencyKey === undefined ? begin() : this.#starting.with(options.idempotencyKey, begin);
  }

  async #begin(kind: JobKind, options: JobOptions, body: JobBody<unknown>): Promise<{ job: Job; live?: Live }> {
    if (this.#closing.signal.aborted) throw new CaissonError('unavailable', `${options.title}: the daemon is ending`);
    const { journal, clock, random, events } = this.#with;
    const { title, objects, actor, idempotencyKey } = options;
    const exclusive = [...(options.exclusive ?? [])];
    const same = await this.#sameJob(kind, idempotencyKey);
    if (same) return same;
    const uid = newUid('j', random);
    const busy = options.onBusy === 'refuse' ? this.#keys.busyWith(exclusive) : undefined;
    if (busy) {
      const other = this.#live.get(busy.job)?.run.record.title ?? 'another job';
      throw new CaissonError('conflict', `${title}: refused while a job is at work (${busy.job}, ${other}); wait for it or cancel it`, {
        details: { job: busy.job, key: busy.key },
      });
    }
    const claim = this.#keys.claim(exclusive, uid);
    const record: JobRecord = {
      uid,
      kind,
      title,
      state: 'running',
      steps: [],
      startedAt: new Date(clock.now()).toISOString(),
      actor,
      objects,
    };
    if (options.input !== undefined) record.input = options.input;
    if (exclusive.length > 0) record.exclusive = exclusive;
    if (idempotencyKey !== undefined) record.idempotencyKey = idempotencyKey;
    try {
      await this.#saveUnsaved();
      await journal.createJob(record);
    } catch (error) {
      claim.release();
      throw error;
    }
    failpoint('job.created');
    events.emit({ kind: 'job-started', message: title, job: uid, actor, ...objectOf(record) });
    const live = this.#launch(record, false, body, claim);
    return { job: live.run.snapshot(), live };
  }

  async #sameJob(kind: JobKind, idempotencyKey: string | undefined): Promise<{ job: Job; live?: Live } | undefined> {
    if (idempotencyKey === undefined) return undefined;
    const record = await this.#with.journal.findJob(idempotencyKey);
    if (!record) return undefined;
    if (record.kind !== kind) {
      throw new CaissonError('conflict', `the idempotency key ${idempotencyKey} was used for another job (${record.uid}, ${record.kind})`);
    }
    const live = this.#live.get(record.uid);
    return { job: toJob(this.#current(record.uid) ?? record), ...(live ? { live } : {}) };
  }

  #launch(record: JobRecord, resumed: boolean, body: JobBody<unknown>, claim: Claim): Live {
    const { journal, clock, log } = this.#with;
    const changed = () => this.#watchers.changed(record);
    const run = new JobRun(record, resumed, { journal, clock, log, changed });
    const busy = this.#keys.busyWith(record.exclusive ?? [], record.uid);
    if (busy) record.message = `waits for the job ${busy.job}`;
    const live: Live = {
      run,
      ended: (async () => {
        const outcome = await run.execute(async (job) => {
          await claim.whenFree(run.signal);
          delete record.message;
          return body(job);
        });
        claim.release();
        if (outcome) await this.#end(record, outcome.end, outcome.error);
        this.#live.delete(record.uid);
        this.#watchers.ended(record, outcome !== undefined);
        return outcome;
      })(),
    };
    this.#live.set(record.uid, live);
    changed();
    return live;
  }

  async #end(record: JobRecord, end: JobEnd, error?: unknown): Promise<void> {
    const { log, events } = this.#with;
    try {
      failpoint('job.end');
      await this.#with.journal.endJob(record.uid, end, this.#keptOf(record));
    } catch (failure) {
      log.error('the end of a job could not be written to the journal; it is tried again', { job: record.uid, error: failure });
      this.#unsaved.set(record.uid, { record, end });
      void this.#keepSaving();
    }
    delete record.fraction;
    Object.assign(record, end);
    const { uid: job, title, actor } = record;
    const message = end.error ? `${title}: ${end.error.message}` : title;
    const severity = ({ succeeded: 'info', cancelled: 'warning', failed: 'error' } as const)[end.state];
    if (end.state === 'failed')
      log.warn('a job failed', { job, title, code: toCaissonError(error).code, error: error ?? end.error?.message });
    events.emit({ kind: `job-${end.state}`, severity, message, job, actor, ...objectOf(record) });
  }

  /** A job that nobody can go on with: what it left is removed, and it has failed. */
  async #cleanUp(record: JobRecord): Promise<void> {
    const { journal, clock } = this.#with;
    const { clean } = this.#handlers.get(record.kind) ?? {};
    let message = 'the daemon ended in the middle of it';
    if (clean) {
      try {
        await clean(structuredClone(record));
        message += '; what it had begun was removed';
      } catch (error) {
        message += `; what it had begun could not be removed: ${describeError(error)}`;
      }
    }
    for (const [position, step] of record.steps.entries()) {
      if (step.state !== 'running') continue;
      Object.assign(step, { state: 'failed', message: 'the daemon ended' });
      await journal.saveStep(record.uid, position, step);
    }
    await this.#end(record, { state: 'failed', endedAt: new Date(clock.now()).toISOString(), error: { code: 'failed', message } });
    this.#watchers.ended(record, true);
  }

  #keptOf({ kind, input }: JobRecord): unknown {
    return input === undefined ? undefined : this.#handlers.get(kind)?.keep?.(input);
  }

  /** The newest known record of a job that is not in the journal as it is. */
  #current(uid: string): JobRecord | undefined {
    return this.#live.get(uid)?.run.record ?? this.#unsaved.get(uid)?.record;
  }

  async #keepSaving(): Promise<void> {
    if (this.#isSaving) return;
    this.#isSaving = true;
    try {
      while (this.#unsaved.size > 0) {
        await this.#with.clock.sleep(saveAgainMs, this.#closing.signal);
        await this.#saveUnsaved().catch(() => undefined);
      }
    } catch {
      // The daemon ends: it tries once more.
    } finally {
      this.#isSaving = false;
    }
  }

  async #saveUnsaved(): Promise<void> {
    for (const [uid, { record, end }] of this.#unsaved) {
      await this.#with.journal.endJob(uid, end, this.#keptOf(record));
      this.#unsaved.delete(uid);
    }
  }
}

function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : toCaissonError(thrown);
}

/** An event is about one object or none. */
function objectOf({ objects }: JobRecord): { object?: string } {
  const [object] = objects;
  return objects.length === 1 && object !== undefined ? { object } : {};
}
