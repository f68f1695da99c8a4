// The store of tests and simulated sites: nothing of it outlives the process.
import type { Clock } from '../../lib/clock.ts';
import type { ChangeLogBounds } from '../change-log.ts';
import { EmbeddedStore, type RowTable } from '../embedded-store.ts';
import type { PreparedWrite } from '../prepare-transaction.ts';
import { StoreRow } from '../store-row.ts';

export class MemoryStore extends EmbeddedStore {
  constructor(options: { clock?: Clock; bounds?: ChangeLogBounds } = {}) {
    super(new MemoryTable(), options);
  }
}

class MemoryTable implements RowTable {
  readonly revision = 0;
  #rows = new Map<string, { revision: number; json: string }>();

  get(key: string): StoreRow | undefined {
    const row = this.#rows.get(key);
    return row && new StoreRow(key, row.revision, row.json);
  }

  revisionOf(key: string): number | undefined {
    return this.#rows.get(key)?.revision;
  }

  list(prefix: string): StoreRow[] {
    const rows: StoreRow[] = [];
    for (const [key, row] of this.#rows) if (key.startsWith(prefix)) rows.push(new StoreRow(key, row.revision, row.json));
    return rows.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  }

  commit(revision: number, writes: readonly PreparedWrite[]): void {
    for (const { key, json } of writes) {
      if (json === undefined) this.#rows.delete(key);
      else this.#rows.set(key, { revision, json });
    }
  }

  close(): void {
    this.#rows.clear();
  }
}
