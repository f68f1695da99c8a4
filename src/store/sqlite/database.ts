// One open database: transactions with the durability asked for, and errors of ours.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { CaissonError } from '../../lib/errors.ts';
import type { Durability } from '../store.ts';
import { type OpenOptions, openDatabase } from './open-database.ts';
import { isSyncFailure, sqliteError } from './sqlite-error.ts';

export class Database {
  readonly #database: DatabaseSync;
  readonly #what: string;
  readonly #path: string;
  #durability: Durability = 'full';
  /** Set when it is no longer known what is on the disk. */
  #lost: CaissonError | undefined;

  private constructor(database: DatabaseSync, options: OpenOptions) {
    this.#database = database;
    this.#what = options.what;
    this.#path = options.path;
  }

  static async open(options: OpenOptions): Promise<Database> {
    return new Database(await openDatabase(options), options);
  }

  prepare(sql: string): StatementSync {
    return this.#database.prepare(sql);
  }

  /** Reads, with errors of ours. */
  read<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw sqliteError(error, this.#what, this.#path);
    }
  }

  /** Runs `work` in a transaction: all of it or nothing. With `full` it is on the disk when this returns. */
  write<T>(durability: Durability, work: () => T): T {
    if (this.#lost) throw this.#lost;
    try {
      // Relaxed commits are appended to the log unsynced; the next full one syncs them too, so order is never lost.
      if (durability !== this.#durability) {
        this.#database.exec(`PRAGMA synchronous=${durability === 'full' ? 'FULL' : 'NORMAL'}`);
        this.#durability = durability;
      }
      this.#database.exec('BEGIN IMMEDIATE');
      const result = work();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      const ours = sqliteError(error, this.#what, this.#path);
      if (isSyncFailure(error)) {
        // After a failed sync Linux drops the unwritten pages: a later sync would succeed without them.
        this.#lost = new CaissonError(
          'unavailable',
          `the ${this.#what} ${this.#path} takes no more writes since the disk failed to make one durable: look at the disk, then start the daemon again`,
          { cause: error },
        );
      }
      this.#rollBack();
      throw ours;
    }
  }

  /** Makes the file as small as what is in it. Where there is no space for that now, what is free is used by what comes. */
  giveBackSpace(): void {
    try {
      this.#database.exec('VACUUM; PRAGMA wal_checkpoint(TRUNCATE)');
    } catch (error) {
      if (isSyncFailure(error)) this.#lost = sqliteError(error, this.#what, this.#path);
    }
  }

  close(): void {
    this.read(() => this.#database.close());
  }

  #rollBack(): void {
    try {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
    } catch (error) {
      this.#lost ??= sqliteError(error, this.#what, this.#path);
    }
  }
}
