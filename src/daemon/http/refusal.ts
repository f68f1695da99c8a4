// What HTTP itself refuses, before or instead of a handler: the statuses that no code of ours has.
import { CaissonError, describeError, type ErrorCode, errorCodes, toCaissonError } from '../../lib/errors.ts';
import { type Problem, problemOf } from '../../api/problem.ts';

/** What statuses mean beside `invalid` and `unavailable`. */
const codes: Readonly<Record<number, ErrorCode>> = { 401: 'unauthorized', 403: 'forbidden', 404: 'not-found', 412: 'conflict' };

/** A request that HTTP refuses: thrown anywhere before the handler. */
export class Refusal extends CaissonError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Record<string, string> = {}, details?: Record<string, unknown>) {
    super(codes[status] ?? (status >= 500 ? 'unavailable' : 'invalid'), message, details ? { details } : {});
    this.status = status;
    this.headers = headers;
  }
}

export interface ProblemAnswer {
  problem: Problem;
  headers: Readonly<Record<string, string>>;
  /** A defect of ours: log it with its stack. */
  defect: boolean;
}

/** What HTTP wants beside the status. */
function headersOf({ code, details }: CaissonError): Record<string, string> {
  if (code === 'unauthorized') return { 'www-authenticate': 'Bearer' };
  const seconds = details?.['retryAfterSeconds'];
  return typeof seconds === 'number' ? { 'retry-after': String(seconds) } : {};
}

/** The answer to an error. What is not a CaissonError is a defect: its message may name internals and stays in the log. */
export function answerOf(error: unknown): ProblemAnswer {
  if (error instanceof Refusal)
    return { problem: { ...problemOf(error, error.message), status: error.status }, headers: error.headers, defect: false };
  const known = toCaissonError(error);
  if (known.code !== 'internal') return { problem: problemOf(known, describeError(known)), headers: headersOf(known), defect: false };
  const detail = `${errorCodes.internal}: the daemon’s log has the details`;
  return { problem: problemOf(new CaissonError('internal', detail), detail), headers: {}, defect: true };
}
