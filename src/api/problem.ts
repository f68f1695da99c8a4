// How an error travels over HTTP: problem+json with our code. The one place that knows which status a code has.
import { z } from 'zod';
import { CaissonError, errorCodes, type ErrorCode } from '../lib/errors.ts';

export const statusOfCode: Record<ErrorCode, number> = {
  invalid: 400,
  'not-found': 404,
  conflict: 409,
  'not-allowed': 409,
  unsupported: 422,
  unauthorized: 401,
  forbidden: 403,
  'too-many': 429,
  untrusted: 502,
  'no-capacity': 507,
  missing: 503,
  unavailable: 503,
  timeout: 504,
  cancelled: 409,
  'too-new': 503,
  failed: 500,
  internal: 500,
};

export const problemSchema = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]]),
  details: z.record(z.string(), z.unknown()).optional(),
});
export type Problem = z.output<typeof problemSchema>;

export function problemOf(error: CaissonError, detail: string): Problem {
  const { code, details } = error;
  return { type: 'about:blank', title: errorCodes[code], status: statusOfCode[code], detail, code, ...(details ? { details } : {}) };
}

/** What the client throws for an answer that is an error. */
export function errorOfProblem(body: unknown, status: number): CaissonError {
  const parsed = problemSchema.safeParse(body);
  if (!parsed.success)
    return new CaissonError('unavailable', `the other side answered with HTTP status ${status}: is it a Caisson daemon?`);
  return new CaissonError(parsed.data.code, parsed.data.detail, parsed.data.details ? { details: parsed.data.details } : {});
}
