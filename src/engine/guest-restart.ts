// Guests that end by themselves are started again, as their policy says: after a pause that grows, so often and no more. What is pending
// stands in the guest's status, which is kept, so that a daemon that dies in a pause goes on with it; a new start of the host, or
// somebody who starts the guest, begins anew.
import { describeError } from '../lib/errors.ts';
import { formatDuration } from '../lib/units.ts';
import type { GuestRecord, RestartStatus } from '../model/guest-status.ts';
import { decideRestart, longestPauseMs } from '../plan/guest-restart.ts';
import type { Events } from './events.ts';
import type { GuestBoard } from './guest-board.ts';
import type { EngineParts } from './parts.ts';
import type { SiteStore } from './site-store.ts';

export interface RestarterParts {
  parts: Pick<EngineParts, 'clock' | 'log'>;
  site: SiteStore;
  board: GuestBoard;
  events: Events;
  /** Starts the guest as a job of the system's; resolves when that is on its way. */
  startAgain: (uid: string) => Promise<void>;
}

/** How a guest ended: `what` begins the sentence that its status then shows. */
export interface EndedRun {
  end: 'failure' | 'shut-down';
  what: string;
  /** 0 when it did not even start. */
  ranMs: number;
}

export class GuestRestarter {
  readonly #w: RestarterParts;
  readonly #pauses = new Map<string, AbortController>();
  #held = false;

  constructor(parts: RestarterParts) {
    this.#w = parts;
  }

  /** Decides what is done about a guest that ended, or hangs, and says it in the guest's status. Returns whether it is started again. */
  ended(uid: string, { end, what, ranMs }: EndedRun): boolean {
    const { board, site, parts, events } = this.#w;
    const record = site.guest(uid);
    this.#dropPause(uid);
    if (record.wantedPower !== 'running' || this.#held) return false;
    const { restart } = record.spec;
    const decision = decideRestart({ restart, end, ranMs, failures: board.get(uid).restart?.failures ?? 0 });
    const base = { failures: decision.failures, tries: restart.tries };
    if (decision.kind === 'stays') {
      if (end === 'shut-down' && decision.why === 'policy') return false;
      const way = `“caisson guest ${board.get(uid).power === 'halted' ? `reboot --force ${record.name}` : `start ${record.name}`}” starts it again`;
      const why = decision.why === 'policy' ? way : `it failed ${decision.failures} times in a row and stays down; ${way}`;
      board.set(uid, { restart: { ...base, givenUp: true }, reason: `${what}; ${why}` });
      if (decision.why === 'given-up') {
        const message = `guest ${record.name} failed ${decision.failures} times in a row and is not started again`;
        events.emit({ kind: 'guest-given-up', severity: 'error', object: `guest/${uid}`, message });
      }
      return false;
    }
    const { pauseMs } = decision;
    board.set(uid, {
      restart: { ...base, nextAt: new Date(parts.clock.now() + pauseMs).toISOString() },
      reason: `${what}; it is started again in ${formatDuration(pauseMs)} (try ${decision.failures} of ${restart.tries})`,
    });
    this.#pause(record, pauseMs);
    return true;
  }

  /** Goes on with what an earlier daemon had begun. False when there was nothing. */
  takeUp(uid: string, what?: string): boolean {
    const { board, site, parts } = this.#w;
    const { restart } = board.get(uid);
    if (what !== undefined && restart?.nextAt !== undefined) board.set(uid, { reason: `${what}; it is started again soon` });
    if (restart?.nextAt !== undefined) this.#pause(site.guest(uid), remainingMs(restart.nextAt, parts.clock.now()));
    return restart?.nextAt !== undefined || restart?.givenUp === true;
  }

  /** It has been stable: what failed before is over. */
  settle(uid: string): void {
    const { board, site, parts } = this.#w;
    const { restart, power, startedAt } = board.get(uid);
    if (!restart || power !== 'running' || startedAt === undefined) return;
    if (parts.clock.now() - Date.parse(startedAt) >= site.guest(uid).spec.restart.stableAfterMs) this.forget(uid);
  }

  /** Somebody decides about the guest himself: nothing is pending, and nothing counts. */
  forget(uid: string): void {
    this.#dropPause(uid);
    if (this.#w.board.get(uid).restart) this.#w.board.set(uid, { restart: undefined });
  }

  /** The guest runs: how often it has failed still counts, until it is stable. */
  running(uid: string): void {
    this.#dropPause(uid);
    const { restart } = this.#w.board.get(uid);
    if (restart?.nextAt !== undefined) this.#w.board.set(uid, { restart: { failures: restart.failures, tries: restart.tries } });
  }

  /** While the host goes down nothing is started again; what is pending is for its next start. */
  hold(): void {
    this.#held = true;
    for (const uid of this.#pauses.keys()) this.forget(uid);
  }

  release(): void {
    this.#held = false;
  }

  close(): void {
    this.#held = true;
    for (const ending of this.#pauses.values()) ending.abort(new Error('the daemon ends'));
    this.#pauses.clear();
  }

  #pause({ uid, name }: GuestRecord, ms: number): void {
    if (this.#held) return;
    this.#dropPause(uid);
    const ending = new AbortController();
    this.#pauses.set(uid, ending);
    this.#w.parts.clock
      .sleep(ms, ending.signal)
      .then(() => this.#start(uid, ending))
      .catch((error: unknown) => {
        if (!ending.signal.aborted) this.#w.parts.log.error(`guest ${name} could not be started again`, { uid, error });
      });
  }

  async #start(uid: string, ending: AbortController): Promise<void> {
    const { board, site, events, startAgain } = this.#w;
    if (this.#pauses.get(uid) === ending) this.#pauses.delete(uid);
    const record = site.guests.get(uid);
    if (!record || this.#held || record.wantedPower !== 'running') return;
    const { failures, tries } = board.get(uid).restart as RestartStatus;
    events.emit({
      kind: 'guest-restarting',
      severity: 'warning',
      object: `guest/${uid}`,
      message: `guest ${record.name} is started again (try ${failures} of ${tries})`,
    });
    try {
      await startAgain(uid);
    } catch (error) {
      this.ended(uid, { end: 'failure', what: `was not started again: ${describeError(error)}`, ranMs: 0 });
    }
  }

  #dropPause(uid: string): void {
    this.#pauses.get(uid)?.abort(new Error('nothing is pending any more'));
    this.#pauses.delete(uid);
  }
}

/** Whatever somebody did to the clock meanwhile, it is no longer than the longest pause. */
function remainingMs(nextAt: string, now: number): number {
  return Math.min(longestPauseMs, Math.max(0, Date.parse(nextAt) - now));
}
