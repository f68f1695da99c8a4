// What a job's function gets: named steps, progress, and the signal that tells it to give up.

export interface StepOptions<T> {
  /** The way back, run when a later part of the job fails or the job is cancelled. Must work twice. */
  undo?: (value: T) => Promise<void> | void;
  /** Plain JSON written down before the step begins: what it is about to make, for cleaning up after a crash. */
  data?: unknown;
  /** Keep the value (plain JSON): a resumed job gets it again instead of doing the step twice. */
  remember?: boolean;
}

export interface StepContext {
  /** Aborted when the job is cancelled, another step of it failed, or the daemon ends. */
  readonly signal: AbortSignal;
  /**
   * Does one named part of the job: written to the journal before and after. Steps may run side by side and inside each
   * other. Throws what `work` throws, and `cancelled` when the job is to give up.
   */
  step<T>(name: string, work: (step: StepContext) => Promise<T> | T, options?: StepOptions<T>): Promise<T>;
  /** Announces steps that will come, so that a watcher sees how far it is. `step` with the same name takes its place. */
  plan(names: readonly string[]): Promise<void>;
  /** Tells watchers how far it is: 0 … 1, undefined when not known. Not kept in the journal. */
  progress(fraction: number | undefined, message?: string): void;
}

export interface JobContext extends StepContext {
  readonly uid: string;
  /** True when an earlier daemon began this job: what steps did then may be there already. */
  readonly resumed: boolean;
}

/** A job is a function: what it returns is the job's result, what it throws its error. */
export type JobBody<T> = (job: JobContext) => Promise<T> | T;
