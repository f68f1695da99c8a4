// A guest ended, or hangs, by itself: is it started again, and when? Pure. The pause doubles with each failure in a row, so that a guest
// that cannot live costs the host little; a stable run makes the next failure a first one.
import type { GuestRestart } from '../model/guest-restart.ts';

const firstPauseMs = 1000;
export const longestPauseMs = 300_000;

export interface GuestEnd {
  restart: GuestRestart;
  /** `failure`: a crash, a panic, an expired watchdog, a start that did not work. `shut-down`: the guest's own wish. */
  end: 'failure' | 'shut-down';
  /** From its start to its end; 0 when it did not start. */
  ranMs: number;
  /** Failures in a row before this one. */
  failures: number;
}

export type RestartDecision =
  | { kind: 'restart'; failures: number; pauseMs: number }
  /** `policy`: that is what the policy wants. `given-up`: it has failed too often. */
  | { kind: 'stays'; failures: number; why: 'policy' | 'given-up' };

export function decideRestart({ restart, end, ranMs, failures }: GuestEnd): RestartDecision {
  const { policy, tries, stableAfterMs } = restart;
  const inARow = (ranMs >= stableAfterMs ? 0 : failures) + 1;
  if (policy === 'never' || (policy === 'on-failure' && end === 'shut-down')) return { kind: 'stays', failures: inARow, why: 'policy' };
  if (inARow > tries) return { kind: 'stays', failures: inARow, why: 'given-up' };
  return { kind: 'restart', failures: inARow, pauseMs: Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(inARow - 1, 30)) };
}
