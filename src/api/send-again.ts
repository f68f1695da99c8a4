// A request that begins a job carries a key, one for each intention. When its connection is cut, nobody knows whether it arrived: it is sent again
// with the same key, for a while, and the daemon answers with the job that the first one began.
import { type Clock, systemClock } from '../lib/clock.ts';
import { CaissonError } from '../lib/errors.ts';
import { CutOff, type Reply, type Request, type Transport } from './transport.ts';

export interface SendAgainOptions {
  clock?: Clock | undefined;
  /** How long it is tried after the first cut; default 10,000. */
  againForMs?: number | undefined;
}

const pauseMs = 200;

export async function sendAgain(
  transport: Pick<Transport, 'request'>,
  request: Request,
  { clock = systemClock, againForMs = 10_000 }: SendAgainOptions,
): Promise<Reply> {
  let cut: CutOff | undefined;
  let until = Infinity;
  for (;;) {
    try {
      return await transport.request(request);
    } catch (error) {
      if (error instanceof CutOff && cut === undefined) {
        cut = error;
        until = clock.monotonic() + againForMs;
      }
      // What was never sent, and what was refused, is as it is; after a cut the daemon may be away for a moment, or still at it.
      if (cut === undefined || !mayPass(error)) throw error;
      if (clock.monotonic() >= until)
        throw new CaissonError('unavailable', `${cut.message}, and it is not known whether the request arrived: look at the jobs`, {
          cause: error,
        });
      await clock.sleep(pauseMs, request.signal);
    }
  }
}

function mayPass(error: unknown): boolean {
  if (!(error instanceof CaissonError)) return false;
  return error.code === 'unavailable' || (error.code === 'conflict' && error.details?.['retryAfterSeconds'] !== undefined);
}

export function withKey(request: Request, key = newKey()): Request {
  return { ...request, headers: { ...request.headers, 'idempotency-key': key } };
}

/** Also where a page was not loaded by HTTPS: there are no UUIDs there. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
