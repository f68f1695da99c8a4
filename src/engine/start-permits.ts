// Guests that boot need the host's processors: too many at once and none is ready in time. A permit is held from the start of the process
// until the guest is up; who waits for one is served by how many others wait for him, then in order of coming.

interface Waiting {
  rank: number;
  begin: () => void;
}

export class StartPermits {
  readonly #limit: () => Promise<number>;
  readonly #waiting: Waiting[] = [];
  #taken = 0;

  /** `limit` is asked at each start: it is known only when the hypervisor is. */
  constructor(limit: () => Promise<number>) {
    this.#limit = limit;
  }

  /** How many hold one. */
  get taken(): number {
    return this.#taken;
  }

  /**
   * Resolves with what gives it back (more than once does nothing); rejects with the signal's reason. `onWait` is called when it
   * cannot be had at once.
   */
  async take(rank: number, signal: AbortSignal, onWait: () => void): Promise<() => void> {
    const limit = await this.#limit();
    signal.throwIfAborted();
    if (this.#taken < limit && this.#waiting.length === 0) {
      this.#taken += 1;
    } else {
      onWait();
      await this.#queue(rank, signal);
    }
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const next = this.#waiting.shift();
      if (next) next.begin();
      else this.#taken -= 1;
    };
  }

  #queue(rank: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting: Waiting = {
      rank,
      begin: () => {
        signal.removeEventListener('abort', leave);
        resolve();
      },
    };
    const leave = () => {
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', leave, { once: true });
    const behind = this.#waiting.findIndex((other) => other.rank < rank);
    this.#waiting.splice(behind === -1 ? this.#waiting.length : behind, 0, waiting);
    return promise;
  }
}
