// What a daemon does first: it takes over what runs, makes the network, goes on with what the last one began, and starts the guests that are
// wanted to run and do not.
import type { Log } from '../lib/log.ts';
import type { Job } from '../model/job.ts';
import type { JobRecord, Journal } from '../store/journal.ts';
import type { Events } from './events.ts';
import type { Guests } from './guests.ts';
import type { HostShutdown, HostShutdownInput } from './host-shutdown.ts';
import { type JobWorks, keptInputs, resumable } from './job-works.ts';
import type { Jobs } from './jobs.ts';
import type { NetworkReconciler } from './network.ts';
import { type SiteService, siteKey } from './site.ts';
import type { SiteStore } from './site-store.ts';

export interface TakeoverParts {
  journal: Journal;
  log: Log;
  site: SiteStore;
  events: Events;
  jobs: Jobs;
  works: JobWorks;
  guests: Guests;
  network: NetworkReconciler;
  sites: SiteService;
  hostShutdown: HostShutdown;
}

export class Takeover {
  readonly #w: TakeoverParts;
  readonly #signal: AbortSignal;

  /** `signal`: the daemon ends. */
  constructor(parts: TakeoverParts, signal: AbortSignal) {
    this.#w = parts;
    this.#signal = signal;
  }

  /** Resolves when everything is on its way. */
  async begin(): Promise<void> {
    const { guests, jobs, journal, events, site } = this.#w;
    const missing = await guests.adopt();
    await this.#makeNetwork();
    this.#register();
    const left = await journal.listJobs({ state: 'running', limit: Number.MAX_SAFE_INTEGER });
    const toStart = this.#isGoingDown(left) ? [] : missing;
    const begun = guests.expect(toStart.map(({ uid }) => uid));
    await jobs.recover();
    events.emit({ kind: 'daemon-started', message: `the daemon started: ${site.guests.size} guests, ${missing.length} to start` });
    const applies = toStart.length === 0 ? [] : left.filter(({ kind }) => kind === 'site-apply');
    const start = toStart.length > 0 && applies.length === 0 ? await this.#startWanted() : undefined;
    void this.#followStart(start, applies).finally(begun);
  }

  /** A network that cannot be made does not keep the daemon from starting: it says so, and no guest starts without it. */
  async #makeNetwork(): Promise<void> {
    const { site, network, log } = this.#w;
    if (site.zones.size === 0) return;
    try {
      await network.ensure();
      // A hundred nics take their time, and nobody has to wait for them.
      void this.#connectRunning();
    } catch (error) {
      log.error('the guests’ network could not be made', { error });
    }
  }

  async #connectRunning(): Promise<void> {
    const { guests, log } = this.#w;
    await guests.connectRunning().catch((error: unknown) => log.warn('the nics of running guests could not be looked at', { error }));
  }

  #register(): void {
    const { jobs, works } = this.#w;
    for (const kind of resumable) {
      const keep = keptInputs[kind] as ((input: unknown) => unknown) | undefined;
      jobs.register(kind, { resume: (job, { input }) => works.do(kind, input as never, job), ...(keep && { keep }) });
    }
  }

  #isGoingDown(left: readonly JobRecord[]): boolean {
    return left.some(({ kind, input }) => kind === 'host-shutdown' && this.#w.hostShutdown.isLeft(input as HostShutdownInput));
  }

  #startWanted(): Promise<Job> {
    const { jobs, sites } = this.#w;
    return jobs.start(
      'site-apply',
      { title: 'Start the guests that are wanted to run', objects: [], actor: 'system', exclusive: [siteKey] },
      (job) => sites.makeSo(job, { keepTrying: true }),
    );
  }

  /** Until they have been started. What goes on with `applies` of the last daemon does so, unless it is refused or fails. */
  async #followStart(first: Job | undefined, applies: readonly JobRecord[]): Promise<void> {
    const { jobs, hostShutdown, log } = this.#w;
    try {
      const ended = await Promise.all(applies.map(({ uid }) => jobs.wait(uid, this.#signal)));
      const isTried = applies.some(({ input }) => input === undefined) || ended.some(({ state }) => state === 'succeeded');
      const isLeft = applies.length > 0 && !isTried && !hostShutdown.isRunning;
      const job = isLeft ? await this.#startWanted() : first;
      if (job) await jobs.wait(job.uid, this.#signal);
    } catch (error) {
      if (!this.#signal.aborted) log.error('guests that are wanted to run could not be started', { error });
    }
  }
}
