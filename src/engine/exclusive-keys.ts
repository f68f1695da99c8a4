// Which job works on which objects: one at a time for each key, first come, first served. A job takes all its keys in one
// order, so that two of them never wait for each other.
import { CaissonError } from '../lib/errors.ts';
import { KeyedLock } from '../lib/keyed-lock.ts';

export interface Claim {
  /** Resolves when all keys are ours; rejects with the signal's reason. */
  whenFree(signal: AbortSignal): Promise<void>;
  /** To be called in every case, at the end. */
  release(): void;
}

export class ExclusiveKeys {
  readonly #lock = new KeyedLock();
  /** Jobs that hold or await a key, in order. */
  readonly #claims = new Map<string, string[]>();

  /** The job other than `except` that has, or will have, one of the keys first; undefined when there is none. */
  busyWith(keys: readonly string[], except?: string): { key: string; job: string } | undefined {
    for (const key of keys) {
      const job = this.#claims.get(key)?.[0];
      if (job !== undefined && job !== except) return { key, job };
    }
    return undefined;
  }

  /** Takes a place in the row for each key at once. */
  claim(keys: readonly string[], job: string): Claim {
    const sorted = [...new Set(keys)].toSorted();
    for (const key of sorted) this.#claims.set(key, [...(this.#claims.get(key) ?? []), job]);
    const releases: (() => void)[] = [];
    return {
      whenFree: async (signal) => {
        for (const key of sorted) releases.push(await this.#take(key, signal));
      },
      release: () => {
        for (const release of releases.splice(0)) release();
        for (const key of sorted) {
          const left = (this.#claims.get(key) ?? []).filter((other) => other !== job);
          if (left.length > 0) this.#claims.set(key, left);
          else this.#claims.delete(key);
        }
      },
    };
  }

  #take(key: string, signal: AbortSignal): Promise<() => void> {
    const { promise, resolve, reject } = Promise.withResolvers<() => void>();
    const released = Promise.withResolvers<void>();
    const giveUp = () => {
      released.resolve();
      reject(signal.reason instanceof Error ? signal.reason : new CaissonError('cancelled', `waiting for ${key} was cancelled`));
    };
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    this.#lock
      .with(key, () => {
        signal.removeEventListener('abort', giveUp);
        resolve(() => released.resolve());
        return released.promise;
      })
      .catch(reject);
    return promise;
  }
}
