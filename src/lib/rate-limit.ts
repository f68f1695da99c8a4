// How often something may be tried: each key has a bucket that begins full, and fills again with time. Memory is bounded: a bucket that is full again
// is forgotten, and of too many the oldest gives way.
import type { Clock } from './clock.ts';

export interface RateLimitOptions {
  /** Tries that may come at once. */
  burst: number;
  /** Until one more is possible. */
  everyMs: number;
  clock: Clock;
  /** Keys that are remembered. */
  mostKeys?: number;
}

interface Bucket {
  left: number;
  at: number;
}

export class RateLimit {
  readonly #options: Required<RateLimitOptions>;
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: RateLimitOptions) {
    this.#options = { mostKeys: 10_000, ...options };
  }

  /** Milliseconds until the next try is possible; 0: now. */
  waitMs(key: string): number {
    const { left } = this.#look(key);
    return left >= 1 ? 0 : Math.ceil((1 - left) * this.#options.everyMs);
  }

  /** Counts one. Also when none is left, but never into debt: who goes on trying does not wait longer than who stops. */
  take(key: string): void {
    const { left, at } = this.#look(key);
    this.#keep(key, { left: Math.max(0, left - 1), at });
  }

  /** It was not one that counts. */
  giveBack(key: string): void {
    const { left, at } = this.#look(key);
    this.#keep(key, { left: Math.min(this.#options.burst, left + 1), at });
  }

  #look(key: string): Bucket {
    const now = this.#options.clock.monotonic();
    const bucket = this.#buckets.get(key);
    if (!bucket) return { left: this.#options.burst, at: now };
    return { left: Math.min(this.#options.burst, bucket.left + (now - bucket.at) / this.#options.everyMs), at: now };
  }

  #keep(key: string, bucket: Bucket): void {
    this.#buckets.delete(key);
    if (bucket.left >= this.#options.burst) return;
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > this.#options.mostKeys) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    }
  }
}
