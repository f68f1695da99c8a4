// Waiting for guests: for one to get ready, and for those that one starts after.
import type { Clock } from '../lib/clock.ts';
import { CaissonError } from '../lib/errors.ts';
import { within } from '../lib/within.ts';
import { dependencyName } from '../model/guest.ts';
import type { GuestBoard } from './guest-board.ts';
import type { StepContext } from './job-context.ts';
import type { SiteStore } from './site-store.ts';

/** For a guest without a service. */
const defaultReadyMs = 600_000;

interface WaitingParts {
  parts: { clock: Clock };
  site: SiteStore;
  board: GuestBoard;
}

/** Waits until the guest is ready. Throws when it ended, or its time is over, with what it was waiting for. */
export async function waitReady({ site, board, parts }: WaitingParts, uid: string, job: StepContext): Promise<void> {
  const record = site.guest(uid);
  const limitMs = record.spec.service?.readyWithinMs ?? defaultReadyMs;
  const timeout = new AbortController();
  const elapsed = new AbortController();
  const stop = board.onChange((changed) => changed === uid && job.progress(undefined, board.get(uid).reason || undefined));
  parts.clock.sleep(limitMs, elapsed.signal).then(
    () =>
      timeout.abort(
        new CaissonError(
          'timeout',
          `guest ${record.name} was not ready after ${limitMs / 1000} s: ${board.get(uid).reason || 'its service does not answer'}`,
        ),
      ),
    () => undefined,
  );
  try {
    const status = await board.until(
      uid,
      (now) => now.ready || now.power === 'stopped' || now.power === 'crashed',
      AbortSignal.any([job.signal, timeout.signal]),
    );
    if (!status.ready)
      throw new CaissonError(
        'failed',
        `guest ${record.name} is ${status.power} and will not get ready${status.reason ? `: ${status.reason}` : ''}`,
      );
  } finally {
    stop();
    elapsed.abort();
  }
}

/**
 * Strong dependencies must be ready; weak ones must have been tried. Throws when a strong one did not start, is not wanted to run, or does not
 * get ready in its time: nobody waits for what will not come.
 */
export async function waitForDependencies(parts: WaitingParts, uid: string, job: StepContext): Promise<void> {
  const { site, board } = parts;
  const record = site.guest(uid);
  if (!['stopped', 'crashed'].includes(board.get(uid).power)) return;
  for (const dependency of record.spec.after) {
    const on = site.findGuest(dependencyName(dependency));
    if (!on || board.get(on.uid).ready) continue;
    board.set(uid, { reason: `waits for ${on.name} to be ready` });
    const why = await job.step(`wait for ${on.name}`, () => whyNotReady(parts, on.uid, job.signal));
    if (why !== undefined && 'requires' in dependency) throw new CaissonError('failed', `it requires ${on.name}, which ${why}`);
  }
}

/** Undefined once the guest is ready. */
async function whyNotReady({ site, board, parts }: WaitingParts, uid: string, signal: AbortSignal): Promise<string | undefined> {
  const { clock } = parts;
  const limitMs = site.guests.get(uid)?.spec.service?.readyWithinMs ?? defaultReadyMs;
  let deadline = clock.monotonic() + limitMs;
  for (;;) {
    const record = site.guests.get(uid);
    if (!record) return 'was deleted';
    const status = board.get(uid);
    const { power, reason } = status;
    if (status.ready) return undefined;
    if (['stopped', 'crashed'].includes(power) && record.wantedPower !== 'running') return `is ${power} and not wanted to run`;
    if (power === 'crashed' || reason.startsWith('did not start')) return reason;
    // One that starts, or waits itself, comes to an end of that by itself.
    if (power === 'starting' || reason.startsWith('waits for')) deadline = clock.monotonic() + limitMs;
    const leftMs = deadline - clock.monotonic();
    if (leftMs <= 0) return `is ${power} and was not ready after ${limitMs / 1000} s${reason === '' ? '' : `: ${reason}`}`;
    await within(clock, leftMs, signal, (until) => board.until(uid, (now) => now !== status, until));
  }
}
