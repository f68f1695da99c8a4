// How requests travel from the page: by `fetch` to where the page came from. Nothing leaves the site.
import { CutOff, type Request, type Transport } from '../api/transport.ts';
import { createEventParser } from '../api/event-parser.ts';
import { CaissonError, errorCodes, type ErrorCode } from '../lib/errors.ts';

export interface FetchTransportOptions {
  headers: () => Record<string, string>;
  /** The daemon does not know us, or no longer. */
  onUnauthorized: () => void;
}

export function createFetchTransport({ headers, onUnauthorized }: FetchTransportOptions): Transport {
  const send = async ({ method, path, body, headers: own, signal }: Request, more: Record<string, string>): Promise<Response> => {
    const response = await fetch(path, {
      method,
      credentials: 'same-origin',
      cache: 'no-store',
      headers: { ...headers(), ...own, ...more, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    }).catch((cause: unknown) => {
      if (signal?.aborted) throw new CaissonError('cancelled', 'the request was cancelled', { cause });
      throw new CutOff('the daemon does not answer', { cause });
    });
    if (response.ok) return response;
    const error = errorOf(await response.json().catch(() => undefined), response.status);
    // A wrong password where it is asked for once more ends nothing.
    if (response.status === 401 && error.details?.['confirm'] === undefined) onUnauthorized();
    throw error;
  };
  return {
    async request(request) {
      const response = await send(request, { accept: 'application/json' });
      const body = await response.json().catch((cause: unknown) => {
        if (request.signal?.aborted) throw new CaissonError('cancelled', 'the request was cancelled', { cause });
        throw new CutOff('the connection to the daemon was cut', { cause });
      });
      const tag = response.headers.get('etag');
      return { body: body as unknown, ...(tag === null ? {} : { tag }) };
    },
    async bytes(request) {
      const response = await send(request, { accept: '*/*' });
      const content = await response.arrayBuffer().catch((cause: unknown) => {
        throw new CutOff('the connection to the daemon was cut', { cause });
      });
      return new Uint8Array(content);
    },
    async *events(request) {
      const response = await send(request, { accept: 'text/event-stream' });
      const parse = createEventParser();
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      if (!reader) return;
      try {
        for (;;) {
          const { value, done } = await reader.read();
          if (done) return;
          for (const { event, data } of parse(value)) {
            const item = JSON.parse(data) as unknown;
            if (event === 'problem') throw errorOf(item, 0);
            yield item;
          }
        }
      } catch (cause) {
        if (request.signal?.aborted) return;
        if (cause instanceof CaissonError) throw cause;
        throw new CaissonError('unavailable', 'the connection to the daemon ended', { cause });
      } finally {
        await reader.cancel().catch(() => {});
      }
    },
  };
}

/** problem+json → error. The schemas of the API are not loaded for it. */
function errorOf(body: unknown, status: number): CaissonError {
  const { code, detail, details } = (body ?? {}) as { code?: unknown; detail?: unknown; details?: Record<string, unknown> };
  if (typeof code === 'string' && Object.hasOwn(errorCodes, code) && typeof detail === 'string')
    return new CaissonError(code as ErrorCode, detail, details ? { details } : {});
  return new CaissonError('unavailable', `the daemon answered with HTTP status ${status}`);
}
