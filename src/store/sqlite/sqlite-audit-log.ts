// The audit log in a SQLite file of its own: it outlives store and journal, and can be copied to whoever keeps evidence. Rows cannot be changed, and removed
// only up to an entry that was archived, in the order in which they were written: triggers refuse everything else. Schema and promises: docs/formats/audit-log.md.
import type { StatementSync } from 'node:sqlite';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { CaissonError } from '../../lib/errors.ts';
import { chainEntry, emptyHead } from '../../model/log-chain.ts';
import { type LogEntry, type LoggedAction, type LogHead, type NewLogEntry } from '../../model/log-entry.ts';
import { actionOf, type ActionFilter, type AuditLog, defaultActionLimit, digestEntries, notInTheLog, otherDigest } from '../audit-log.ts';
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
  // What was archived, and how far: the last one is what the entries that are left go on from.
  `CREATE TABLE archive (
     through INTEGER PRIMARY KEY,
     hash TEXT NOT NULL,
     sha256 TEXT NOT NULL,
     time TEXT NOT NULL
   ) STRICT;
   CREATE TRIGGER archive_is_of_an_entry BEFORE INSERT ON archive
     WHEN NOT EXISTS (SELECT 1 FROM entry WHERE number = NEW.through AND json_extract(json, '$.hash') = NEW.hash)
     BEGIN SELECT RAISE(ABORT, 'an archive ends with an entry of the audit log'); END;
   CREATE TRIGGER archive_is_not_changed BEFORE UPDATE ON archive BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
   CREATE TRIGGER archive_is_not_removed BEFORE DELETE ON archive BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
   DROP TRIGGER entry_is_not_removed;
   CREATE TRIGGER entry_is_not_removed BEFORE DELETE ON entry
     WHEN OLD.number > (SELECT coalesce(max(through), 0) FROM archive)
     BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;`,
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
  readonly #addArchive: StatementSync;
  readonly #remove: StatementSync;
  #head: LogHead;
  #archived: LogHead;
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
    this.#addArchive = prepare('INSERT INTO archive (through, hash, sha256, time) VALUES (?, ?, ?, ?)');
    this.#remove = prepare('DELETE FROM entry WHERE number <= ?');
    const archived = database.read(() => prepare('SELECT through, hash FROM archive ORDER BY through DESC LIMIT 1').get());
    this.#archived = archived ? { number: archived['through'] as number, hash: archived['hash'] as string } : emptyHead;
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

  async archived(): Promise<LogHead> {
    this.#use();
    return this.#archived;
  }

  async archive(through: LogHead, sha256: string): Promise<number> {
    this.#use();
    const mustBeThere = () => {
      const row = this.#database.read(() => this.#range.get(through.number - 1, 1));
      const entry = row && toEntry(row);
      if (entry?.number !== through.number || entry.hash !== through.hash) throw notInTheLog(through.number);
    };
    mustBeThere();
    const { sha256: own, entries } = await digestEntries(this, this.#archived.number, through.number);
    if (own !== sha256) throw otherDigest(through.number);
    // Somebody else may have been faster.
    this.#use();
    mustBeThere();
    this.#database.write('full', () => {
      this.#addArchive.run(through.number, through.hash, sha256, new Date(this.#clock.now()).toISOString());
      this.#remove.run(through.number);
    });
    this.#archived = through;
    this.#database.giveBackSpace();
    return entries;
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
    if (last === this.#archived.number) return this.#archived;
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
