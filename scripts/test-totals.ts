// Adds up what became of the tests.
import type { TestEnd } from './test-events.ts';

export class TestTotals {
  #ends: TestEnd[] = [];
  /** Failures that are asked again. */
  #first: TestEnd[] = [];

  /** A file that failed is run once more: what became of it the first time counts no more, and its failures are told apart. */
  askAgain(file: string): void {
    this.#first.push(...this.#ends.filter((end) => end.file === file && end.outcome === 'failed'));
    this.#ends = this.#ends.filter((end) => end.file !== file);
  }

  add(end: TestEnd): void {
    this.#ends.push(end);
  }

  get passed(): number {
    return this.#count('passed');
  }

  get failed(): number {
    return this.#count('failed');
  }

  get skipped(): number {
    return this.#count('skipped');
  }

  /** What each file came to, in alphabetical order. */
  files(): { file: string; passed: number; failed: number; durationMs: number }[] {
    const byFile = [...Map.groupBy(this.#ends, ({ file }) => file)].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return byFile.map(([file, ends]) => {
      const failed = ends.filter(({ outcome }) => outcome === 'failed').length;
      return { file, passed: ends.filter(({ outcome }) => outcome === 'passed').length, failed, durationMs: durationOf(ends) };
    });
  }

  slowest(count: number): { file: string; durationMs: number }[] {
    return this.files()
      .toSorted((a, b) => b.durationMs - a.durationMs)
      .slice(0, count);
  }

  /** Skips with their reasons, then failures in full, those of a first run first. */
  report(): string[] {
    const name = (end: TestEnd) => `${end.file} › ${end.names.join(' › ')}`;
    const skips = this.#ends.filter(({ outcome }) => outcome === 'skipped');
    const failures = this.#ends.filter(({ outcome, error }) => outcome === 'failed' && error !== undefined);
    const inFull = (end: TestEnd) => [`  ${name(end)}`, (end.error ?? '').replaceAll(/^/gm, '      '), ''];
    const first = this.#first.filter(({ error }) => error !== undefined);
    return [
      ...(skips.length > 0 ? ['', 'Skipped:'] : []),
      ...skips.map((end) => `  ${name(end)}: ${end.reason}`),
      ...(first.length > 0 ? ['', 'Failed beside others, and was run again alone:'] : []),
      ...first.flatMap(inFull),
      ...(failures.length > 0 ? ['', 'Failed:'] : []),
      ...failures.flatMap(inFull),
    ];
  }

  lastLine(): string {
    return `${this.passed} passed, ${this.failed} failed, ${this.skipped} skipped`;
  }

  #count(outcome: TestEnd['outcome']): number {
    return this.#ends.filter((end) => end.outcome === outcome).length;
  }
}

/** Time in the innermost tests: what stands around them would count it twice. */
function durationOf(ends: readonly TestEnd[]): number {
  const around = new Set(ends.map(({ names }) => names.slice(0, -1).join('\n')));
  return ends.filter(({ names }) => !around.has(names.join('\n'))).reduce((sum, { durationMs }) => sum + durationMs, 0);
}
