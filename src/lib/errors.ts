// The one error class. The message says what was tried, on what, and what to do; the cause stays in `cause`
// and is printed in one place. Nobody below the daemon and the command line knows an HTTP status or exit code.

/** Every code an error of ours may carry, with what it means to the caller. */
export const errorCodes = {
  invalid: 'the input is wrong; nothing was changed',
  'not-found': 'no object has that name',
  conflict: 'somebody else changed it, or the name or address is taken',
  'not-allowed': 'the state of the object does not allow this action',
  unsupported: 'a known wish that this version cannot fulfil yet',
  unauthorized: 'nobody has said who they are, or not so that it could be believed',
  forbidden: 'who asks may not do this',
  'too-many': 'it was tried too often; `details.retryAfterSeconds` says when again',
  untrusted: 'the other side does not prove that it is who was asked for',
  'no-capacity': 'the host cannot guarantee what is asked for',
  missing: 'a program, kernel feature or file that is needed is not here',
  unavailable: 'the other side does not answer (daemon, helper, agent, QEMU)',
  timeout: 'it took longer than its limit',
  cancelled: 'somebody cancelled the job',
  'too-new': 'the data was written by a newer version',
  failed: 'the operation was tried and failed',
  internal: 'a defect of Caisson itself',
} as const;

export type ErrorCode = keyof typeof errorCodes;

export class CaissonError extends Error {
  override readonly name = 'CaissonError';
  readonly code: ErrorCode;
  /** Machine-readable facts about the failure: plain JSON, never a secret. */
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; details?: Record<string, unknown> } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details;
  }
}

/** What went wrong as a CaissonError: unknown things become `internal`, so that callers handle one class. */
export function toCaissonError(error: unknown): CaissonError {
  if (error instanceof CaissonError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new CaissonError('internal', message, { cause: error });
}

/** The message and those of its causes, each once, outermost first: the one place where causes are printed. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  for (let at: unknown = error; at !== undefined && at !== null; at = at instanceof Error ? at.cause : undefined) {
    const message = at instanceof Error ? at.message : String(at);
    if (!parts.some((part) => part.includes(message))) parts.push(message);
  }
  return parts.join(': ');
}

/** For the end of a switch over a union: a new member then fails to compile. */
export function never(value: never): never {
  throw new CaissonError('internal', `unexpected value ${JSON.stringify(value)}`);
}
