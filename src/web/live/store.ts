// What the page knows of the daemon: one entry a question, asked once however many look at it, kept while somebody does and a moment longer.
// An answer stays in sight while it is asked again, so that nothing flickers; a failure stands beside the last answer.
import { type CaissonError, toCaissonError } from '../../lib/errors.ts';

export interface Entry<T> {
  value: T | undefined;
  error: CaissonError | undefined;
  /** It has been asked at least once, with whatever outcome. */
  settled: boolean;
}

type Ask = () => Promise<unknown>;

interface Slot {
  entry: Entry<unknown>;
  ask: Ask;
  watchers: Set<() => void>;
  asking: boolean;
  /** Asked for again while an answer was under way: that answer may be too old. */
  again: boolean;
  forget: ReturnType<typeof setTimeout> | undefined;
}

const keptMs = 60_000;
const unknown: Entry<never> = { value: undefined, error: undefined, settled: false };

export class Store {
  readonly #slots = new Map<string, Slot>();

  read<T>(key: string): Entry<T> {
    return (this.#slots.get(key)?.entry ?? unknown) as Entry<T>;
  }

  /** Asks when nothing is known yet. Returns how to stop watching. */
  watch<T>(key: string, ask: () => Promise<T>, watcher: () => void): () => void {
    let slot = this.#slots.get(key);
    if (!slot) {
      slot = { entry: unknown, ask, watchers: new Set(), asking: false, again: false, forget: undefined };
      this.#slots.set(key, slot);
    }
    slot.ask = ask;
    clearTimeout(slot.forget);
    slot.watchers.add(watcher);
    const known = slot;
    // What nobody watched was not kept up to date.
    if (slot.watchers.size === 1) void this.#ask(slot);
    return () => {
      known.watchers.delete(watcher);
      if (known.watchers.size > 0) return;
      known.forget = setTimeout(() => this.#slots.delete(key), keptMs);
    };
  }

  /** Asks everything again whose key begins so, and that somebody watches. */
  refresh(prefix: string): void {
    for (const [key, slot] of this.#slots) if (key.startsWith(prefix) && slot.watchers.size > 0) void this.#ask(slot);
  }

  isWatched(key: string): boolean {
    return (this.#slots.get(key)?.watchers.size ?? 0) > 0;
  }

  /** Puts a newer value in place of the one known. */
  update<T>(key: string, change: (value: T) => T): void {
    const slot = this.#slots.get(key);
    if (slot?.entry.value === undefined) return;
    this.#put(slot, { ...slot.entry, value: change(slot.entry.value as T) });
  }

  async #ask(slot: Slot): Promise<void> {
    if (slot.asking) {
      slot.again = true;
      return;
    }
    slot.asking = true;
    try {
      do {
        slot.again = false;
        try {
          this.#put(slot, { value: await slot.ask(), error: undefined, settled: true });
        } catch (error) {
          this.#put(slot, { ...slot.entry, error: toCaissonError(error), settled: true });
        }
      } while (slot.again && slot.watchers.size > 0);
    } finally {
      slot.asking = false;
    }
  }

  #put(slot: Slot, entry: Entry<unknown>): void {
    slot.entry = entry;
    for (const watcher of slot.watchers) watcher();
  }
}
