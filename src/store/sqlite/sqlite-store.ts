// The embedded default: desired state and observed status of one host in one SQLite file. Schema and promises:
// docs/formats/store.md.
import type { StatementSync } from 'node:sqlite';
import type { Clock } from '../../lib/clock.ts';
import type { ChangeLogBounds } from '../change-log.ts';
import { EmbeddedStore, type RowTable } from '../embedded-store.ts';
import type { PreparedWrite } from '../prepare-transaction.ts';
import type { Durability, Store } from '../store.ts';
import { StoreRow } from '../store-row.ts';
import { Database } from './database.ts';

const migrations = [
  `CREATE TABLE object (
     key TEXT NOT NULL UNIQUE,
     revision INTEGER NOT NULL,
     json TEXT NOT NULL
   ) STRICT;
   CREATE TABLE counter (only INTEGER PRIMARY KEY CHECK (only = 1), revision INTEGER NOT NULL) STRICT;
   INSERT INTO counter VALUES (1, 0);`,
];

/** A power cut may take back at most this many relaxed commits … */
const maxRelaxed = 900;
/** … and opening skips more revisions than that, so that none is ever given twice. */
const revisionGap = 1000;

/**
 * Opens D/store.sqlite. `expectExisting`: this host has had a store (host.json says so). Throws `missing`, `too-new`,
 * `conflict` (another daemon has it), `failed` (damaged, foreign, disk full).
 */
export async function openSqliteStore(options: {
  path: string;
  expectExisting: boolean;
  clock?: Clock;
  bounds?: ChangeLogBounds;
}): Promise<Store> {
  const { path, expectExisting } = options;
  const database = await Database.open({ path, expectExisting, what: 'store', applicationId: 0x43736e53, migrations });
  try {
    return new EmbeddedStore(new SqliteTable(database), options);
  } catch (error) {
    database.close();
    throw error;
  }
}

class SqliteTable implements RowTable {
  readonly revision: number;
  readonly #database: Database;
  readonly #get: StatementSync;
  readonly #revisionOf: StatementSync;
  readonly #list: StatementSync;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  readonly #count: StatementSync;
  #relaxed = 0;

  constructor(database: Database) {
    this.#database = database;
    this.#get = database.prepare('SELECT key, revision, json FROM object WHERE key = ?');
    this.#revisionOf = database.prepare('SELECT revision FROM object WHERE key = ?');
    // Keys are ASCII below DEL, compared byte by byte.
    this.#list = database.prepare('SELECT key, revision, json FROM object WHERE key >= ? AND key < ? || char(127) ORDER BY key');
    this.#put = database.prepare(
      'INSERT INTO object (key, revision, json) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, json = excluded.json',
    );
    this.#delete = database.prepare('DELETE FROM object WHERE key = ?');
    this.#count = database.prepare('UPDATE counter SET revision = ?');
    const stored = database.read(() => database.prepare('SELECT revision FROM counter').get()?.['revision'] as number);
    this.revision = stored === 0 ? 0 : stored + revisionGap;
    if (stored !== 0) database.write('full', () => this.#count.run(this.revision));
  }

  get(key: string): StoreRow | undefined {
    const row = this.#database.read(() => this.#get.get(key));
    return row && toRow(row);
  }

  revisionOf(key: string): number | undefined {
    return this.#database.read(() => this.#revisionOf.get(key))?.['revision'] as number | undefined;
  }

  list(prefix: string): StoreRow[] {
    return this.#database.read(() => this.#list.all(prefix, prefix)).map(toRow);
  }

  commit(revision: number, writes: readonly PreparedWrite[], durability: Durability): void {
    const full = durability === 'full' || this.#relaxed >= maxRelaxed;
    this.#database.write(full ? 'full' : 'relaxed', () => {
      for (const { key, json } of writes) {
        if (json === undefined) this.#delete.run(key);
        else this.#put.run(key, revision, json);
      }
      this.#count.run(revision);
    });
    this.#relaxed = full ? 0 : this.#relaxed + 1;
  }

  close(): void {
    this.#database.close();
  }
}

function toRow(row: Record<string, unknown>): StoreRow {
  return new StoreRow(row['key'] as string, row['revision'] as number, row['json'] as string);
}
