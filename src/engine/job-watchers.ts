// Who watches jobs. A job that changes often is told at most ten times a second; its end is told at once.
import type { Clock } from '../lib/clock.ts';
import type { Job } from '../model/job.ts';
import type { JobRecord } from '../store/journal.ts';
import { toJob } from './job-run.ts';

const everyMs = 100;

export class JobWatchers {
  readonly #clock: Clock;
  readonly #listeners = new Set<(job: Job) => void>();
  readonly #enders = new Set<(uid: string | undefined) => void>();
  /** When a job was last told; `waiting` when it will be told again by itself. */
  readonly #told = new Map<string, { at: number; waiting: boolean }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(listener: (job: Job) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  changed(record: JobRecord): void {
    const now = this.#clock.monotonic();
    const told = this.#told.get(record.uid);
    if (told?.waiting) return;
    const left = told === undefined ? 0 : told.at + everyMs - now;
    if (left <= 0) {
      this.#told.set(record.uid, { at: now, waiting: false });
      this.#tell(record);
      return;
    }
    const waiting = { at: now + left, waiting: true };
    this.#told.set(record.uid, waiting);
    void this.#clock.sleep(left).then(() => {
      if (this.#told.get(record.uid) !== waiting) return;
      waiting.waiting = false;
      this.#tell(record);
    });
  }

  /** `hasOutcome` is false for a job that is suspended: its followers end without seeing its end. */
  ended(record: JobRecord, hasOutcome: boolean): void {
    this.#told.delete(record.uid);
    if (hasOutcome) this.#tell(record);
    for (const end of this.#enders) end(record.uid);
  }

  /** The latest state of one job, as often as the reader takes it. Ends with the job, the signal, or `stop`. */
  follow(uid: string, signal?: AbortSignal): AsyncIterable<Job> & { stop: () => void } {
    const state = { latest: undefined as Job | undefined, over: signal?.aborted ?? false, wake: Promise.withResolvers<void>() };
    const stopListening = this.add((job) => {
      if (job.uid !== uid) return;
      state.latest = job;
      state.wake.resolve();
    });
    const end = (ended: string | undefined) => {
      if (ended !== undefined && ended !== uid) return;
      state.over = true;
      state.wake.resolve();
    };
    const stop = () => {
      stopListening();
      this.#enders.delete(end);
      signal?.removeEventListener('abort', stop);
      end(undefined);
    };
    this.#enders.add(end);
    signal?.addEventListener('abort', stop, { once: true });
    const iterate = async function* (): AsyncGenerator<Job, void> {
      while (state.latest || !state.over) {
        const job = state.latest;
        state.latest = undefined;
        if (job) {
          yield job;
          continue;
        }
        await state.wake.promise;
        state.wake = Promise.withResolvers<void>();
      }
    };
    return { [Symbol.asyncIterator]: iterate, stop };
  }

  close(): void {
    this.#listeners.clear();
    for (const end of this.#enders) end(undefined);
  }

  #tell(record: JobRecord): void {
    if (this.#listeners.size === 0) return;
    const job = toJob(record);
    for (const listener of this.#listeners) listener(job);
  }
}
