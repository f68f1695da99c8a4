// Idempotency keys: a client that does not know whether its request arrived sends it again with the same key, and gets the job that the first one
// began, also after the daemon was killed in between. For requests that begin a job; a key belongs to who sent it, and is remembered for a day.
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Endpoint } from '../../api/endpoint.ts';
import type { Clock } from '../../lib/clock.ts';
import { CaissonError } from '../../lib/errors.ts';
import type { Job } from '../../model/job.ts';
import type { Journal } from '../../store/journal.ts';

export interface KeyedRequest {
  actor: string;
  key: string;
  /** Method, path with query, and body. */
  asked: readonly unknown[];
}

export class RequestKeys {
  readonly #journal: Pick<Journal, 'claimKey' | 'settleKey'>;
  readonly #clock: Clock;
  /** Being done by this daemon. */
  readonly #under = new Set<string>();

  constructor(journal: Pick<Journal, 'claimKey' | 'settleKey'>, clock: Clock) {
    this.#journal = journal;
    this.#clock = clock;
  }

  /** Does `work` once for a key; `jobOf` gives the job that was begun the first time. Throws `unsupported` for the same key with another request. */
  async once({ actor, key, asked }: KeyedRequest, work: () => Promise<Job>, jobOf: (uid: string) => Promise<Job>): Promise<Job> {
    const fingerprint = createHash('sha256').update(JSON.stringify(asked)).digest('hex');
    const name = JSON.stringify([actor, key]);
    const known = await this.#journal.claimKey({ actor, key, fingerprint, time: this.#clock.now() });
    if (known) {
      if (known.fingerprint !== fingerprint)
        throw new CaissonError(
          'unsupported',
          `the idempotency key “${key}” was sent with another request before: each request needs a key of its own`,
        );
      if (known.job !== undefined) return jobOf(known.job);
      const isUnder = this.#under.has(name);
      const why = isUnder
        ? 'it is being done: ask again in a moment'
        : 'the daemon ended before it was known what became of it: look at the jobs, and send it with another key if it is not there';
      throw new CaissonError('conflict', `the request with the idempotency key “${key}” was sent before; ${why}`, {
        details: isUnder ? { retryAfterSeconds: 1 } : {},
      });
    }
    this.#under.add(name);
    try {
      const job = await this.#begin({ actor, key }, work);
      // Where that cannot be written, the key stays taken, and who sends it again is told to look.
      await this.#journal.settleKey({ actor, key }, job.uid).catch(() => undefined);
      return job;
    } finally {
      this.#under.delete(name);
    }
  }

  /** When nothing was begun the same request may be tried again. */
  async #begin(claim: { actor: string; key: string }, work: () => Promise<Job>): Promise<Job> {
    try {
      return await work();
    } catch (error) {
      await this.#journal.settleKey(claim, undefined).catch(() => undefined);
      throw error;
    }
  }
}

/** Of the header `Idempotency-Key`. Throws `invalid` when it is none, or the request begins no job. */
export function idempotencyKeyOf(request: IncomingMessage, endpoint: Endpoint): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (endpoint.job !== true)
    throw new CaissonError('invalid', 'the header Idempotency-Key is for requests that begin a job: this one begins none');
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,128}$/.test(key))
    throw new CaissonError('invalid', 'the header Idempotency-Key is 1 to 128 printable characters without spaces, for example a UUID');
  return key;
}
