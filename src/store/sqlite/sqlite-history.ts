// The history in a SQLite file of its own: written once a minute, and nothing is lost with it but figures. Schema and promises: docs/formats/history.md.
import type { StatementSync } from 'node:sqlite';
import { CaissonError } from '../../lib/errors.ts';
import { type Resolution, resolutions, type Usage, usageSchema } from '../../model/usage.ts';
import { type History, type HistoryRange, keptSlots, type MinuteSample, slotMs } from '../history.ts';
import { rollUp, usageOfMinute } from '../roll-up.ts';
import { Database } from './database.ts';

const migrations = [
  `CREATE TABLE usage (
     resolution TEXT NOT NULL CHECK (resolution IN ('minute', 'hour', 'day')),
     uid TEXT NOT NULL,
     time INTEGER NOT NULL,
     json TEXT NOT NULL,
     PRIMARY KEY (resolution, uid, time)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX usage_by_time ON usage (resolution, time);`,
  // Rows may have `short` from here on, which an older daemon does not know: it is to say that it is older.
  '',
];

/** Opens D/history.sqlite, or begins it. */
export async function openSqliteHistory({ path }: { path: string }): Promise<History> {
  const database = await Database.open({ path, expectExisting: false, what: 'history', applicationId: 0x43736e48, migrations });
  try {
    return new SqliteHistory(database);
  } catch (error) {
    database.close();
    throw error;
  }
}

class SqliteHistory implements History {
  readonly #database: Database;
  readonly #put: StatementSync;
  readonly #list: StatementSync;
  readonly #newest: StatementSync;
  readonly #trim: StatementSync;
  readonly #forget: StatementSync;
  #closed = false;

  constructor(database: Database) {
    this.#database = database;
    const prepare = (sql: string) => database.read(() => database.prepare(sql));
    this.#put = prepare(
      'INSERT INTO usage (resolution, uid, time, json) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET json = excluded.json',
    );
    this.#list = prepare('SELECT json FROM usage WHERE resolution = ? AND uid = ? AND time >= ? AND time < ? ORDER BY time');
    this.#newest = prepare('SELECT max(time) AS time FROM usage WHERE resolution = ? AND uid = ?');
    this.#trim = prepare('DELETE FROM usage WHERE resolution = ? AND time < ?');
    this.#forget = prepare('DELETE FROM usage WHERE uid = ?');
  }

  async add(samples: readonly MinuteSample[], now: number): Promise<void> {
    this.#use();
    this.#database.write('relaxed', () => {
      for (const sample of samples) this.#write('minute', sample.uid, usageOfMinute(sample));
      for (const uid of new Set(samples.map((sample) => sample.uid))) {
        this.#roll(uid, 'minute', 'hour', now);
        this.#roll(uid, 'hour', 'day', now);
      }
      for (const resolution of resolutions) this.#trim.run(resolution, now - keptSlots[resolution] * slotMs[resolution]);
    });
  }

  async read({ uid, resolution, from = 0 }: HistoryRange): Promise<Usage[]> {
    this.#use();
    return this.#database.read(() => this.#read(resolution, uid, from));
  }

  async forget(uid: string): Promise<void> {
    this.#use();
    this.#database.write('relaxed', () => this.#forget.run(uid));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#database.close();
  }

  #read(resolution: Resolution, uid: string, from: number, to = Number.MAX_SAFE_INTEGER): Usage[] {
    return this.#list.all(resolution, uid, from, to).map((row) => usageSchema.parse(JSON.parse(row['json'] as string)));
  }

  #write(resolution: Resolution, uid: string, usage: Usage): void {
    this.#put.run(resolution, uid, usage.time, JSON.stringify(usage));
  }

  /** What is over since the last that was made. */
  #roll(uid: string, from: 'minute' | 'hour', to: 'hour' | 'day', now: number): void {
    const newest = this.#newest.get(to, uid)?.['time'];
    const begin = typeof newest === 'number' ? newest + slotMs[to] : 0;
    const end = Math.floor(now / slotMs[to]) * slotMs[to];
    if (begin >= end) return;
    const groups = Map.groupBy(this.#read(from, uid, begin, end), ({ time }) => Math.floor(time / slotMs[to]) * slotMs[to]);
    for (const [time, parts] of groups) this.#write(to, uid, rollUp(time, parts));
  }

  #use(): void {
    if (this.#closed) throw new CaissonError('unavailable', 'the history is closed');
  }
}
