// One job while it runs: its steps, their way back, its outcome. A job is a function; that it returns or throws is its
// outcome. After a failure the other running steps are awaited before anything is undone, so that no step makes something
// after its undo.
import type { Clock } from '../lib/clock.ts';
import { CaissonError, describeError, toCaissonError } from '../lib/errors.ts';
import { failpoint } from '../lib/failpoint.ts';
import type { Log } from '../lib/log.ts';
import { Undo } from '../lib/undo.ts';
import type { Job, JobEnd } from '../model/job.ts';
import type { JobRecord, Journal, StepRecord } from '../store/journal.ts';
import type { JobBody, StepContext, StepOptions } from './job-context.ts';

export interface RunDependencies {
  journal: Journal;
  clock: Clock;
  log: Log;
  /** Called after each change that a watcher may see. */
  changed: () => void;
}

export class JobRun {
  readonly record: JobRecord;
  readonly #with: RunDependencies;
  readonly #resumed: boolean;
  readonly #controller = new AbortController();
  readonly #undo = new Undo();
  readonly #running = new Set<Promise<unknown>>();
  /** Positions of steps announced, or known from an earlier run, that nobody has done in this one. */
  readonly #open = new Map<string, number[]>();
  #cancelled = false;
  #suspended = false;

  constructor(record: JobRecord, resumed: boolean, dependencies: RunDependencies) {
    this.record = record;
    this.#resumed = resumed;
    this.#with = dependencies;
    for (const [position, step] of record.steps.entries()) this.#openAt(position, step);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether it stopped without an outcome, to be resumed by the next daemon. */
  get suspended(): boolean {
    return this.#suspended;
  }

  cancel(why: string): void {
    this.#cancelled = true;
    this.#controller.abort(new CaissonError('cancelled', why));
  }

  /** Stops it without an outcome and without undoing anything. */
  suspend(): void {
    this.#suspended = true;
    this.#controller.abort(new CaissonError('cancelled', 'the daemon ends'));
  }

  /** Runs the job to its end. Returns what to write down, or undefined when it was suspended. */
  async execute<T>(body: JobBody<T>): Promise<{ end: JobEnd; value?: T; error?: unknown } | undefined> {
    const { uid } = this.record;
    try {
      this.signal.throwIfAborted();
      const value = await body({ ...this.#context(undefined), uid, resumed: this.#resumed });
      while (this.#running.size > 0) await Promise.all(this.#running);
      this.#undo.keep();
      this.#suspended = false;
      await this.#settleOpenSteps('skipped');
      return { end: { state: 'succeeded', endedAt: this.#time(), ...(value === undefined ? {} : { result: value }) }, value };
    } catch (error) {
      this.#controller.abort(new CaissonError('cancelled', 'another step of the job failed', { cause: error }));
      await Promise.allSettled(this.#running);
      if (this.#suspended) return undefined;
      const failures = await this.#undo.rollBack();
      await this.#settleOpenSteps('failed');
      const { code } = toCaissonError(error);
      const message = [describeError(error), ...failures].join('; ');
      const end = { state: this.#cancelled ? 'cancelled' : 'failed', endedAt: this.#time(), error: { code, message } } as const;
      return { end, error };
    }
  }

  /** The job as watchers see it. */
  snapshot(): Job {
    return toJob(this.record);
  }

  #context(parent: number | undefined): StepContext {
    return {
      signal: this.signal,
      step: (name, work, options) => {
        const promise = this.#step(name, work, options ?? {}, parent);
        const settled = () => this.#running.delete(promise);
        this.#running.add(promise);
        promise.then(settled, settled);
        return promise;
      },
      plan: async (names) => {
        for (const name of names)
          this.#openAt(await this.#append({ name, state: 'pending', ...parentOf(parent) }), { name, ...parentOf(parent) });
        this.#with.changed();
      },
      progress: (fraction, message) => {
        const target = parent === undefined ? this.record : this.record.steps[parent];
        if (!target) return;
        if (fraction === undefined) delete target.fraction;
        else target.fraction = Math.min(1, Math.max(0, fraction));
        if (message !== undefined) target.message = message;
        this.#with.changed();
      },
    };
  }

  async #step<T>(
    name: string,
    work: (step: StepContext) => Promise<T> | T,
    options: StepOptions<T>,
    parent: number | undefined,
  ): Promise<T> {
    this.signal.throwIfAborted();
    const known = this.#open.get(placeOf(name, parent))?.shift();
    const before = known === undefined ? undefined : this.record.steps[known];
    if (known !== undefined && before?.state === 'done' && options.remember && 'value' in before) {
      const value = before.value as T;
      this.#pushUndo(known, name, value, options);
      return value;
    }
    const step: StepRecord = { name, state: 'running', startedAt: this.#time(), ...parentOf(parent) };
    if (options.data !== undefined) step.data = options.data;
    const position = known ?? this.record.steps.length;
    this.record.steps[position] = step;
    this.#with.changed();
    try {
      await this.#save(position);
      failpoint(`job.step.begun:${name}`);
      const value = await work(this.#context(position));
      this.#pushUndo(position, name, value, options);
      failpoint(`job.step.worked:${name}`);
      step.state = 'done';
      step.endedAt = this.#time();
      delete step.fraction;
      if (options.remember) step.value = value;
      await this.#save(position);
      failpoint(`job.step.done:${name}`);
      this.#with.changed();
      return value;
    } catch (error) {
      Object.assign(step, { state: 'failed', message: describeError(error), endedAt: this.#time() });
      if (!this.#suspended) await this.#saveQuietly(position);
      this.#with.changed();
      throw error;
    }
  }

  #pushUndo<T>(position: number, name: string, value: T, options: StepOptions<T>): void {
    const { undo } = options;
    if (!undo) return;
    this.#undo.push(name, async () => {
      const step = this.record.steps[position] as StepRecord;
      failpoint(`job.undo.begun:${name}`);
      try {
        await undo(value);
        Object.assign(step, { state: 'undone', endedAt: this.#time() });
      } catch (error) {
        step.message = `could not be undone: ${describeError(error)}`;
        throw error;
      } finally {
        await this.#saveQuietly(position);
        this.#with.changed();
      }
      failpoint(`job.undo.done:${name}`);
    });
  }

  /** Steps that were announced, or begun by an earlier daemon, and did not come in this run. */
  async #settleOpenSteps(state: 'skipped' | 'failed'): Promise<void> {
    for (const position of [...this.#open.values()].flat()) {
      const step = this.record.steps[position];
      if (!step || (step.state !== 'running' && step.state !== 'pending')) continue;
      if (state === 'failed' && step.state === 'pending') continue;
      step.state = state;
      await this.#saveQuietly(position);
    }
  }

  #openAt(position: number, step: Pick<StepRecord, 'name' | 'parent'>): void {
    const place = placeOf(step.name, step.parent);
    this.#open.set(place, [...(this.#open.get(place) ?? []), position]);
  }

  async #append(step: StepRecord): Promise<number> {
    const position = this.record.steps.push(step) - 1;
    await this.#save(position);
    return position;
  }

  #save(position: number): Promise<void> {
    return this.#with.journal.saveStep(this.record.uid, position, this.record.steps[position] as StepRecord);
  }

  /** For what is being undone or has failed already: a journal that cannot be written must not hide the real error. */
  async #saveQuietly(position: number): Promise<void> {
    try {
      await this.#save(position);
    } catch (error) {
      this.#with.log.error('a step of a job could not be written to the journal', { job: this.record.uid, error });
    }
  }

  #time(): string {
    return new Date(this.#with.clock.now()).toISOString();
  }
}

/** A record without what is the engine's own. Steps are copies. */
export function toJob(record: JobRecord): Job {
  const { input: _input, idempotencyKey: _key, exclusive: _exclusive, steps, ...job } = record;
  return { ...job, steps: steps.map(({ data: _data, value: _value, ...step }) => step) };
}

function placeOf(name: string, parent: number | undefined): string {
  return `${parent ?? ''}/${name}`;
}

function parentOf(parent: number | undefined): { parent?: number } {
  return parent === undefined ? {} : { parent };
}
