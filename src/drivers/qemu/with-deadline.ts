// A bound on waiting for somebody else's answer.
import type { Clock } from '../../lib/clock.ts';
import { CaissonError } from '../../lib/errors.ts';

/** The value of `promise`, or `timeout` naming `what`; the promise itself goes on and its failure is not left unhandled. */
export async function withDeadline<T>(clock: Clock, what: string, timeoutMs: number, promise: Promise<T>): Promise<T> {
  const done = new AbortController();
  const late = clock.sleep(timeoutMs, done.signal).then(() => {
    throw new CaissonError('timeout', `${what}: no answer within ${Math.round(timeoutMs)} ms`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    done.abort();
    late.catch(() => {});
    promise.catch(() => {});
  }
}
