// One HTTP(S) request to a server of somebody else, who may be slow, huge or wrong: bounded in time and size, no redirect is followed, and a
// certificate must be of an authority that the runtime or this machine trusts, or of those given.
import type { IncomingMessage, RequestOptions } from 'node:http';
import { CaissonError } from './errors.ts';

export interface BoundedRequest {
  url: URL;
  method: string;
  headers?: Readonly<Record<string, string>>;
  body?: string | Buffer | undefined;
  /** For the whole answer. */
  timeoutMs: number;
  mostBytes: number;
  /** PEM: in place of the authorities that the machine trusts. */
  authorities?: string | undefined;
}

export interface BoundedAnswer {
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

/** Throws `unavailable`, naming the host: no answer, one that takes too long or is too large, a certificate that is not trusted. */
export async function boundedRequest({
  url,
  method,
  headers,
  body,
  timeoutMs,
  mostBytes,
  authorities,
}: BoundedRequest): Promise<BoundedAnswer> {
  const isSecure = url.protocol === 'https:';
  // Loaded by the first who asks: most daemons ask nobody.
  const { request } = isSecure ? await import('node:https') : await import('node:http');
  const options: RequestOptions & { ca?: string[] } = {
    method,
    headers: { 'user-agent': 'Caisson', ...headers, ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }) },
    agent: false,
    ...(isSecure ? { ca: authorities === undefined ? await trustedAuthorities() : [authorities] } : {}),
  };
  const { promise, resolve, reject } = Promise.withResolvers<BoundedAnswer>();
  const outgoing = request(url, options);
  const fail = (why: string, cause?: unknown) => {
    outgoing.destroy();
    reject(new CaissonError('unavailable', `${url.host} ${why}`, { cause }));
  };
  const timer = setTimeout(() => fail(`did not answer within ${timeoutMs / 1000} s`), timeoutMs);
  outgoing.on('error', (cause) => fail('could not be asked', cause));
  outgoing.on('response', (response) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > mostBytes) fail(`answers with more than ${mostBytes / 1024} KiB`);
      else chunks.push(chunk);
    });
    response.on('error', (cause) => fail('broke off its answer', cause));
    response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }));
  });
  outgoing.end(body);
  return promise.finally(() => clearTimeout(timer));
}

/** Those that come with the runtime, and those that the machine’s administrator has added. */
async function trustedAuthorities(): Promise<string[]> {
  const { getCACertificates } = await import('node:tls');
  return [...new Set([...getCACertificates('default'), ...getCACertificates('system')])];
}
