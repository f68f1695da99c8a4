// Waiting for guests: for one to get ready, and for those that one starts after. What a dependency means is decided here:
//
//   the dependency …        `requires`                                        `wants`
//   gets ready              the guest is started                              the guest is started
//   cannot get ready        the guest is not started, and says why;           the guest is started
//                           once the dependency is ready after all, it is
//   is lost later           the guest runs on, and is not ready meanwhile     nothing
import type { Clock } from '../lib/clock.ts';
import { CaissonError } from '../lib/errors.ts';
import { formatDuration } from '../lib/units.ts';
import { within } from '../lib/within.ts';
import { type Dependency, dependencyName } from '../model/guest.ts';
import type { GuestRecord, GuestStatus } from '../model/guest-status.ts';
import { defaultReadyWithinMs } from '../model/service.ts';
import type { GuestBoard } from './guest-board.ts';
import type { StepContext } from './job-context.ts';
import type { SiteStore } from './site-store.ts';

/** Timers of Node’s end here. */
const longestMs = 2 ** 31 - 1;

interface WaitingParts {
  parts: { clock: Clock };
  site: SiteStore;
  board: GuestBoard;
}

/** The guest that a dependency speaks of was not to be had. */
export class DependencyLost extends CaissonError {}

/** What is known of a start besides the board. */
export interface Starts {
  /** A start of the guest is on its way. */
  isStarting(uid: string): boolean;
  /** Why its last start did not work; undefined when it did, or a new one is on its way. */
  failure(uid: string): string | undefined;
}

/** Why a guest will not get ready unless somebody does something; undefined while it may by itself. */
export function whyNever(w: Pick<WaitingParts, 'site' | 'board'>, starts: Starts, record: GuestRecord): string | undefined {
  const { site, board } = w;
  const { uid } = record;
  if (!site.guests.has(uid)) return 'was deleted';
  const status = board.get(uid);
  switch (status.power) {
    case 'stopped':
      if (starts.isStarting(uid) || status.restart?.nextAt !== undefined) return undefined;
      return starts.failure(uid) ?? 'is stopped';
    case 'crashed':
    case 'halted':
      if (starts.isStarting(uid) || status.restart?.nextAt !== undefined || status.haltedBy === 'no-space') return undefined;
      return status.reason || `is ${status.power}`;
    case 'paused':
      return 'is paused';
    case 'running': {
      const lost = status.ready ? undefined : lostForGood(w, starts, uid);
      return lost && `is not ready: ${lost}`;
    }
    case 'starting':
    case 'stopping':
    case 'unresponsive':
      return undefined;
  }
}

/** Waits until the guest is ready. Throws when it ended, or its time is over, with what it was waiting for. */
export async function waitReady(w: WaitingParts, starts: Starts, uid: string, job: StepContext): Promise<void> {
  const { site, board, parts } = w;
  const record = site.guest(uid);
  const limitMs = record.spec.service?.readyWithinMs ?? defaultReadyWithinMs;
  const stop = board.onChangeOf(uid, () => job.progress(undefined, board.get(uid).reason || undefined));
  try {
    const until = parts.clock.monotonic() + limitMs;
    for (;;) {
      const isOver = await within(parts.clock, Math.max(1, until - parts.clock.monotonic()), job.signal, (signal) =>
        board.until(uid, (now) => now.ready || hasEnded(now) || isHopeless(w, starts, record), signal),
      );
      const now = board.get(uid);
      if (!isOver)
        throw new CaissonError(
          'timeout',
          `guest ${record.name} was not ready after ${formatDuration(limitMs)}: ${now.reason || 'its service does not answer'}`,
        );
      if (now.ready) return;
      // One that has just been halted may be started again by itself.
      if (now.power !== 'stopped' && now.power !== 'crashed' && !isHopeless(w, starts, record)) continue;
      const lost = hasEnded(now) ? undefined : lostForGood(w, starts, uid);
      const how = now.power === 'paused' ? `“caisson guest resume ${record.name}” lets it go on` : (lost ?? now.reason);
      throw new CaissonError('failed', `guest ${record.name} is ${now.power} and will not get ready: ${how}`.replace(/: $/, ''));
    }
  } finally {
    stop();
  }
}

/** It has a process, or is gone from the site, and will not get ready unless somebody does something. */
function isHopeless(w: WaitingParts, starts: Starts, record: GuestRecord): boolean {
  if (!w.site.guests.has(record.uid)) return true;
  const { power } = w.board.get(record.uid);
  const isHeld = (power === 'paused' || power === 'halted') && whyNever(w, starts, record) !== undefined;
  return isHeld || lostForGood(w, starts, record.uid) !== undefined;
}

function hasEnded({ power, restart }: Pick<GuestStatus, 'power' | 'restart'>): boolean {
  return (power === 'stopped' || power === 'crashed') && restart?.nextAt === undefined;
}

/** What a guest that runs requires and will not have, unless somebody does something. */
function lostForGood(w: Pick<WaitingParts, 'site' | 'board'>, starts: Starts, uid: string): string | undefined {
  for (const dependency of w.site.guests.get(uid)?.spec.after ?? []) {
    const on = 'requires' in dependency ? w.site.findGuest(dependency.requires) : undefined;
    const why = on && !w.board.get(on.uid).ready ? whyNever(w, starts, on) : undefined;
    if (on && why !== undefined) return `it requires ${on.name}, which ${why}`;
  }
  return undefined;
}

/** Waits until every dependency is ready, or can be done without. Throws `DependencyLost` for a strong one that will not be. */
export async function waitForDependencies(w: WaitingParts, starts: Starts, uid: string, job: StepContext): Promise<void> {
  const { site, board } = w;
  const waits = site.guest(uid).spec.after.flatMap((dependency) => {
    const on = site.findGuest(dependencyName(dependency));
    return on && !board.get(on.uid).ready ? [{ on, dependency }] : [];
  });
  const open = new Map(waits.map(({ on }) => [on.uid, on.name]));
  const say = () => board.set(uid, { reason: open.size === 0 ? '' : `waits for ${[...open.values()].join(', ')} to be ready` });
  if (open.size > 0) say();
  await Promise.all(
    waits.map(({ on, dependency }) =>
      job.step(`wait for ${on.name}`, async (step) => {
        await waitForOne(w, starts, on, dependency, step);
        open.delete(on.uid);
        if (open.size > 0) say();
      }),
    ),
  );
}

async function waitForOne(w: WaitingParts, starts: Starts, on: GuestRecord, dependency: Dependency, step: StepContext): Promise<void> {
  const { board, parts } = w;
  const stop = board.onChangeOf(on.uid, () => step.progress(undefined, board.get(on.uid).reason || undefined));
  try {
    let deadline: number | undefined;
    for (;;) {
      const { power } = board.get(on.uid);
      // A guest that is late does not tell: only the time does.
      if (power !== 'running') deadline = undefined;
      else deadline ??= parts.clock.monotonic() + (on.spec.service?.readyWithinMs ?? defaultReadyWithinMs);
      const leftMs = deadline === undefined ? longestMs : Math.max(1, deadline - parts.clock.monotonic());
      const isSettled = () => board.get(on.uid).ready || whyNever(w, starts, on) !== undefined || board.get(on.uid).power !== power;
      await within(parts.clock, leftMs, step.signal, (signal) => board.until(on.uid, isSettled, signal));
      const now = board.get(on.uid);
      if (now.ready) return;
      const isLate = now.power === 'running' && deadline !== undefined && parts.clock.monotonic() >= deadline;
      const why = isLate ? `is late${now.reason ? `: ${now.reason.replace(/^is late: /, '')}` : ''}` : whyNever(w, starts, on);
      if (why === undefined) continue;
      if ('wants' in dependency) {
        step.progress(1, `${on.name} ${why}`);
        return;
      }
      throw new DependencyLost('failed', `it requires ${on.name}, which ${why}`);
    }
  } finally {
    stop();
  }
}
