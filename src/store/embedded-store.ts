// The store of one process: checks, revisions, watching and leases over a table of rows that nobody else writes. Each
// transaction is checked and committed without giving way to anything else, so no lock is needed.
import { type Clock, systemClock } from '../lib/clock.ts';
import { CaissonError } from '../lib/errors.ts';
import { failpoint } from '../lib/failpoint.ts';
import { ChangeLog, type ChangeLogBounds } from './change-log.ts';
import { EmbeddedLeases } from './embedded-leases.ts';
import { checkKey, checkPrefix, type PreparedWrite, prepareTransaction } from './prepare-transaction.ts';
import type { Change, Check, Durability, Expected, Lease, LeaseOptions, Snapshot, Store, Transaction, WatchItem } from './store.ts';
import { StoreRow } from './store-row.ts';

/** Where an embedded store keeps its rows. */
export interface RowTable {
  /** The last revision given when the table was opened. */
  readonly revision: number;
  get(key: string): StoreRow | undefined;
  revisionOf(key: string): number | undefined;
  /** In order of the keys. */
  list(prefix: string): StoreRow[];
  /** Writes all rows (`json` undefined: deletes) and the revision, or nothing. */
  commit(revision: number, writes: readonly PreparedWrite[], durability: Durability): void;
  close(): void;
}

export class EmbeddedStore implements Store {
  readonly #table: RowTable;
  readonly #log: ChangeLog;
  readonly #leases: EmbeddedLeases;
  #revision: number;
  #closed = false;

  constructor(table: RowTable, options: { clock?: Clock; bounds?: ChangeLogBounds } = {}) {
    this.#table = table;
    this.#revision = table.revision;
    this.#log = new ChangeLog(table.revision, options.bounds);
    this.#leases = new EmbeddedLeases(options.clock ?? systemClock, (key, value) =>
      this.#commit([{ key, expected: 'any', json: value === undefined ? undefined : JSON.stringify(value) }], 'relaxed'),
    );
  }

  async get(key: string): Promise<StoreRow | undefined> {
    this.#mustBeOpen();
    checkKey(key);
    return this.#table.get(key);
  }

  async list(prefix: string): Promise<Snapshot> {
    this.#mustBeOpen();
    checkPrefix(prefix);
    return { revision: this.#revision, rows: this.#table.list(prefix) };
  }

  put(key: string, value: unknown, options: { expected: Expected; durability?: Durability }): Promise<number> {
    const { expected, durability = 'full' } = options;
    return this.transaction({ writes: [{ key, expected, value }], durability });
  }

  delete(key: string, options: { expected: Expected; durability?: Durability }): Promise<number> {
    const { expected, durability = 'full' } = options;
    return this.transaction({ writes: [{ key, expected, delete: true }], durability });
  }

  async transaction(transaction: Transaction): Promise<number> {
    this.#mustBeOpen();
    const { checks, writes } = prepareTransaction(transaction);
    for (const check of [...checks, ...writes]) this.#mustBeAsExpected(check);
    return this.#commit(writes, transaction.durability ?? 'full');
  }

  watch(prefix: string, options: { fromRevision: number; signal?: AbortSignal }): AsyncIterable<WatchItem> {
    this.#mustBeOpen();
    checkPrefix(prefix);
    return this.#log.watch(prefix, options);
  }

  async acquireLease(name: string, options: LeaseOptions): Promise<Lease | undefined> {
    this.#mustBeOpen();
    return this.#leases.acquire(name, options);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#log.close();
    this.#table.close();
  }

  #commit(writes: readonly PreparedWrite[], durability: Durability): number {
    this.#mustBeOpen();
    const effective = writes.filter((write) => write.json !== undefined || this.#table.revisionOf(write.key) !== undefined);
    if (effective.length === 0) return this.#revision;
    const revision = this.#revision + 1;
    failpoint('store.commit.before');
    this.#table.commit(revision, effective, durability);
    this.#revision = revision;
    const changes = effective.map(({ key, json }): Change =>
      json === undefined ? { kind: 'delete', key } : { kind: 'put', row: new StoreRow(key, revision, json) },
    );
    this.#log.append(revision, changes);
    failpoint('store.commit.after');
    return revision;
  }

  #mustBeAsExpected({ key, expected }: Check): void {
    if (expected === 'any') return;
    const found = this.#table.revisionOf(key);
    if (expected === 'absent' ? found === undefined : found === expected) return;
    const what =
      expected === 'absent'
        ? 'exists already'
        : found === undefined
          ? 'does not exist (any more)'
          : 'was changed by somebody else in between';
    throw new CaissonError('conflict', `${key} ${what}`, { details: { key, expected, found: found ?? 'absent' } });
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new CaissonError('unavailable', 'the store is closed');
  }
}
