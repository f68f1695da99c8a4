// Waiting for something for a bounded time, without leaving the wait behind.
import type { Clock } from './clock.ts';

/** True when `wait` resolved in time, false when the time was over first. Rejects as `wait` does otherwise, and with the signal's reason. */
export async function within(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  wait: (signal: AbortSignal) => Promise<unknown>,
): Promise<boolean> {
  const over = new AbortController();
  const ended = new AbortController();
  clock.sleep(ms, ended.signal).then(
    () => over.abort(new Error('time is over')),
    () => undefined,
  );
  try {
    await wait(AbortSignal.any([signal, over.signal]));
    return true;
  } catch (error) {
    if (over.signal.aborted && !signal.aborted) return false;
    throw error;
  } finally {
    ended.abort();
  }
}
