// A guest whose disk found no space is paused by QEMU with its writes unfinished, and loses nothing. Here it is watched until there is
// space, and let go on; QEMU then writes what it could not.
import { formatSize } from '../lib/units.ts';
import type { GuestBoard } from './guest-board.ts';
import type { EngineParts } from './parts.ts';

const firstPauseMs = 2000;
/** A guest that was let go on and found no space again (a quota, a reserve) is not asked so often. */
const longestPauseMs = 60_000;
/** With less it would be paused again at once. */
const leastFreeBytes = 16 * 1024 * 1024;
/** What it could not write is written within this time, or fails again. */
const settleMs = 1000;

export interface SpaceParts {
  parts: Pick<EngineParts, 'clock' | 'log' | 'guestFiles'>;
  board: GuestBoard;
  /** Lets its processors run again, if it is still paused for want of space. */
  goOn: (uid: string) => Promise<void>;
  /** It runs, and has done so for a moment. */
  recovered: (uid: string, freeBytes: string) => void;
}

export class GuestSpace {
  readonly #w: SpaceParts;
  readonly #watched = new Map<string, AbortController>();

  constructor(parts: SpaceParts) {
    this.#w = parts;
  }

  /** Whether this is the same want of space as before, of which people have been told. */
  isWatched(uid: string): boolean {
    return this.#watched.has(uid);
  }

  watch(uid: string): void {
    if (this.#watched.has(uid)) return;
    const ending = new AbortController();
    this.#watched.set(uid, ending);
    this.#loop(uid, ending.signal)
      .catch((error: unknown) => {
        if (!ending.signal.aborted) this.#w.parts.log.error('a guest without space is not watched any more', { uid, error });
      })
      .finally(() => this.#watched.get(uid) === ending && this.#watched.delete(uid));
  }

  stop(uid: string): void {
    this.#watched.get(uid)?.abort(new Error('the guest is not watched any more'));
    this.#watched.delete(uid);
  }

  close(): void {
    for (const uid of this.#watched.keys()) this.stop(uid);
  }

  async #loop(uid: string, signal: AbortSignal): Promise<void> {
    const { parts, board, goOn, recovered } = this.#w;
    const isPaused = () => board.get(uid).haltedBy === 'no-space';
    for (let pauseMs = firstPauseMs; isPaused();) {
      await parts.clock.sleep(pauseMs, signal);
      try {
        const freeBytes = await parts.guestFiles.freeBytes(uid);
        if (freeBytes < leastFreeBytes || !isPaused()) continue;
        await goOn(uid);
        await parts.clock.sleep(settleMs, signal);
        if (board.get(uid).power === 'running') recovered(uid, formatSize(freeBytes));
      } catch (error) {
        if (signal.aborted) throw error;
        parts.log.warn('a guest without space could not be let go on; it is tried again', { uid, error });
      }
      pauseMs = Math.min(longestPauseMs, pauseMs * 2);
    }
  }
}
