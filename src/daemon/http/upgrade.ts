// Websockets: the same gate, table and checks as for any request; only then the upgrade.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Log } from '../../lib/log.ts';
import type { Caller } from '../../model/caller.ts';
import type { ConsoleKind } from '../../model/console-ticket.ts';
import type { AccessControl } from './access-control.ts';
import { logDefect } from './api-router.ts';
import { authorize } from './authorize.ts';
import { type AuditTrail, originOf } from './audit-trail.ts';
import { type ConsoleSocketOptions, joinConsole, maxMessageBytes } from './console-socket.ts';
import type { Gate } from './gate.ts';
import type { Streams, WebsocketEndpointId } from './handlers-type.ts';
import type { Lifetimes } from './lifetimes.ts';
import { matchPath, type PathMatch } from './match-path.ts';
import { parseCall, type RawRequest } from './parse-call.ts';
import { clientOf } from './client-of.ts';
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
    const shownBy = gate(request);
    const url = URL.parse(request.url ?? '/', 'http://daemon');
    if (!url) throw new Refusal(400, 'the address of the request is malformed');
    const match = matchPath(url.pathname).find(({ endpoint }) => endpoint.stream === 'websocket');
    if (!match) throw new Refusal(404, `there is no websocket at ${url.pathname.slice(0, 200)}`);
    const caller = callerOf(shownBy, match, url.searchParams.get('ticket') ?? undefined, access);
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
    const stream = await auditTrail.record({ ...logged, call: withoutTicket(parsed) }, () =>
      openStream({ ...parsed, actor, caller, client: clientOf(request), signal }),
    );
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

/** What is used up is no secret any more, and yet nothing for a log. */
function withoutTicket({ query, ...call }: RawRequest): RawRequest {
  const { ticket: _, ...rest } = (query ?? {}) as Record<string, unknown>;
  return { ...call, query: rest };
}

/** What each websocket of the table is a ticket's kind for. */
const kinds: Readonly<Record<WebsocketEndpointId, ConsoleKind>> = { guestConsole: 'serial', guestScreen: 'screen' };

/** Whoever has a ticket is who asked for it; a browser, whose cookie could be sent for another page, needs one. */
function callerOf(shownBy: Caller, { id, params }: PathMatch, ticket: string | undefined, access: AccessControl): Caller {
  if (ticket !== undefined)
    return access.redeemTicket(ticket, { guest: params['guest'] ?? '', kind: kinds[id as WebsocketEndpointId] }, shownBy);
  if (shownBy.byCookie) throw new Refusal(403, 'a browser opens a console with a ticket: POST /v1/guests/GUEST/console-tickets');
  return shownBy;
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
