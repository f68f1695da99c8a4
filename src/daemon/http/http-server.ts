// The daemon's HTTP server: one set of routes behind several listeners, each with its own gate. Limits hold for everybody: the size
// of headers and bodies, the time to send them, how long an idle or unread connection stays, how many there are.
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Log } from '../../lib/log.ts';
import { anonymousCaller, type Caller } from '../../model/caller.ts';
import { type AccessControl, noUsers } from './access-control.ts';
import { createRouter } from './api-router.ts';
import { type AuditTrail, originOf } from './audit-trail.ts';
import { type ConsoleSocketOptions, consoleSocketDefaults } from './console-socket.ts';
import { eventStreamDefaults, type EventStreamOptions } from './event-stream.ts';
import { type Gate, loopbackPlace, tcpGate, tlsPlace, unixGate } from './gate.ts';
import type { Handlers, Streams } from './handlers-type.ts';
import { Lifetimes } from './lifetimes.ts';
import { isLoopback } from '../../lib/listen-address.ts';
import type { TlsSource } from '../tls/tls-source.ts';
import { createTlsServer } from './tls-server.ts';
import { listenOnSocketFile } from './socket-file.ts';
import { answerOf, Refusal } from './refusal.ts';
import type { Preconditions } from './preconditions.ts';
import type { RequestKeys } from './request-keys.ts';
import { createUpgrader, refuseUpgrade } from './upgrade.ts';
import { CaissonError } from '../../lib/errors.ts';

export interface HttpServerOptions {
  handlers: Handlers;
  streams: Streams;
  log: Log;
  /** Users and what they may; without it there are the socket and the token file. */
  access?: AccessControl | undefined;
  auditTrail: AuditTrail;
  requestKeys: RequestKeys;
  /** Absent: nothing has a version. */
  preconditions?: Preconditions | undefined;
  /** Folder of the page: index.html and assets/. */
  webRoot?: string | undefined;
  /** Tests: an answer that is not as its schema says is an error. */
  checkResponses?: boolean | undefined;
  eventStream?: Partial<EventStreamOptions> | undefined;
  consoleSocket?: Partial<ConsoleSocketOptions> | undefined;
  limits?: Partial<HttpLimits> | undefined;
  /** For addresses that others can reach; without it there are none. */
  tls?: TlsSource | undefined;
}

/** An address, or a listening socket that was inherited, and the address that it listens on. */
export type TcpPlace = { host: string; port: number } | { fd: number; address: string };

export interface HttpLimits {
  headersTimeoutMs: number;
  /** For the whole request, its body too. */
  requestTimeoutMs: number;
  /** A connection on which nothing moves, also because the client does not read its answer. */
  silenceTimeoutMs: number;
  keepAliveMs: number;
  connections: number;
}

const defaultLimits: HttpLimits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  silenceTimeoutMs: 120_000,
  keepAliveMs: 30_000,
  connections: 1024,
};

export interface HttpServer {
  /** Listens on a socket file, open to its owner and group. Throws `conflict` when another daemon answers there. */
  listenUnix(path: string): Promise<void>;
  /**
   * Listens on an address, with TLS unless it is a loopback one; every request must show `token`, or who it comes from. Throws
   * `unsupported` for an address that others can reach when there is no certificate, `conflict` when the port is taken.
   */
  listenTcp(where: TcpPlace, token: string): Promise<AddressInfo & { scheme: 'http' | 'https' }>;
  /** Stops listening, ends streams, lets requests finish for `graceMs` (default 2,000), then cuts off. */
  close(graceMs?: number): Promise<void>;
}

const maxHeaderBytes = 16 * 1024;

export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const limits = { ...defaultLimits, ...options.limits };
  const { access = noUsers } = options;
  const lifetimes = new Lifetimes(access);
  const callers = new WeakMap<IncomingMessage, Caller>();
  const router = await createRouter({
    handlers: options.handlers,
    streams: options.streams,
    log: options.log,
    auditTrail: options.auditTrail,
    requestKeys: options.requestKeys,
    preconditions: options.preconditions,
    lifetimes,
    eventStream: { ...eventStreamDefaults, ...options.eventStream },
    access,
    callerOf: (request) => callers.get(request) ?? anonymousCaller,
    webRoot: options.webRoot,
    checkResponses: options.checkResponses,
  });
  const upgrader = createUpgrader({
    streams: options.streams,
    access,
    lifetimes,
    log: options.log,
    auditTrail: options.auditTrail,
    consoleSocket: { ...consoleSocketDefaults, ...options.consoleSocket },
  });
  const servers: Server[] = [];
  let closing: Promise<void> | undefined;

  /** Who changed what, or tried to. */
  const logWhenDone = (request: IncomingMessage, response: ServerResponse) => {
    response.once('close', () => {
      const status = response.writableFinished ? response.statusCode : undefined;
      options.log.info('request', { method: request.method, path: request.url?.slice(0, 300), actor: callers.get(request)?.actor, status });
    });
  };

  const serverOptions: ServerOptions = {
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: Math.min(5000, limits.headersTimeoutMs),
  };

  const addServer = (server: Server, gate: Gate): Server => {
    server.timeout = limits.silenceTimeoutMs;
    server.maxConnections = limits.connections;
    server.on('request', (request, response) => {
      try {
        callers.set(request, gate(request));
      } catch (error) {
        logRefused(options.auditTrail, request, error);
        return refuse(response, error);
      }
      if (request.method !== 'GET') logWhenDone(request, response);
      router.routing(request, response);
    });
    server.on('upgrade', (request, socket, head) => upgrader.upgrade(request, socket, head, gate));
    server.on('clientError', refuseBroken);
    servers.push(server);
    return server;
  };

  return {
    async listenUnix(path) {
      await listenOnSocketFile(addServer(createServer(serverOptions), unixGate), path);
      options.log.info('listening', { path });
    },
    async listenTcp(where, token) {
      const host = 'host' in where ? where.host : where.address;
      const source = isLoopback(host) ? undefined : options.tls;
      if (!isLoopback(host) && !source) throw needsTls(host);
      let port = 0;
      const place = source ? tlsPlace(source) : loopbackPlace(() => port);
      const made = source ? await createTlsServer(source, serverOptions) : createServer(serverOptions);
      const server = addServer(made, tcpGate({ token, place, access }));
      await listening(server, where);
      const address = server.address() as AddressInfo;
      if (!source && !isLoopback(address.address)) {
        server.close();
        throw needsTls(address.address);
      }
      port = address.port;
      options.log.info('listening', { address: address.address, port, scheme: place.scheme });
      return { ...address, scheme: place.scheme };
    },
    close(graceMs = 2000) {
      closing ??= closeAll(servers, graceMs, () => {
        lifetimes.end();
        return () => upgrader.terminate();
      }).then(() => router.close());
      return closing;
    },
  };
}

/** `beforeGrace` returns what is to be done after it. */
async function closeAll(servers: readonly Server[], graceMs: number, beforeGrace: () => () => void): Promise<void> {
  const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
  const afterGrace = beforeGrace();
  for (const server of servers) server.closeIdleConnections();
  const timer = setTimeout(() => {
    afterGrace();
    for (const server of servers) server.closeAllConnections();
  }, graceMs);
  await Promise.all(closed);
  clearTimeout(timer);
}

function listening(server: Server, where: TcpPlace): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('listening', resolve);
  server.once('error', (cause: NodeJS.ErrnoException) => {
    const name = 'fd' in where ? `the inherited socket ${where.fd}` : `${where.host}:${where.port}`;
    if (cause.code === 'EADDRINUSE')
      reject(new CaissonError('conflict', `${name} is taken by another program: choose another port`, { cause }));
    else reject(new CaissonError('failed', `the daemon cannot listen on ${name}`, { cause }));
  });
  server.listen('fd' in where ? { fd: where.fd } : where);
  return promise;
}

/** Somebody who shows a wrong token tries to come in; who shows none may not know yet that one is needed. */
function logRefused(auditTrail: AuditTrail, request: IncomingMessage, error: unknown): void {
  if (!(error instanceof Refusal) || error.status !== 401 || request.headers.authorization === undefined) return;
  void auditTrail.login({
    actor: 'unknown',
    from: originOf(request),
    by: 'token',
    outcome: { result: 'refused', code: error.code, message: 'the token is not the right one' },
  });
}

function refuse(response: ServerResponse, error: unknown): void {
  const { problem, headers } = answerOf(error);
  const body = JSON.stringify(problem);
  // The rest of a refused request is not read: the connection ends with the answer.
  response.writeHead(problem.status, {
    ...headers,
    'content-type': 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  });
  response.end(body);
}

/** What is not even a request: headers too large, too slow, not HTTP. */
function refuseBroken(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const refusal =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? new Refusal(431, `the headers are larger than ${maxHeaderBytes / 1024} KiB`)
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? new Refusal(408, 'the request took too long to arrive')
        : new Refusal(400, 'this is not an HTTP request');
  refuseUpgrade(socket, refusal);
}

/** For an address that others can reach, where there is no certificate: secrets would travel readable. */
function needsTls(host: string): CaissonError {
  return new CaissonError(
    'unsupported',
    `the daemon does not listen on ${host} without TLS: plain HTTP is for this machine (127.0.0.1 or ::1)`,
  );
}
