// A reporter for node:test: one JSON object a line on file descriptor 3, read by run-test-process.ts. Standard output stays
// with the tests.
import { writeSync } from 'node:fs';
import type { TestEvent as NodeTestEvent } from 'node:test/reporters';

/** What is told of one test that has ended. */
export interface TestEnd {
  /** The names of the test and those around it. */
  names: string[];
  file: string;
  outcome: 'passed' | 'failed' | 'skipped';
  durationMs: number;
  /** Why it was skipped. */
  reason?: string;
  /** What went wrong, ready to print. A test that fails only because one inside it did has none. */
  error?: string;
}

export default async function* report(source: AsyncIterable<NodeTestEvent>): AsyncGenerator<string> {
  const open: string[] = [];
  for await (const event of source) {
    if (event.type === 'test:start') {
      open.length = event.data.nesting;
      open.push(event.data.name);
    }
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    const { nesting, name, file = '', details, skip, todo } = event.data;
    if (details.type === 'suite' && event.type === 'test:pass') continue;
    const error = event.type === 'test:fail' ? describe(event.data.details.error) : undefined;
    if (details.type === 'suite' && error === undefined) continue;
    const reason = reasonOf(skip, 'no reason given') ?? reasonOf(todo, 'to do');
    const end: TestEnd = {
      names: [...open.slice(0, nesting), name],
      file,
      outcome: reason === undefined ? (event.type === 'test:pass' ? 'passed' : 'failed') : 'skipped',
      durationMs: details.duration_ms,
      ...(reason === undefined ? {} : { reason }),
      ...(error === undefined ? {} : { error }),
    };
    writeSync(3, `${JSON.stringify(end)}\n`);
  }
  yield '';
}

function reasonOf(mark: string | boolean | undefined, otherwise: string): string | undefined {
  if (mark === undefined || mark === false) return undefined;
  return typeof mark === 'string' && mark !== '' ? mark : otherwise;
}

/** The error as a person wants it; undefined when it only says that a test inside failed. */
function describe(error: Error & { failureType?: string }): string | undefined {
  if (error.failureType === 'subtestsFailed') return undefined;
  const cause = error.cause ?? error;
  const parts: string[] = [];
  for (let at: unknown = cause; at !== undefined && parts.length < 8; at = at instanceof Error ? at.cause : undefined) {
    parts.push(at instanceof Error ? withoutRuntime(at.stack ?? at.message) : String(at));
  }
  const details = cause instanceof Error && 'details' in cause ? `\ndetails: ${JSON.stringify(cause.details)}` : '';
  return parts.join('\ncaused by: ') + details;
}

/** A stack without the lines inside Node.js itself. */
function withoutRuntime(stack: string): string {
  return stack
    .split('\n')
    .filter((line) => !/^\s+at .*\(?node:/.test(line))
    .join('\n');
}
