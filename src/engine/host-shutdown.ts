// The host goes down: what starts guests is given up, nothing starts meanwhile, and every guest goes in its order, in the time that there is.
// A daemon that dies while it does so leaves the rest to the next one of the same run of the host; that of the next run is there to start the
// guests.
import type { Clock } from '../lib/clock.ts';
import { CaissonError, describeError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { within } from '../lib/within.ts';
import type { Job } from '../model/job.ts';
import type { Guests } from './guests.ts';
import type { JobContext } from './job-context.ts';
import type { Jobs } from './jobs.ts';
import type { SiteService } from './site.ts';

export interface HostShutdownInput {
  /** For each guest, in place of its own limits. */
  timeoutMs?: number;
  /** When all must be down, milliseconds since the epoch. */
  until?: number;
  /** The run of the host that it is about. */
  bootId: string;
}

export interface HostShutdownParts {
  bootId: string;
  clock: Clock;
  log: Log;
  jobs: Jobs;
  guests: Guests;
  sites: SiteService;
}

/** Starts guests or waits for them: would hold up, or work against, what takes them down. */
const inTheWay: readonly Job['kind'][] = ['site-apply', 'guest-start', 'guest-reboot', 'image-build', 'zone-check'];

export class HostShutdown {
  readonly #with: HostShutdownParts;
  #running = 0;

  constructor(parts: HostShutdownParts) {
    this.#with = parts;
  }

  get isRunning(): boolean {
    return this.#running > 0;
  }

  /** Throws while the host goes down. */
  refuseStarts(): void {
    if (this.isRunning) throw new CaissonError('not-allowed', 'the host is going down: nothing is started now');
  }

  /** False: the host has been started anew since, or all guests were down already when an earlier daemon ended. */
  isLeft({ bootId }: HostShutdownInput): boolean {
    return bootId === this.#with.bootId && this.#with.guests.runs();
  }

  async run(input: HostShutdownInput, job: JobContext): Promise<{ guests: { name: string; way: string }[] }> {
    if (job.resumed && !this.isLeft(input)) return { guests: [] };
    const { clock, guests, sites } = this.#with;
    const { timeoutMs, until } = input;
    // Wall time is what outlives a daemon; what is left of it is counted by the clock that nobody sets.
    const end = until === undefined ? undefined : clock.monotonic() + Math.max(0, until - clock.now());
    this.#running += 1;
    guests.hold();
    try {
      await job.step('give up what starts guests', (step) => this.#giveUp(step.signal, end));
      return { guests: await sites.stopAll({ timeoutMs, until: end, keepWanted: true }, job) };
    } catch (error) {
      throw new CaissonError('failed', `not every guest is down: ${describeError(error)}`, { cause: error });
    } finally {
      this.#running -= 1;
      if (this.#running === 0) guests.release();
    }
  }

  /** Cancels what is in the way, and waits for that; where time is short, for a tenth of it. */
  async #giveUp(signal: AbortSignal, end: number | undefined): Promise<void> {
    const { clock, log } = this.#with;
    const given = this.giveUpJobs();
    if (end === undefined) return given;
    given.catch((error: unknown) => log.warn('a job could not be given up', { error }));
    await within(clock, Math.max(0, end - clock.monotonic()) / 10, signal, () => given);
  }

  async giveUpJobs(): Promise<void> {
    const { jobs } = this.#with;
    const running = await jobs.list({ state: 'running', limit: Number.MAX_SAFE_INTEGER });
    await Promise.all(running.filter(({ kind }) => inTheWay.includes(kind)).map(({ uid }) => jobs.cancel(uid)));
  }
}
