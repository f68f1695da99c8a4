// How a failure ends a command: what is printed and with which exit code.
import { CaissonError, describeError, type ErrorCode } from '../lib/errors.ts';
import { harmless } from '../lib/harmless.ts';

/** Exit codes, as `--help` tells them. */
export const exitCodes = { done: 0, failed: 1, wrongInput: 2, interrupted: 130 } as const;

/** An error together with what somebody at a terminal can do about it. */
export class Advised extends Error {
  readonly advice: readonly string[];

  constructor(message: string, cause: unknown, advice: readonly string[]) {
    super(message, { cause });
    this.advice = advice;
  }
}

/** What was to be said has been said; only the exit code is left. */
export class Ended extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`ended with ${exitCode}`);
    this.exitCode = exitCode;
  }
}

const wrongInput: readonly ErrorCode[] = ['invalid', 'unsupported'];

/** Several lines: the problem, then advice. */
export function describeFailure(error: unknown): string {
  const [message, advice] = error instanceof Advised ? [error.message, error.advice] : [describeError(error), []];
  return harmless([`caisson: ${message}`, ...advice.map((line) => `  ${line}`)].map((line) => `${line}\n`).join(''));
}

export function exitCodeOf(error: unknown): number {
  const actual = error instanceof Advised ? error.cause : error;
  return actual instanceof CaissonError && wrongInput.includes(actual.code) ? exitCodes.wrongInput : exitCodes.failed;
}
