// The daemon as the page sees it: the store of answers, kept up to date by the stream of events. An event only says what to ask again,
// at most once a second each, so that a storm of them costs no more than a clock.
import type { Client } from '../../api/client.ts';
import { toCaissonError } from '../../lib/errors.ts';
import type { Event } from '../../model/event.ts';
import type { Job } from '../../model/job.ts';
import { events, jobs, outdatedBy, type Resource } from './resources.ts';
import { type Entry, Store } from './store.ts';

export type Connection = 'connecting' | 'connected' | 'lost';

const leastMs = 1000;
const reconnectMs = 2000;
/** Events that the page keeps in sight. */
const mostEvents = 1000;

const jobEveryMs = 1000;
/** That are asked for each time. */
const mostJobs = 5;
const missedAfterMs = 5000;

export class Live {
  readonly client: Client;
  readonly #store = new Store();
  readonly #watchers = new Set<() => void>();
  readonly #due = new Map<string, number>();
  readonly #waiting = new Map<string, () => void>();
  #jobsTimer: ReturnType<typeof setInterval> | undefined;
  readonly #end = new AbortController();
  readonly #position = Promise.withResolvers<void>();
  #connection: Connection = 'connecting';
  #lastEvent: number | undefined;

  constructor(client: Client) {
    this.client = client;
  }

  get connection(): Connection {
    return this.#connection;
  }

  read<T>(resource: Resource<T>): Entry<T> {
    return this.#store.read<T>(resource.key);
  }

  watch<T>(resource: Resource<T>, watcher: () => void): () => void {
    const ask = async () => {
      // Nothing is asked before it is known after which event to follow: no change falls between the two.
      await this.#position.promise;
      return resource.ask(this.client);
    };
    return this.#store.watch(resource.key, ask, watcher);
  }

  refresh(prefix: string): void {
    this.#store.refresh(prefix);
  }

  onConnection(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Follows the events until `close`. */
  async run(): Promise<void> {
    const { signal } = this.#end;
    while (!signal.aborted) {
      try {
        const { items } = await this.client.call('eventList', { query: { limit: 1 } }, { signal });
        this.#lastEvent ??= items.at(-1)?.id ?? 0;
        this.#position.resolve();
        const stream = this.client.stream('eventFollow', { query: { after: this.#lastEvent } }, { signal });
        // A daemon that was away may be another one.
        if (this.#connection === 'lost') this.#store.refresh('');
        this.#say('connected');
        this.#watchJobs();
        for await (const event of stream) this.#take(event as Event);
        this.#say('lost');
      } catch (error) {
        if (signal.aborted || toCaissonError(error).code === 'unauthorized') return;
        this.#say('lost');
        this.#position.resolve();
      }
      await new Promise((resolve) => setTimeout(resolve, reconnectMs));
    }
  }

  close(): void {
    this.#end.abort();
    clearInterval(this.#jobsTimer);
  }

  #take(event: Event): void {
    this.#lastEvent = event.id;
    this.#store.update<{ items: Event[] }>(events.key, ({ items }) => ({
      items: items.at(-1)?.id === event.id ? items : [...items, event].slice(-mostEvents),
    }));
    if (event.kind === 'job-started') this.#watchJobs();
    else if (event.job !== undefined && event.kind.startsWith('job-')) this.#waiting.get(event.job)?.();
    for (const prefix of outdatedBy(event)) this.#refreshSoon(prefix);
  }

  /** The steps of the jobs that run, asked for again and again: a browser has few connections for all its tabs, too few for a stream each. */
  #watchJobs(): void {
    this.#jobsTimer ??= setInterval(() => {
      const known = this.#store.read<{ items: Job[] }>(jobs.key).value;
      const running = known?.items.filter(({ state }) => state === 'running') ?? [];
      if (known && running.length === 0) {
        clearInterval(this.#jobsTimer);
        this.#jobsTimer = undefined;
      }
      for (const { uid } of running.slice(0, mostJobs)) void this.#askJob(uid).catch(() => undefined); // the next event says more
    }, jobEveryMs);
  }

  async #askJob(uid: string): Promise<Job> {
    const now = await this.client.call('jobShow', { params: { job: uid } });
    this.#store.update<{ items: Job[] }>(jobs.key, ({ items }) => ({ items: items.map((job) => (job.uid === uid ? now : job)) }));
    return now;
  }

  /** The job once it has ended. Woken by its event; asked for now and then too, should that be missed. */
  async ended({ uid }: Job): Promise<Job> {
    for (;;) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.set(uid, resolve);
      const now = await this.#askJob(uid);
      if (now.state !== 'running') {
        this.#waiting.delete(uid);
        return now;
      }
      const timer = setTimeout(resolve, missedAfterMs);
      await promise;
      clearTimeout(timer);
    }
  }

  #refreshSoon(prefix: string): void {
    const now = performance.now();
    const due = this.#due.get(prefix);
    if (due !== undefined && due > now) return; // one is coming
    const at = due === undefined || now - due >= leastMs ? now + 30 : due + leastMs;
    this.#due.set(prefix, at);
    setTimeout(() => this.#store.refresh(prefix), at - now);
  }

  #say(connection: Connection): void {
    this.#connection = connection;
    for (const watcher of this.#watchers) watcher();
  }
}
