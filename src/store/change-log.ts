// The last changes of an embedded store, kept in memory for its watchers. A watcher is a position in this log, not a
// buffer of its own: memory is bounded however many and however slow they are. Who falls behind the bound is told so.
import type { Change, WatchItem } from './store.ts';

interface Entry {
  revision: number;
  changes: readonly Change[];
  bytes: number;
}

export interface ChangeLogBounds {
  /** Transactions. */
  maxEntries: number;
  /** Of keys and values, about. */
  maxBytes: number;
}

export const defaultBounds: ChangeLogBounds = { maxEntries: 2000, maxBytes: 2 * 1024 * 1024 };

export class ChangeLog {
  readonly #bounds: ChangeLogBounds;
  /** Every change after this revision is in `#entries`, one entry a revision. */
  #start: number;
  #entries: Entry[] = [];
  #bytes = 0;
  #waiting = new Set<() => void>();
  #closed = false;

  constructor(revision: number, bounds: ChangeLogBounds = defaultBounds) {
    this.#start = revision;
    this.#bounds = bounds;
  }

  /** `revision` is one more than the last. */
  append(revision: number, changes: readonly Change[]): void {
    let bytes = 0;
    for (const change of changes) bytes += change.kind === 'put' ? change.row.json.length + change.row.key.length : change.key.length;
    this.#entries.push({ revision, changes, bytes });
    this.#bytes += bytes;
    while (this.#entries.length > this.#bounds.maxEntries || (this.#bytes > this.#bounds.maxBytes && this.#entries.length > 1)) {
      const oldest = this.#entries.shift() as Entry;
      this.#bytes -= oldest.bytes;
      this.#start = oldest.revision;
    }
    this.#wakeAll();
  }

  async *watch(prefix: string, options: { fromRevision: number; signal?: AbortSignal }): AsyncGenerator<WatchItem, void> {
    let at = options.fromRevision;
    while (!this.#closed && !options.signal?.aborted) {
      const last = this.#start + this.#entries.length;
      // A revision from the future comes from another life of the store: what happened since is not known either.
      if (at < this.#start || at > last) {
        yield { kind: 'compacted', revision: last };
        return;
      }
      const entry = this.#entries[at - this.#start];
      if (!entry) {
        await this.#untilWoken(options.signal);
        continue;
      }
      at = entry.revision;
      const changes = entry.changes.filter((change) => keyOf(change).startsWith(prefix));
      if (changes.length > 0) yield { kind: 'changes', revision: entry.revision, changes };
    }
  }

  /** Ends every watch. */
  close(): void {
    this.#closed = true;
    this.#wakeAll();
  }

  #wakeAll(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  #untilWoken(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => {
      signal?.removeEventListener('abort', wake);
      this.#waiting.delete(wake);
      resolve();
    };
    this.#waiting.add(wake);
    signal?.addEventListener('abort', wake, { once: true });
    return promise;
  }
}

function keyOf(change: Change): string {
  return change.kind === 'put' ? change.row.key : change.key;
}
