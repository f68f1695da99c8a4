// One at a time for each key; first come, first served. Work on different keys runs side by side.

export class KeyedLock {
  #tails = new Map<string, Promise<void>>();

  /** Runs `work` when every earlier holder of `key` has ended, however that ended. */
  async with<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const { promise: tail, resolve: release } = Promise.withResolvers<void>();
    this.#tails.set(key, tail);
    await before;
    try {
      return await work();
    } finally {
      release();
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }

  /** Whether somebody holds the key or waits for it. */
  isHeld(key: string): boolean {
    return this.#tails.has(key);
  }
}
