// Undo beside do: push the way back after each step; unless `keep` is called, all of them run, last first.
import { describeError } from './errors.ts';

export class Undo {
  #steps: { what: string; back: () => Promise<void> | void }[] = [];

  /** Registers the way back of a step that has just been done. */
  push(what: string, back: () => Promise<void> | void): void {
    this.#steps.push({ what, back });
  }

  /** Everything worked: nothing will be undone. */
  keep(): void {
    this.#steps = [];
  }

  /** Undoes what was pushed, last first, going on past failures. Returns one line for each that failed. */
  async rollBack(): Promise<string[]> {
    const failures: string[] = [];
    for (const step of this.#steps.splice(0).toReversed()) {
      try {
        await step.back();
      } catch (error) {
        failures.push(`undo ${step.what}: ${describeError(error)}`);
      }
    }
    return failures;
  }
}
