// Waiting for guests: for one to get ready, and for those that one starts after.
import type { Clock } from '../lib/clock.ts';
import { CaissonError } from '../lib/errors.ts';
import { dependencyName } from '../model/guest.ts';
import type { GuestBoard } from './guest-board.ts';
import type { StepContext } from './job-context.ts';
import type { SiteStore } from './site-store.ts';

interface WaitingParts {
  parts: { clock: Clock };
  site: SiteStore;
  board: GuestBoard;
}

/** Waits until the guest is ready. Throws when it ended, or its time is over, with what it was waiting for. */
export async function waitReady({ site, board, parts }: WaitingParts, uid: string, job: StepContext): Promise<void> {
  const record = site.guest(uid);
  const limitMs = record.spec.service?.readyWithinMs ?? 600_000;
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

/** Strong dependencies must be ready; weak ones must have been tried. Throws when a strong one did not start. */
export async function waitForDependencies(
  { site, board }: Pick<WaitingParts, 'site' | 'board'>,
  uid: string,
  job: StepContext,
): Promise<void> {
  const record = site.guest(uid);
  if (!['stopped', 'crashed'].includes(board.get(uid).power)) return;
  const waits = record.spec.after.flatMap((dependency) => {
    const on = site.findGuest(dependencyName(dependency));
    return on ? [{ on, strong: 'requires' in dependency }] : [];
  });
  for (const { on, strong } of waits) {
    if (board.get(on.uid).ready) continue;
    board.set(uid, { reason: `waits for ${on.name} to be ready` });
    await job.step(`wait for ${on.name}`, async () => {
      const settled = await board.until(
        on.uid,
        (status) =>
          status.ready ||
          (!strong && (status.power === 'crashed' || status.reason.startsWith('did not start'))) ||
          (strong && status.reason.startsWith('did not start')),
        job.signal,
      );
      if (strong && !settled.ready) throw new CaissonError('failed', `it requires ${on.name}, which ${settled.reason}`);
    });
  }
}
