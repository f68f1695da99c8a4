// Events: told by whoever sees something happen, written to the journal in order, passed on to watchers after that. Telling
// never fails and never waits: while the journal cannot be written (disk full) events wait, the oldest give way.
import type { Clock } from '../lib/clock.ts';
import { harmlessLine } from '../lib/harmless.ts';
import type { Log } from '../lib/log.ts';
import type { Event, EventKind, EventSeverity } from '../model/event.ts';
import type { EventFilter, Journal } from '../store/journal.ts';

export interface NewEvent {
  kind: EventKind;
  message: string;
  /** Default `info`. */
  severity?: EventSeverity;
  object?: string;
  actor?: string;
  job?: string;
}

export interface Events {
  emit(event: NewEvent): void;
  list(filter?: EventFilter): Promise<Event[]>;
  /** Calls `listener` with every new event, in order. */
  watch(listener: (event: Event) => void): () => void;
  /** Events after the id, old and new, in order and without a gap, until the signal aborts. Without an id: new ones only. */
  follow(options: { after?: number | undefined; signal: AbortSignal }): AsyncIterable<Event>;
  /** Resolves when everything told so far is in the journal, or could not be written. */
  flush(): Promise<void>;
  /** Writes what waits, and ends every follower. */
  close(): Promise<void>;
}

const maxWaiting = 1000;
const retryMs = 5000;
const page = 500;

export function createEvents(dependencies: { journal: Journal; clock: Clock; log: Log }): Events {
  return new EventTeller(dependencies);
}

class EventTeller implements Events {
  readonly #with: { journal: Journal; clock: Clock; log: Log };
  readonly #listeners = new Set<(event: Event) => void>();
  readonly #end = new AbortController();
  #waiting: Omit<Event, 'id'>[] = [];
  #writing: Promise<void> | undefined;
  #failing = false;
  #dropped = 0;

  constructor(dependencies: { journal: Journal; clock: Clock; log: Log }) {
    this.#with = dependencies;
  }

  emit(event: NewEvent): void {
    const time = new Date(this.#with.clock.now()).toISOString();
    // Some of it is what a guest has said: nowhere may it pass for a further line, or steer a terminal that reads a log.
    const message = harmlessLine(event.message);
    this.#waiting.push({ ...event, message, time, severity: event.severity ?? 'info' });
    if (this.#waiting.length > maxWaiting) {
      this.#waiting.shift();
      this.#dropped++;
    }
    void this.flush();
  }

  list(filter?: EventFilter): Promise<Event[]> {
    return this.#with.journal.listEvents(filter);
  }

  watch(listener: (event: Event) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async *follow(options: { after?: number | undefined; signal: AbortSignal }): AsyncGenerator<Event, void> {
    const ended = AbortSignal.any([options.signal, this.#end.signal]);
    let wake = Promise.withResolvers<void>();
    const stop = this.watch(() => wake.resolve());
    ended.addEventListener('abort', () => wake.resolve(), { once: true });
    try {
      let after = options.after ?? (await this.list({ limit: 1 })).at(-1)?.id ?? 0;
      while (!ended.aborted) {
        // Listeners only wake us: what is told is read from the journal, so nothing is missed however slow the reader is.
        const events = await this.list({ after, limit: page });
        for (const event of events) {
          if (ended.aborted) return;
          after = event.id;
          yield event;
        }
        if (events.length > 0) continue;
        await wake.promise;
        wake = Promise.withResolvers<void>();
      }
    } finally {
      stop();
    }
  }

  /** One write for everything told in the same turn. */
  flush(): Promise<void> {
    this.#writing ??= this.#write();
    return this.#writing;
  }

  async close(): Promise<void> {
    await this.flush();
    this.#end.abort();
    this.#listeners.clear();
  }

  async #write(): Promise<void> {
    await Promise.resolve();
    try {
      while (this.#waiting.length > 0) {
        const batch = this.#waiting.slice(0, page);
        const written = await this.#with.journal.appendEvents(batch);
        this.#waiting = this.#waiting.filter((event) => !batch.includes(event));
        if (this.#failing) this.#with.log.info('events are written again', { dropped: this.#dropped });
        this.#failing = false;
        this.#dropped = 0;
        for (const event of written) for (const listener of this.#listeners) listener(event);
      }
    } catch (error) {
      this.#tryLater(error);
    } finally {
      // In the same turn as the last look at what waits, so that an event told after it is not forgotten.
      this.#writing = undefined;
    }
  }

  #tryLater(error: unknown): void {
    if (this.#failing) return;
    this.#failing = true;
    this.#with.log.error('events cannot be written to the journal; they wait', { error });
    void this.#retry();
  }

  async #retry(): Promise<void> {
    while (this.#failing) {
      try {
        await this.#with.clock.sleep(retryMs, this.#end.signal);
      } catch {
        return; // closed
      }
      await this.flush();
    }
  }
}
