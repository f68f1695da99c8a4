// Checks a transaction against the contract's limits and makes its JSON texts, before anything is touched. Pure.
import { CaissonError } from '../lib/errors.ts';
import { type Check, type Expected, maxTransactionBytes, maxTransactionKeys, type Transaction } from './store.ts';

export interface PreparedWrite {
  key: string;
  expected: Expected;
  /** Undefined: the row is deleted. */
  json: string | undefined;
}

export interface PreparedTransaction {
  checks: readonly Check[];
  writes: readonly PreparedWrite[];
}

const keyPattern = /^[a-z][a-z0-9-]*(?:\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/;
const prefixPattern = /^[A-Za-z0-9._/-]*$/;
const maxKeyLength = 200;

/** Rows under this prefix are written by leases alone. */
export const leasePrefix = 'lease/';

/** Throws `invalid` naming the key or the limit. */
export function prepareTransaction(transaction: Transaction): PreparedTransaction {
  const checks = transaction.checks ?? [];
  const keys = new Set<string>();
  for (const { key } of [...transaction.writes, ...checks]) checkKey(key);
  for (const { key } of transaction.writes) {
    if (keys.has(key)) throw new CaissonError('invalid', `a transaction writes ${key} twice`);
    if (key.startsWith(leasePrefix)) throw new CaissonError('invalid', `${key} belongs to a lease and cannot be written`);
    keys.add(key);
  }
  for (const { key } of checks) keys.add(key);
  if (keys.size > maxTransactionKeys) {
    throw new CaissonError('invalid', `a transaction of ${keys.size} keys: at most ${maxTransactionKeys} are possible`);
  }
  let bytes = 0;
  const writes = transaction.writes.map((write): PreparedWrite => {
    const json = 'delete' in write ? undefined : toJson(write.key, write.value);
    bytes += write.key.length + (json === undefined ? 0 : Buffer.byteLength(json));
    return { key: write.key, expected: write.expected, json };
  });
  if (bytes > maxTransactionBytes) {
    throw new CaissonError('invalid', `a transaction of ${bytes} bytes: at most ${maxTransactionBytes} are possible`);
  }
  return { checks, writes };
}

export function checkKey(key: string): void {
  if (key.length > maxKeyLength || !keyPattern.test(key)) {
    throw new CaissonError('invalid', `${JSON.stringify(key.slice(0, maxKeyLength))} is not a store key`);
  }
}

export function checkPrefix(prefix: string): void {
  if (prefix.length > maxKeyLength || !prefixPattern.test(prefix)) {
    throw new CaissonError('invalid', `${JSON.stringify(prefix.slice(0, maxKeyLength))} is not the beginning of a store key`);
  }
}

function toJson(key: string, value: unknown): string {
  const json = JSON.stringify(value) as string | undefined;
  if (json === undefined) throw new CaissonError('invalid', `the value for ${key} cannot be written as JSON`);
  return json;
}
