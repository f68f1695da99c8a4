// How requests travel from a program: over the daemon's unix socket, by HTTP to a loopback address, by HTTPS to another machine.
import { Agent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import type { Duplex } from 'node:stream';
import { CaissonError } from '../lib/errors.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { CutOff, type Request, type Transport } from './transport.ts';
import { createEventParser } from './event-parser.ts';

export type DaemonAddress =
  | { socketPath: string }
  | {
      url: string;
      token?: string | undefined;
      /** PEM: the one authority that the daemon's certificate must come from; absent: those that the runtime trusts. */
      authority?: string | undefined;
    };

export interface NodeTransportOptions {
  /** Until an answer begins, or the next bytes of a stream come (the daemon sends some every 15 s); default 60,000. */
  timeoutMs?: number;
  /** How long a stream that was cut off is tried again, going on after the last item seen; default 10,000, 0: not at all. */
  reconnectForMs?: number;
  clock?: Clock;
}

export interface NodeTransport extends Transport {
  /** A websocket as bytes both ways; an endpoint's path with its query. Destroyed with an error when the other side fails. */
  openWebSocket(path: string): Promise<Duplex>;
  close(): void;
}

const maxAnswerBytes = 256 * 1024 * 1024;
const maxEventChars = 16 * 1024 * 1024;

export function createNodeTransport(address: DaemonAddress, options: NodeTransportOptions = {}): NodeTransport {
  let agent: Promise<Agent> | undefined;
  const { timeoutMs = 60_000, reconnectForMs = 10_000, clock = systemClock } = options;
  const target = targetOf(address);
  const send = async (request: Request, headers: Record<string, string>) =>
    exchange(
      {
        ...target.options,
        agent: await (agent ??= createAgent(address)),
        method: request.method,
        path: request.path,
        timeout: timeoutMs,
        headers: { ...target.headers, ...request.headers, ...headers },
      },
      target.name,
      request,
    );

  return {
    async request(request) {
      const response = await send(request, { accept: 'application/json' });
      const text = await readText(response, maxAnswerBytes);
      const body = parseJson(text);
      if (!isSuccess(response)) throw await errorOf(body, response.statusCode ?? 0);
      if (body === undefined && text !== '')
        throw new CaissonError('unavailable', `${target.name} answered with something that is not JSON: is it a Caisson daemon?`);
      const { etag } = response.headers;
      return { body, ...(etag === undefined ? {} : { tag: etag }) };
    },
    async bytes(request) {
      const response = await send(request, { accept: '*/*' });
      const bytes = await readBytes(response, maxAnswerBytes);
      if (!isSuccess(response)) throw await errorOf(parseJson(bytes.toString('utf8')), response.statusCode ?? 0);
      return bytes;
    },
    async *events(request) {
      let lastId: string | undefined;
      let triedSince: number | undefined;
      for (;;) {
        try {
          const response = await send(request, {
            accept: 'text/event-stream',
            ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
          });
          if (!isSuccess(response)) throw await errorOf(parseJson(await readText(response, maxAnswerBytes)), response.statusCode ?? 0);
          for await (const { data, id } of readEvents(response, timeoutMs)) {
            triedSince = undefined;
            lastId = id;
            yield data;
          }
          return;
        } catch (error) {
          if (request.signal?.aborted) return;
          const lost = error instanceof CaissonError && error.code === 'unavailable';
          triedSince ??= clock.monotonic();
          if (!lost || clock.monotonic() - triedSince >= reconnectForMs) throw error;
          await clock.sleep(200);
        }
      }
    },
    openWebSocket: (path) => openWebSocket(address, target, path, timeoutMs),
    close: () => void agent?.then((made) => made.destroy()),
  };
}

/** The module for TLS takes a while to load: only for who needs it. */
async function createAgent(address: DaemonAddress): Promise<Agent> {
  if ('socketPath' in address || !isSecure(address.url)) return new Agent({ keepAlive: true });
  const { Agent: TlsAgent } = await import('node:https');
  return new TlsAgent({ keepAlive: true, ...tlsOptionsOf(address) });
}

function isSecure(url: string): boolean {
  return new URL(url).protocol === 'https:';
}

function tlsOptionsOf(address: DaemonAddress): { minVersion: 'TLSv1.2'; ca?: string } {
  const authority = 'url' in address ? address.authority : undefined;
  return { minVersion: 'TLSv1.2', ...(authority === undefined ? {} : { ca: authority }) };
}

/** `unix:/run/caisson/1f/api.sock`, `http://127.0.0.1:8420` or `https://room-1:8420`. Throws `invalid`. */
export function parseDaemonUrl(text: string, token?: string, authority?: string): DaemonAddress {
  if (/^unix:\/\/?\/?/.test(text)) {
    const socketPath = text.replace(/^unix:(\/\/)?/, '');
    if (socketPath.startsWith('/')) return { socketPath };
  } else if (URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol)) return { url: text, token, authority };
  throw new CaissonError(
    'invalid',
    `“${text}” is not the address of a daemon: expected is https://HOST:PORT, http://127.0.0.1:PORT or unix:/PATH/api.sock`,
  );
}

interface Target {
  /** For messages. */
  name: string;
  options: Pick<RequestOptions, 'socketPath' | 'protocol' | 'host' | 'port'>;
  headers: Record<string, string>;
}

function targetOf(address: DaemonAddress): Target {
  if ('socketPath' in address)
    return { name: `the daemon at ${address.socketPath}`, options: { socketPath: address.socketPath }, headers: { host: 'localhost' } };
  const { protocol, hostname, port } = new URL(address.url);
  return {
    name: `the daemon at ${address.url}`,
    options: { protocol, host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) },
    headers: address.token === undefined ? {} : { authorization: `Bearer ${address.token}` },
  };
}

/** Resolves once the head of the answer is there. */
function exchange(
  options: Omit<RequestOptions, 'headers'> & { headers: Record<string, string> },
  name: string,
  { body, signal }: Request,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    ...options.headers,
    ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
  };
  const outgoing = httpRequest({ ...options, headers, ...(signal ? { signal } : {}) }, resolve);
  outgoing.on('timeout', () => outgoing.destroy(new CaissonError('timeout', `${name} did not answer in ${options.timeout} ms`)));
  outgoing.on('error', (cause) => reject(connectionError(cause, name, signal)));
  outgoing.end(text);
  return promise;
}

function connectionError(cause: Error, name: string, signal: AbortSignal | undefined): CaissonError {
  if (cause instanceof CaissonError) return cause;
  if (signal?.aborted) return new CaissonError('cancelled', `the request to ${name} was cancelled`, { cause });
  switch ((cause as NodeJS.ErrnoException).code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return new CaissonError('unavailable', `${name} does not answer: it is not running, or its data directory is another one`, { cause });
    case 'EACCES':
    case 'EPERM':
      return new CaissonError('unauthorized', `you may not talk to ${name}: only root and members of the group caisson may`, { cause });
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'CERT_SIGNATURE_FAILURE':
      return new CaissonError(
        'untrusted',
        `the certificate of ${name} is not of an authority that you trust: on that host “caisson host ca” prints its own; give it with --ca FILE, or its fingerprint to “caisson login --fingerprint”`,
        { cause },
      );
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return new CaissonError(
        'untrusted',
        `the certificate of ${name} is for other names: start that daemon with --tls-name, or use a name that it is for`,
        { cause },
      );
    case 'CERT_HAS_EXPIRED':
      return new CaissonError('untrusted', `the certificate of ${name} has ended: look at both clocks, and at that daemon’s log`, {
        cause,
      });
    case 'ECONNRESET':
    case 'EPIPE':
      return new CutOff(`the connection to ${name} was cut`, { cause });
    default:
      return new CaissonError('unavailable', `the connection to ${name} failed`, { cause });
  }
}

function isSuccess(response: IncomingMessage): boolean {
  return response.statusCode !== undefined && response.statusCode >= 200 && response.statusCode < 300;
}

async function readText(response: IncomingMessage, maxBytes: number): Promise<string> {
  return (await readBytes(response, maxBytes)).toString('utf8');
}

async function readBytes(response: IncomingMessage, maxBytes: number): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) throw new CaissonError('unavailable', `the answer is larger than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (cause) {
    throw cutOff(cause);
  }
  return Buffer.concat(chunks);
}

function cutOff(cause: unknown): unknown {
  return cause instanceof CaissonError ? cause : new CutOff('the daemon ended in the middle of its answer', { cause });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

async function* readEvents(response: IncomingMessage, timeoutMs: number): AsyncGenerator<{ data: unknown; id: string | undefined }> {
  const parse = createEventParser();
  let waiting = 0;
  response.setEncoding('utf8');
  response.setTimeout(timeoutMs, () => response.destroy());
  try {
    for await (const text of response as AsyncIterable<string>) {
      const events = parse(text);
      waiting = events.length > 0 ? 0 : waiting + text.length;
      if (waiting > maxEventChars) throw new CaissonError('failed', `an event is larger than ${maxEventChars} characters`);
      for (const { event, data, id } of events) {
        const value = parseJson(data);
        if (event === 'problem') throw await errorOf(value, 0);
        yield { data: value, id };
      }
    }
  } catch (cause) {
    throw cutOff(cause);
  } finally {
    response.destroy();
  }
}

async function openWebSocket(address: DaemonAddress, target: Target, path: string, timeoutMs: number): Promise<Duplex> {
  // Only for consoles, so not loaded with every command.
  const { WebSocket, createWebSocketStream } = await import('ws');
  const url =
    'socketPath' in address ? `ws+unix:${address.socketPath}:${path}` : `${address.url.replace(/^http/, 'ws').replace(/\/$/, '')}${path}`;
  const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
  const socket = new WebSocket(url, {
    headers: target.headers,
    ...tlsOptionsOf(address),
    handshakeTimeout: timeoutMs,
    perMessageDeflate: false,
    maxPayload: 16 * 1024 * 1024,
  });
  socket.on('close', (code, reason) => {
    // 1005: closed without saying why, as after our own end.
    if (code !== 1000 && code !== 1005)
      stream.destroy(
        new CaissonError('unavailable', `the connection to ${target.name} ended${reason.length > 0 ? `: ${reason.toString('utf8')}` : ''}`),
      );
  });
  const stream = createWebSocketStream(socket);
  const fail = (cause: Error) => reject(connectionError(cause, target.name, undefined));
  stream.on('error', fail);
  socket.on('unexpected-response', (_request, response: IncomingMessage) => {
    readText(response, maxAnswerBytes)
      .then((text) => errorOf(parseJson(text), response.statusCode ?? 0))
      .then(reject, reject)
      .finally(() => socket.terminate());
  });
  socket.on('open', () => {
    stream.off('error', fail);
    resolve(stream);
  });
  return promise;
}

/** Reading problems needs schemas, which take a while to make: only when there is one. */
async function errorOf(body: unknown, status: number): Promise<CaissonError> {
  const { errorOfProblem } = await import('./problem.ts');
  return errorOfProblem(body, status);
}
