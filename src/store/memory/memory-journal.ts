// The journal of tests and simulated sites. `copy()` is what a new daemon would find after this one died here and now.
import { CaissonError } from '../../lib/errors.ts';
import type { Event } from '../../model/event.ts';
import type { JobEnd } from '../../model/job.ts';
import {
  defaultEventLimit,
  defaultJobLimit,
  defaultMaxEvents,
  defaultMaxJobs,
  type EventFilter,
  type JobFilter,
  type JobRecord,
  type Journal,
  keptKeyMs,
  type RequestKey,
  type StepRecord,
} from '../journal.ts';

export class MemoryJournal implements Journal {
  readonly #maxJobs: number;
  readonly #maxEvents: number;
  /** As JSON texts, so that nothing is shared and nothing survives that a file would not keep; oldest first. */
  #jobs = new Map<string, { head: string; steps: string[]; hasEnded: boolean }>();
  #events: Event[] = [];
  #lastEvent = 0;
  #keys = new Map<string, RequestKey>();

  constructor(options: { maxJobs?: number; maxEvents?: number } = {}) {
    this.#maxJobs = options.maxJobs ?? defaultMaxJobs;
    this.#maxEvents = options.maxEvents ?? defaultMaxEvents;
  }

  copy(): MemoryJournal {
    const copy = new MemoryJournal({ maxJobs: this.#maxJobs, maxEvents: this.#maxEvents });
    for (const [uid, job] of this.#jobs) copy.#jobs.set(uid, { ...job, steps: [...job.steps] });
    copy.#events = structuredClone(this.#events);
    copy.#lastEvent = this.#lastEvent;
    copy.#keys = structuredClone(this.#keys);
    return copy;
  }

  async createJob(job: JobRecord): Promise<void> {
    if (this.#jobs.has(job.uid)) throw new CaissonError('conflict', `the job ${job.uid} exists already`);
    if (job.idempotencyKey !== undefined && this.#find(job.idempotencyKey)) {
      throw new CaissonError('conflict', `a job with the idempotency key ${job.idempotencyKey} exists already`);
    }
    const { steps, ...head } = job;
    this.#jobs.set(job.uid, {
      head: JSON.stringify(head),
      steps: steps.map((step) => JSON.stringify(step)),
      hasEnded: job.state !== 'running',
    });
  }

  async saveStep(uid: string, position: number, step: StepRecord): Promise<void> {
    this.#mustHave(uid).steps[position] = JSON.stringify(step);
  }

  async endJob(uid: string, end: JobEnd, keptInput?: unknown): Promise<void> {
    const job = this.#mustHave(uid);
    job.head = JSON.stringify({ ...(JSON.parse(job.head) as object), input: keptInput, ...end });
    job.steps = job.steps.map((text) => {
      const { data: _data, value: _value, ...step } = JSON.parse(text) as StepRecord;
      return JSON.stringify(step);
    });
    job.hasEnded = true;
    const ended = [...this.#jobs].filter(([, other]) => other.hasEnded);
    for (const [old] of ended.slice(0, Math.max(0, ended.length - this.#maxJobs))) this.#jobs.delete(old);
  }

  async getJob(uid: string): Promise<JobRecord | undefined> {
    const job = this.#jobs.get(uid);
    return job && read(job);
  }

  async findJob(idempotencyKey: string): Promise<JobRecord | undefined> {
    return this.#find(idempotencyKey);
  }

  async listJobs(filter: JobFilter = {}): Promise<JobRecord[]> {
    const { before, state, kind, object } = filter;
    const jobs = [...this.#jobs.values()].map(read);
    const until = before === undefined ? jobs.length : jobs.findIndex((job) => job.uid === before);
    return jobs
      .slice(0, Math.max(until, 0))
      .filter((job) => state === undefined || job.state === state)
      .filter((job) => kind === undefined || job.kind === kind)
      .filter((job) => object === undefined || job.objects.includes(object))
      .toReversed()
      .slice(0, filter.limit ?? defaultJobLimit);
  }

  async appendEvents(events: readonly Omit<Event, 'id'>[]): Promise<Event[]> {
    const appended = events.map((event) => ({ ...event, id: ++this.#lastEvent }));
    this.#events.push(...structuredClone(appended));
    this.#events.splice(0, Math.max(0, this.#events.length - this.#maxEvents));
    return appended;
  }

  async listEvents(filter: EventFilter = {}): Promise<Event[]> {
    const { after, object, kind, job } = filter;
    const limit = filter.limit ?? defaultEventLimit;
    const events = this.#events
      .filter((event) => after === undefined || event.id > after)
      .filter((event) => object === undefined || event.object === object)
      .filter((event) => kind === undefined || event.kind === kind)
      .filter((event) => job === undefined || event.job === job);
    return structuredClone(after === undefined ? events.slice(Math.max(0, events.length - limit)) : events.slice(0, limit));
  }

  async claimKey(claim: Omit<RequestKey, 'job'>): Promise<RequestKey | undefined> {
    for (const [name, { time }] of this.#keys) if (time <= claim.time - keptKeyMs) this.#keys.delete(name);
    const name = nameOfKey(claim);
    const found = this.#keys.get(name);
    if (!found) this.#keys.set(name, { ...claim });
    return found && { ...found };
  }

  async settleKey(claim: Pick<RequestKey, 'actor' | 'key'>, job: string | undefined): Promise<void> {
    const found = this.#keys.get(nameOfKey(claim));
    if (!found) return;
    if (job === undefined) this.#keys.delete(nameOfKey(claim));
    else found.job = job;
  }

  async close(): Promise<void> {}

  #find(idempotencyKey: string): JobRecord | undefined {
    return [...this.#jobs.values()].map(read).find((job) => job.idempotencyKey === idempotencyKey);
  }

  #mustHave(uid: string): { head: string; steps: string[]; hasEnded: boolean } {
    const job = this.#jobs.get(uid);
    if (!job) throw new CaissonError('not-found', `the journal has no job ${uid}`);
    return job;
  }
}

function nameOfKey({ actor, key }: Pick<RequestKey, 'actor' | 'key'>): string {
  return JSON.stringify([actor, key]);
}

function read({ head, steps }: { head: string; steps: string[] }): JobRecord {
  // `flat` drops a position that was never written.
  return { ...(JSON.parse(head) as Omit<JobRecord, 'steps'>), steps: steps.flat().map((step) => JSON.parse(step) as StepRecord) };
}
