// Waiting on a value instead of sleeping: asks until the answer is truthy.
import { type Clock, systemClock } from './clock.ts';
import { CaissonError } from './errors.ts';

type Truthy<T> = Exclude<T, false | 0 | '' | null | undefined>;

/**
 * Calls `condition` every `everyMs` (default 50) until it returns something truthy, and returns that.
 * Throws `timeout`, naming `what`, after `timeoutMs`; an error thrown by `condition` passes through.
 */
export async function waitFor<T>(
  what: string,
  condition: () => Promise<T> | T,
  options: { timeoutMs: number; everyMs?: number; clock?: Clock; signal?: AbortSignal },
): Promise<Truthy<T>> {
  const clock = options.clock ?? systemClock;
  const until = clock.monotonic() + options.timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value as Truthy<T>;
    if (clock.monotonic() >= until) throw new CaissonError('timeout', `${what}: not after ${options.timeoutMs} ms`);
    await clock.sleep(options.everyMs ?? 50, options.signal);
  }
}
