// The audit log in a SQLite file of its own: it outlives store and journal, and can be copied to whoever keeps evidence. Rows cannot be changed or
// removed by any statement of this file: triggers refuse it. Schema and promises: docs/formats/audit-log.md.
import type { StatementSync } from 'node:sqlite';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { CaissonError } from '../../lib/errors.ts';
import { chainEntry, emptyHead } from '../../model/log-chain.ts';
import { type LogEntry, type LoggedAction, type LogHead, type NewLogEntry } from '../../model/log-entry.ts';
import { actionOf, type ActionFilter, type AuditLog, defaultActionLimit } from '../audit-log.ts';
import { Database } from './database.ts';

// What is filtered by is derived from the JSON: a copy could say something else than what the hash covers.
const migrations = [
  `CREATE TABLE entry (
     number INTEGER PRIMARY KEY AUTOINCREMENT,
     json TEXT NOT NULL,
     kind TEXT GENERATED ALWAYS AS (json_extract(json, '$.kind')) VIRTUAL,
     actor TEXT GENERATED ALWAYS AS (json_extract(json, '$.actor')) VIRTUAL,
     operation TEXT GENERATED ALWAYS AS (json_extract(json, '$.operation')) VIRTUAL,
     object TEXT GENERATED ALWAYS AS (json_extract(json, '$.object')) VIRTUAL,
     request INTEGER GENERATED ALWAYS AS (json_extract(json, '$.request')) VIRTUAL,
     job TEXT GENERATED ALWAYS AS (json_extract(json, '$.job')) VIRTUAL
   ) STRICT;
   CREATE INDEX entry_by_request ON entry (request) WHERE request IS NOT NULL;
   CREATE INDEX entry_by_job ON entry (job) WHERE job IS NOT NULL;
   CREATE INDEX entry_by_actor ON entry (actor, number);
   CREATE INDEX entry_by_object ON entry (object, number) WHERE object IS NOT NULL;
   CREATE TRIGGER entry_is_not_changed BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
   CREATE TRIGGER entry_is_not_removed BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;`,
];

/** Opens D/audit-log.sqlite; parameters and errors as of the store. */
export async function openSqliteAuditLog(options: { path: string; expectExisting: boolean; clock?: Clock }): Promise<AuditLog> {
  const { path, expectExisting, clock = systemClock } = options;
  const database = await Database.open({ path, expectExisting, what: 'audit log', applicationId: 0x43736e41, migrations });
  try {
    return new SqliteAuditLog(database, clock);
  } catch (error) {
    database.close();
    throw error;
  }
}

class SqliteAuditLog implements AuditLog {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #insert: StatementSync;
  readonly #actions: StatementSync;
  readonly #outcome: StatementSync;
  readonly #end: StatementSync;
  readonly #range: StatementSync;
  readonly #last: StatementSync;
  #head: LogHead;
  #closed = false;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
    const prepare = (sql: string) => database.read(() => database.prepare(sql));
    this.#insert = prepare('INSERT INTO entry (number, json) VALUES (?, ?)');
    this.#actions = prepare(
      `SELECT json FROM entry
       WHERE kind IN ('request', 'login') AND number < $before
         AND ($actor IS NULL OR actor = $actor) AND ($operation IS NULL OR operation = $operation)
         AND ($object IS NULL OR object = $object) AND ($kind IS NULL OR kind = $kind)
       ORDER BY number DESC LIMIT $limit`,
    );
    this.#outcome = prepare("SELECT json FROM entry WHERE request = ? AND kind = 'outcome' LIMIT 1");
    this.#end = prepare("SELECT json FROM entry WHERE job = ? AND kind = 'job' LIMIT 1");
    this.#range = prepare('SELECT json FROM entry WHERE number > ? ORDER BY number LIMIT ?');
    this.#last = prepare("SELECT seq FROM sqlite_sequence WHERE name = 'entry'");
    this.#head = this.#readHead();
  }

  async append(entry: NewLogEntry): Promise<LogEntry> {
    this.#use();
    const written = chainEntry(this.#head, entry, new Date(this.#clock.now()).toISOString());
    this.#database.write('full', () => this.#insert.run(written.number, JSON.stringify(written)));
    this.#head = { number: written.number, hash: written.hash };
    return written;
  }

  async listActions(filter: ActionFilter = {}): Promise<LoggedAction[]> {
    this.#use();
    const values = {
      before: filter.before ?? Number.MAX_SAFE_INTEGER,
      actor: filter.actor ?? null,
      operation: filter.operation ?? null,
      object: filter.object ?? null,
      kind: filter.kind ?? null,
      limit: filter.limit ?? defaultActionLimit,
    };
    return this.#database.read(() =>
      this.#actions.all(values).map((row) => {
        const entry = toEntry(row);
        const find = (statement: StatementSync, by: string | number | undefined) => {
          const found = by === undefined ? undefined : statement.get(by);
          return found && toEntry(found);
        };
        const outcome = find(this.#outcome, entry.number);
        return actionOf(entry, outcome, find(this.#end, outcome?.job));
      }),
    );
  }

  async read({ after, limit }: { after: number; limit: number }): Promise<LogEntry[]> {
    this.#use();
    return this.#database.read(() => this.#range.all(after, limit).map(toEntry));
  }

  async head(): Promise<LogHead> {
    this.#use();
    return this.#head;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#database.close();
  }

  /** Where the next entry goes on: behind the last one ever, also when somebody removed it, so that the gap stays to be seen. */
  #readHead(): LogHead {
    const last = (this.#database.read(() => this.#last.get())?.['seq'] as number | undefined) ?? 0;
    if (last === 0) return emptyHead;
    const row = this.#database.read(() => this.#range.get(last - 1, 1));
    return { number: last, hash: row ? (toEntry(row).hash ?? emptyHead.hash) : emptyHead.hash };
  }

  #use(): void {
    if (this.#closed) throw new CaissonError('unavailable', 'the audit log is closed');
  }
}

/** As it stands there, checked by nobody: what was tampered with must reach whoever reads and verifies, not end the daemon. */
function toEntry(row: Record<string, unknown>): LogEntry {
  try {
    return JSON.parse(row['json'] as string) as LogEntry;
  } catch {
    return {} as LogEntry;
  }
}
