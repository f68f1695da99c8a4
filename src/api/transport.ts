// How requests travel, whoever sends them.
import { CaissonError } from '../lib/errors.ts';

export interface Request {
  method: string;
  /** With the query. */
  path: string;
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
}

export interface Reply {
  body: unknown;
  /** Its `ETag`: which version of what is shown this is. */
  tag?: string;
}

/**
 * How requests travel: over a unix socket, TCP, or `fetch` in a page. Throws CaissonError for every answer that is not 2xx, and CutOff
 * where nobody can know whether the request arrived.
 */
export interface Transport {
  request(request: Request): Promise<Reply>;
  /** An answer that is no JSON. */
  bytes(request: Request): Promise<Uint8Array<ArrayBuffer>>;
  /** The `data` of each server-sent event. */
  events(request: Request): AsyncIterable<unknown>;
}

/** The connection ended after the request may have arrived. */
export class CutOff extends CaissonError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('unavailable', message, options);
  }
}
