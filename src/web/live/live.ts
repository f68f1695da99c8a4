// The daemon as the page sees it: the store of answers, kept up to date by the stream of events. An event only says what to ask again,
// at most once a second each, so that a storm of them costs no more than a clock.
import type { Client } from '../../api/client.ts';
import { toCaissonError } from '../../lib/errors.ts';
import type { Event } from '../../model/event.ts';
import type { Job } from '../../model/job.ts';
import { events, outdatedBy, type Resource } from './resources.ts';
import { type Entry, Store } from './store.ts';

export type Connection = 'connecting' | 'connected' | 'lost';

const leastMs = 1000;
const reconnectMs = 2000;
/** Events that the page keeps in sight. */
const mostEvents = 1000;

export class Live {
  readonly client: Client;
  readonly #store = new Store();
  readonly #watchers = new Set<() => void>();
  readonly #due = new Map<string, number>();
  readonly #followed = new Map<string, AbortController>();
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
    for (const following of this.#followed.values()) following.abort();
  }

  #take(event: Event): void {
    this.#lastEvent = event.id;
    this.#store.update<{ items: Event[] }>(events.key, ({ items }) => ({
      items: items.at(-1)?.id === event.id ? items : [...items, event].slice(-mostEvents),
    }));
    if (event.kind === 'job-started' && event.job !== undefined) void this.#followJob(event.job);
    for (const prefix of outdatedBy(event)) this.#refreshSoon(prefix);
  }

  /** The steps of a job that runs, as they change. */
  async #followJob(uid: string): Promise<void> {
    if (this.#followed.has(uid) || this.#followed.size >= 4) return;
    const following = new AbortController();
    this.#followed.set(uid, following);
    try {
      for await (const state of this.client.stream('jobFollow', { params: { job: uid } }, { signal: following.signal })) {
        this.#store.update<{ items: Job[] }>('jobs', ({ items }) => ({
          items: items.some((job) => job.uid === uid)
            ? items.map((job) => (job.uid === uid ? (state as Job) : job))
            : [state as Job, ...items],
        }));
      }
    } catch {
      // The list of jobs, which is asked again at each event, says what became of it.
    } finally {
      this.#followed.delete(uid);
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
