// Websockets: the same gate, table and checks as for any request; only then the upgrade.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Log } from '../../lib/log.ts';
import type { Caller } from '../../model/caller.ts';
import type { AccessControl } from './access-control.ts';
import { logDefect } from './api-router.ts';
import { authorize } from './authorize.ts';
import { type AuditTrail, originOf } from './audit-trail.ts';
import { type ConsoleSocketOptions, joinConsole, maxMessageBytes } from './console-socket.ts';
import type { Gate } from './gate.ts';
import type { Streams } from './handlers-type.ts';
import type { Lifetimes } from './lifetimes.ts';
import { matchPath } from './match-path.ts';
import { parseCall } from './parse-call.ts';
import { answerOf, Refusal } from './refusal.ts';

export interface UpgradeOptions {
  streams: Streams;
  access: AccessControl;
  lifetimes: Lifetimes;
  log: Log;
  auditTrail: AuditTrail;
  consoleSocket: ConsoleSocketOptions;
}

export interface Upgrader {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, gate: Gate): void;
  /** Cuts off every websocket. */
  terminate(): void;
}

export function createUpgrader({ streams, access, lifetimes, log, auditTrail, consoleSocket }: UpgradeOptions): Upgrader {
  const server = new WebSocketServer({ noServer: true, maxPayload: maxMessageBytes, perMessageDeflate: false, clientTracking: true });
  const open = async (request: IncomingMessage, socket: Duplex, head: Buffer, gate: Gate) => {
    const caller = gate(request);
    const url = new URL(request.url ?? '/', 'http://daemon');
    const match = matchPath(url.pathname).find(({ endpoint }) => endpoint.stream === 'websocket');
    if (!match) throw new Refusal(404, `there is no websocket at ${url.pathname.slice(0, 200)}`);
    const check = (now: Caller) => authorize(now, match.endpoint.access, match.params, access.objects);
    const { actor } = caller;
    const logged = { ...match, actor, from: originOf(request) };
    try {
      await check(caller);
    } catch (error) {
      await auditTrail.forbidden({ ...logged, call: { params: match.params, query: undefined, body: undefined } }, error);
      throw error;
    }
    const signal = lifetimes.signalOf(socket, { caller, check });
    const parsed = parseCall(match.endpoint, { params: match.params, query: Object.fromEntries(url.searchParams), body: undefined });
    const openStream = streams[match.id as 'guestConsole'] as (call: object) => Promise<Duplex>;
    const stream = await auditTrail.record({ ...logged, call: parsed }, () => openStream({ ...parsed, actor, caller, signal }));
    // Also when the handshake is not a websocket's, and nobody ever takes the stream.
    socket.once('close', () => stream.destroy());
    if (socket.destroyed) {
      stream.destroy();
      return;
    }
    server.handleUpgrade(request, socket, head, (websocket) => joinConsole(websocket, stream, signal, consoleSocket));
  };
  return {
    upgrade(request, socket, head, gate) {
      socket.on('error', () => socket.destroy());
      open(request, socket, head, gate).catch((error: unknown) => {
        logDefect(error, request, log);
        refuseUpgrade(socket, error);
      });
    },
    terminate() {
      for (const client of server.clients) client.terminate();
    },
  };
}

/** A problem as a whole HTTP answer, for a socket that has no response object. */
export function refuseUpgrade(socket: Duplex, error: unknown): void {
  const { problem, headers } = answerOf(error);
  const body = JSON.stringify(problem);
  const lines = Object.entries({
    ...headers,
    'content-type': 'application/problem+json',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  });
  socket.end(`HTTP/1.1 ${problem.status} Refused\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`);
}
