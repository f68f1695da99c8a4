// HTTP servers on real sockets with sample handlers, and ways to talk to them; all closed at once.
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient } from '../../src/api/client.ts';
import { createNodeTransport, type DaemonAddress, type NodeTransport, type NodeTransportOptions } from '../../src/api/node-transport.ts';
import type { Handlers, Streams } from '../../src/daemon/http/handlers-type.ts';
import { AuditTrail } from '../../src/daemon/http/audit-trail.ts';
import { createHttpServer, type HttpServer, type HttpServerOptions } from '../../src/daemon/http/http-server.ts';
import { RequestKeys } from '../../src/daemon/http/request-keys.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { MemoryJournal } from '../../src/store/memory/memory-journal.ts';
import { MemoryAuditLog } from '../../src/store/memory/memory-audit-log.ts';
import { sampleHandlers, sampleStreams } from './sample-handlers.ts';

export const sampleToken = 'a-token-of-these-tests-0123456789abcdef';

export interface Served {
  server: HttpServer;
  socketPath: string;
  address: AddressInfo;
  url: string;
}

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

export class HttpTrial {
  readonly folder: string;
  readonly #servers: HttpServer[] = [];
  readonly #transports: NodeTransport[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(): Promise<HttpTrial> {
    return new HttpTrial(await mkdtemp(join(tmpdir(), 'caisson-http-')));
  }

  async close(): Promise<void> {
    for (const transport of this.#transports) transport.close();
    await Promise.all(this.#servers.map((server) => server.close(0)));
    await rm(this.folder, { recursive: true, force: true });
  }

  /** A server on a socket file and a port, whose answers are checked. */
  async serve(handlers: Partial<Handlers>, streams: Partial<Streams> = {}, more: Partial<HttpServerOptions> = {}): Promise<Served> {
    const server = await this.create(handlers, streams, more);
    const socketPath = join(this.folder, `${this.#servers.length}.sock`);
    await server.listenUnix(socketPath);
    const address = await server.listenTcp({ host: '127.0.0.1', port: 0 }, sampleToken);
    return { server, socketPath, address, url: `http://127.0.0.1:${address.port}` };
  }

  /** A server that does not listen yet. */
  async create(handlers: Partial<Handlers>, streams: Partial<Streams> = {}, more: Partial<HttpServerOptions> = {}): Promise<HttpServer> {
    const server = await createHttpServer({
      handlers: sampleHandlers(handlers),
      streams: sampleStreams(streams),
      log: silentLog,
      auditTrail: new AuditTrail(new MemoryAuditLog(), silentLog),
      requestKeys: new RequestKeys(new MemoryJournal(), systemClock),
      checkResponses: true,
      ...more,
    });
    this.#servers.push(server);
    return server;
  }

  transport(address: DaemonAddress, options: NodeTransportOptions = {}): NodeTransport {
    const transport = createNodeTransport(address, options);
    this.#transports.push(transport);
    return transport;
  }

  client(served: Served): Client {
    return createClient(this.transport({ socketPath: served.socketPath }));
  }
}

/** A request with exactly these headers. */
export function ask(
  served: Served,
  options: { method?: string; path: string; headers?: Record<string, string>; body?: string; tcp?: boolean },
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const where = options.tcp ? { host: '127.0.0.1', port: served.address.port } : { socketPath: served.socketPath };
  const outgoing = httpRequest(
    { ...where, method: options.method ?? 'GET', path: options.path, headers: options.headers ?? {}, agent: false },
    (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() }),
      );
      response.on('error', reject);
    },
  );
  outgoing.on('error', reject);
  outgoing.end(options.body);
  return promise;
}

export const problemOf = (answer: Answer) => JSON.parse(answer.text) as { status: number; code: string; detail: string };

/** A raw connection that has sent `text`. */
export function rawConnection(served: Served, text: string): { socket: Socket; said: () => string; ended: Promise<void> } {
  const socket = connect(served.socketPath);
  let said = '';
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  socket.on('data', (chunk) => (said += chunk.toString()));
  socket.on('error', () => {});
  socket.on('close', () => resolve());
  socket.write(text);
  return { socket, said: () => said, ended };
}
