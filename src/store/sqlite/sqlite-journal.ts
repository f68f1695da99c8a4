// Jobs and events of this host in a SQLite file of its own, beside the store: it is written often and read little, and
// its damage must not touch the site's wish. Schema and promises: docs/formats/store.md.
import type { StatementSync } from 'node:sqlite';
import { z } from 'zod';
import { CaissonError } from '../../lib/errors.ts';
import { type Event, eventSchema } from '../../model/event.ts';
import { jobSchema, jobStepSchema, type JobEnd } from '../../model/job.ts';
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
import { Database } from './database.ts';

const migrations = [
  `CREATE TABLE job (
     number INTEGER PRIMARY KEY AUTOINCREMENT,
     uid TEXT NOT NULL UNIQUE,
     kind TEXT NOT NULL,
     state TEXT NOT NULL,
     idempotency_key TEXT UNIQUE,
     json TEXT NOT NULL
   ) STRICT;
   CREATE INDEX job_by_state ON job (state);
   CREATE TABLE job_object (object TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (object, number)) STRICT, WITHOUT ROWID;
   CREATE INDEX job_object_by_job ON job_object (number);
   CREATE TABLE job_step (number INTEGER NOT NULL, position INTEGER NOT NULL, json TEXT NOT NULL, PRIMARY KEY (number, position))
     STRICT, WITHOUT ROWID;
   CREATE TABLE event (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     time TEXT NOT NULL,
     kind TEXT NOT NULL,
     severity TEXT NOT NULL,
     message TEXT NOT NULL,
     object TEXT,
     actor TEXT,
     job TEXT
   ) STRICT;
   CREATE INDEX event_by_object ON event (object, id) WHERE object IS NOT NULL;`,
  `CREATE TABLE request_key (
     actor TEXT NOT NULL,
     key TEXT NOT NULL,
     fingerprint TEXT NOT NULL,
     time INTEGER NOT NULL,
     job TEXT,
     PRIMARY KEY (actor, key)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX request_key_by_time ON request_key (time);`,
  // Whole site files of years: of jobs that have ended nobody needs more than what an apply was allowed to.
  `UPDATE job SET json = json_remove(json, '$.input.site') WHERE state <> 'running' AND kind = 'site-apply';
   UPDATE job SET json = json_remove(json, '$.input') WHERE state <> 'running' AND kind NOT IN ('site-apply', 'guest-rename');
   UPDATE job_step SET json = json_remove(json, '$.data', '$.value') WHERE number IN (SELECT number FROM job WHERE state <> 'running');`,
];

const stepRecordSchema = jobStepSchema.extend({ data: z.unknown().optional(), value: z.unknown().optional() });
const requestKeySchema = z.strictObject({
  actor: z.string(),
  key: z.string(),
  fingerprint: z.string(),
  time: z.int(),
  job: z.string().exactOptional(),
});
const jobRecordSchema = jobSchema.extend({
  steps: z.array(stepRecordSchema),
  input: z.unknown().optional(),
  exclusive: z.array(z.string()).optional(),
  idempotencyKey: z.string().optional(),
});

/** Opens D/journal.sqlite; parameters and errors as of the store. */
export async function openSqliteJournal(options: {
  path: string;
  expectExisting: boolean;
  maxJobs?: number;
  maxEvents?: number;
}): Promise<Journal> {
  const { path, expectExisting } = options;
  const database = await Database.open({ path, expectExisting, what: 'journal', applicationId: 0x43736e4a, migrations });
  try {
    return new SqliteJournal(database, options);
  } catch (error) {
    database.close();
    throw error;
  }
}

class SqliteJournal implements Journal {
  readonly #database: Database;
  readonly #maxJobs: number;
  readonly #maxEvents: number;
  readonly #statements: ReturnType<typeof prepareAll>;
  #closed = false;

  constructor(database: Database, options: { maxJobs?: number; maxEvents?: number }) {
    this.#database = database;
    this.#maxJobs = options.maxJobs ?? defaultMaxJobs;
    this.#maxEvents = options.maxEvents ?? defaultMaxEvents;
    this.#statements = database.read(() => prepareAll(database));
  }

  async createJob(job: JobRecord): Promise<void> {
    const { insertJob, insertObject, jobByUid, jobByKey, saveStep } = this.#use();
    this.#database.write('full', () => {
      if (jobByUid.get(job.uid)) throw new CaissonError('conflict', `the job ${job.uid} exists already`);
      const key = job.idempotencyKey ?? null;
      if (key !== null && jobByKey.get(key)) throw new CaissonError('conflict', `a job with the idempotency key ${key} exists already`);
      const { steps, ...head } = job;
      const number = insertJob.run(job.uid, job.kind, job.state, key, JSON.stringify(head)).lastInsertRowid;
      for (const object of new Set(job.objects)) insertObject.run(object, number);
      for (const [position, step] of steps.entries()) saveStep.run(number, position, JSON.stringify(step));
    });
  }

  async saveStep(uid: string, position: number, step: StepRecord): Promise<void> {
    const { saveStep } = this.#use();
    this.#database.write('relaxed', () => saveStep.run(this.#mustHave(uid).number, position, JSON.stringify(step)));
  }

  async endJob(uid: string, end: JobEnd, keptInput?: unknown): Promise<void> {
    const { endJob, trimSteps, surplusJobs, deleteJob, deleteSteps, deleteObjects } = this.#use();
    this.#database.write('full', () => {
      const { number, json } = this.#mustHave(uid);
      endJob.run(end.state, JSON.stringify({ ...(JSON.parse(json) as object), input: keptInput, ...end }), number);
      trimSteps.run(number);
      for (const row of surplusJobs.all(this.#maxJobs)) {
        for (const statement of [deleteSteps, deleteObjects, deleteJob]) statement.run(row['number'] as number);
      }
    });
  }

  async getJob(uid: string): Promise<JobRecord | undefined> {
    const { jobByUid } = this.#use();
    return this.#database.read(() => this.#toJob(jobByUid.get(uid)));
  }

  async findJob(idempotencyKey: string): Promise<JobRecord | undefined> {
    const { jobByKey } = this.#use();
    return this.#database.read(() => this.#toJob(jobByKey.get(idempotencyKey)));
  }

  async listJobs(filter: JobFilter = {}): Promise<JobRecord[]> {
    const { listJobs } = this.#use();
    const values = { before: filter.before ?? null, state: filter.state ?? null, kind: filter.kind ?? null, object: filter.object ?? null };
    return this.#database.read(() =>
      listJobs.all({ ...values, limit: filter.limit ?? defaultJobLimit }).map((row) => this.#toJob(row) as JobRecord),
    );
  }

  async appendEvents(events: readonly Omit<Event, 'id'>[]): Promise<Event[]> {
    const { appendEvent, trimEvents } = this.#use();
    return this.#database.write('relaxed', () => {
      const appended = events.map((event) => {
        const { time, kind, severity, message, object, actor, job } = event;
        const id = appendEvent.run(time, kind, severity, message, object ?? null, actor ?? null, job ?? null).lastInsertRowid;
        return { ...event, id: Number(id) };
      });
      const last = appended.at(-1);
      if (last) trimEvents.run(last.id - this.#maxEvents);
      return appended;
    });
  }

  async listEvents(filter: EventFilter = {}): Promise<Event[]> {
    const { eventsAfter, lastEvents } = this.#use();
    const values = {
      object: filter.object ?? null,
      kind: filter.kind ?? null,
      job: filter.job ?? null,
      limit: filter.limit ?? defaultEventLimit,
    };
    return this.#database.read(() => {
      const rows = filter.after === undefined ? lastEvents.all(values).toReversed() : eventsAfter.all({ ...values, after: filter.after });
      return rows.map((row) => eventSchema.parse(Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null))));
    });
  }

  async claimKey({ actor, key, fingerprint, time }: Omit<RequestKey, 'job'>): Promise<RequestKey | undefined> {
    const { trimKeys, keyOf, insertKey } = this.#use();
    return this.#database.write('full', () => {
      trimKeys.run(time - keptKeyMs);
      const row = keyOf.get(actor, key);
      if (!row) insertKey.run(actor, key, fingerprint, time);
      return row && requestKeySchema.parse(Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)));
    });
  }

  async settleKey({ actor, key }: Pick<RequestKey, 'actor' | 'key'>, job: string | undefined): Promise<void> {
    const { settleKey, freeKey } = this.#use();
    this.#database.write('full', () => (job === undefined ? freeKey.run(actor, key) : settleKey.run(job, actor, key)));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#database.close();
  }

  #use(): ReturnType<typeof prepareAll> {
    if (this.#closed) throw new CaissonError('unavailable', 'the journal is closed');
    return this.#statements;
  }

  #mustHave(uid: string): { number: number; json: string } {
    const row = this.#statements.jobByUid.get(uid);
    if (!row) throw new CaissonError('not-found', `the journal has no job ${uid}`);
    return { number: row['number'] as number, json: row['json'] as string };
  }

  #toJob(row: Record<string, unknown> | undefined): JobRecord | undefined {
    if (!row) return undefined;
    const steps = this.#statements.steps.all(row['number'] as number).map((step) => JSON.parse(step['json'] as string) as unknown);
    return jobRecordSchema.parse({ ...(JSON.parse(row['json'] as string) as object), steps });
  }
}

function prepareAll(database: Database): Record<StatementName, StatementSync> {
  const prepared = Object.entries(statements).map(([name, sql]) => [name, database.prepare(sql)] as const);
  return Object.fromEntries(prepared) as Record<StatementName, StatementSync>;
}

type StatementName = keyof typeof statements;

const statements = {
  insertJob: 'INSERT INTO job (uid, kind, state, idempotency_key, json) VALUES (?, ?, ?, ?, ?)',
  insertObject: 'INSERT INTO job_object (object, number) VALUES (?, ?)',
  saveStep: 'INSERT INTO job_step (number, position, json) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET json = excluded.json',
  endJob: 'UPDATE job SET state = ?, json = ? WHERE number = ?',
  trimSteps: "UPDATE job_step SET json = json_remove(json, '$.data', '$.value') WHERE number = ?",
  surplusJobs: "SELECT number FROM job WHERE state <> 'running' ORDER BY number DESC LIMIT -1 OFFSET ?",
  deleteJob: 'DELETE FROM job WHERE number = ?',
  deleteSteps: 'DELETE FROM job_step WHERE number = ?',
  deleteObjects: 'DELETE FROM job_object WHERE number = ?',
  jobByUid: 'SELECT number, json FROM job WHERE uid = ?',
  jobByKey: 'SELECT number, json FROM job WHERE idempotency_key = ?',
  listJobs: `SELECT number, json FROM job
    WHERE ($before IS NULL OR number < (SELECT number FROM job WHERE uid = $before))
      AND ($state IS NULL OR state = $state)
      AND ($kind IS NULL OR kind = $kind)
      AND ($object IS NULL OR number IN (SELECT number FROM job_object WHERE object = $object))
    ORDER BY number DESC LIMIT $limit`,
  steps: 'SELECT json FROM job_step WHERE number = ? ORDER BY position',
  appendEvent: 'INSERT INTO event (time, kind, severity, message, object, actor, job) VALUES (?, ?, ?, ?, ?, ?, ?)',
  trimEvents: 'DELETE FROM event WHERE id <= ?',
  trimKeys: 'DELETE FROM request_key WHERE time <= ?',
  keyOf: 'SELECT actor, key, fingerprint, time, job FROM request_key WHERE actor = ? AND key = ?',
  insertKey: 'INSERT INTO request_key (actor, key, fingerprint, time) VALUES (?, ?, ?, ?)',
  settleKey: 'UPDATE request_key SET job = ? WHERE actor = ? AND key = ?',
  freeKey: 'DELETE FROM request_key WHERE actor = ? AND key = ?',
  eventsAfter: `SELECT * FROM event
    WHERE id > $after AND ($object IS NULL OR object = $object) AND ($kind IS NULL OR kind = $kind) AND ($job IS NULL OR job = $job)
    ORDER BY id LIMIT $limit`,
  lastEvents: `SELECT * FROM event
    WHERE ($object IS NULL OR object = $object) AND ($kind IS NULL OR kind = $kind) AND ($job IS NULL OR job = $job)
    ORDER BY id DESC LIMIT $limit`,
} as const;
