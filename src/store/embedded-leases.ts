// Leases of a store that lives in one process. Every holder lives in that process too, so the deadlines are kept in
// memory: a new process finds no holder alive. The row `lease/NAME` is what makes a lease a fence: its revision is new
// for every new holding, and a transaction that checks it cannot succeed once the lease was lost.
import type { Clock } from '../lib/clock.ts';
import { CaissonError } from '../lib/errors.ts';
import { checkKey, leasePrefix } from './prepare-transaction.ts';
import type { Lease, LeaseOptions } from './store.ts';

interface Holding {
  holder: string;
  revision: number;
  /** Monotonic milliseconds. */
  until: number;
}

export class EmbeddedLeases {
  readonly #clock: Clock;
  readonly #write: (key: string, value: unknown) => number;
  #holdings = new Map<string, Holding>();

  /** `write` puts the row, or deletes it when the value is undefined, and returns the new revision. */
  constructor(clock: Clock, write: (key: string, value: unknown) => number) {
    this.#clock = clock;
    this.#write = write;
  }

  acquire(name: string, options: LeaseOptions): Lease | undefined {
    const key = `${leasePrefix}${name}`;
    checkKey(key);
    if (!(options.ttlMs > 0)) throw new CaissonError('invalid', `the lease ${name} cannot last ${options.ttlMs} ms`);
    const now = this.#clock.monotonic();
    let holding = this.#holdings.get(key);
    if (holding !== undefined && holding.until > now) {
      if (holding.holder !== options.holder) return undefined;
      holding.until = now + options.ttlMs;
    } else {
      const revision = this.#write(key, { holder: options.holder });
      holding = { holder: options.holder, revision, until: now + options.ttlMs };
      this.#holdings.set(key, holding);
    }
    const held = holding;
    const holds = () => this.#holdings.get(key) === held && held.until > this.#clock.monotonic();
    return {
      key,
      revision: held.revision,
      renew: async () => {
        if (!holds()) return false;
        held.until = this.#clock.monotonic() + options.ttlMs;
        return true;
      },
      release: async () => {
        if (!holds()) return;
        this.#write(key, undefined);
        this.#holdings.delete(key);
      },
    };
  }
}
