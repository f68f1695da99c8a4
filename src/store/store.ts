// The contract of the store: the site's wish and the observed status, one JSON object a row, by key (`site`,
// `guest/gk3m9x4q2ab`, `zone/external`). Implemented by `sqlite/` (embedded default) and `memory/` (tests); both pass
// test/contract/store.contract.ts. The limits are those of the cluster store, so that what works on one host works on many.
//
// Every effective transaction raises the store's revision by one; the rows it writes carry that revision. A revision is
// never given twice, not even after a power cut.
import type { StoreRow } from './store-row.ts';

/** Distinct keys that a transaction may check and write. */
export const maxTransactionKeys = 100;
/** Bytes of keys and values that a transaction may write. */
export const maxTransactionBytes = 1024 * 1024;

/** The revision that a row must have; `absent`: it must not exist; `any`: it does not matter. */
export type Expected = number | 'absent' | 'any';

/** `full`: exists after a power cut. `relaxed`: survives our death, not always a power cut (status, observed again anyway). */
export type Durability = 'full' | 'relaxed';

export interface Check {
  key: string;
  expected: Expected;
}

export type Write = { key: string; expected: Expected; value: unknown } | { key: string; expected: Expected; delete: true };

export interface Transaction {
  /** Rows that are not written but must be as expected: a lease, the parent of a new object. */
  checks?: readonly Check[];
  /** Each key at most once. */
  writes: readonly Write[];
  /** Default `full`. */
  durability?: Durability;
}

export interface Snapshot {
  /** The store's revision at the moment of the reading: the place to watch from. */
  revision: number;
  /** In order of the keys. */
  rows: StoreRow[];
}

export type Change = { kind: 'put'; row: StoreRow } | { kind: 'delete'; key: string };

export type WatchItem =
  /** What one transaction changed under the prefix. */
  | { kind: 'changes'; revision: number; changes: Change[] }
  /** Changes after the asked revision are no longer known: list again. The last item of a watch. */
  | { kind: 'compacted'; revision: number };

export interface LeaseOptions {
  /** Who asks, e.g. the host's uid; the same holder gets its own lease again. */
  holder: string;
  ttlMs: number;
}

/** Held until it is released or not renewed for its time. Name `key` with `revision` in a transaction's checks to be sure. */
export interface Lease {
  key: string;
  revision: number;
  /** False when the lease was lost: stop what it protected. */
  renew(): Promise<boolean>;
  release(): Promise<void>;
}

export interface Store {
  get(key: string): Promise<StoreRow | undefined>;
  /** Every row whose key begins with `prefix` (`guest/`; an empty one is everything). */
  list(prefix: string): Promise<Snapshot>;
  /** Returns the new revision. Throws `conflict` (details: key, expected, found) when the row is not as expected. */
  put(key: string, value: unknown, options: { expected: Expected; durability?: Durability }): Promise<number>;
  /** Deleting what is not there with `any` changes nothing. Throws as `put`. */
  delete(key: string, options: { expected: Expected; durability?: Durability }): Promise<number>;
  /** All or nothing. Returns the store's revision after it. Throws `conflict`, `invalid` beyond the limits, `failed` when the disk is full. */
  transaction(transaction: Transaction): Promise<number>;
  /** Changes after `fromRevision`, in order, without end, until `signal` aborts (then it ends without an error) or the store closes. */
  watch(prefix: string, options: { fromRevision: number; signal?: AbortSignal }): AsyncIterable<WatchItem>;
  /** Undefined when somebody else holds it. */
  acquireLease(name: string, options: LeaseOptions): Promise<Lease | undefined>;
  close(): Promise<void>;
}
