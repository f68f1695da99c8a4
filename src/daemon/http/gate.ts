// Who may talk to the daemon. On the unix socket the file's permissions have decided already. On TCP, where every user of the
// machine and every page in a browser can connect, a request needs the token; a page of somebody else, even one whose
// name was made to resolve to 127.0.0.1, is refused by its Host and Origin.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isNameOf } from '../tls/certificate-names.ts';
import type { TlsSource } from '../tls/tls-source.ts';
import { anonymousCaller, type Caller, localCaller } from '../../model/caller.ts';
import { originOf } from './audit-trail.ts';
import type { AccessControl } from './access-control.ts';
import { isLoopback } from '../../lib/listen-address.ts';
import { matchPath } from './match-path.ts';
import { Refusal } from './refusal.ts';
import { readSessionCookie } from './session-cookie.ts';
import { publicPaths } from './web-page.ts';

/** How a listener decides who somebody is. */
export type Gate = (request: IncomingMessage) => Caller;

/** Who can open the socket's file is the host's administrator. */
export const unixGate: Gate = () => localCaller;

/** Where a listener listens, as its clients see it. */
export interface Place {
  scheme: 'http' | 'https';
  /** Whether the host of a URL, as far as it names one, is this place; `port` as it stands there. */
  isHere: (name: string, port: number | undefined) => boolean;
  /** For who got it wrong. */
  words: string;
}

/** Plain HTTP on this machine. */
export function loopbackPlace(port: () => number): Place {
  return {
    scheme: 'http',
    isHere: (name, given) => (name === 'localhost' || isLoopback(name)) && (given ?? 80) === port(),
    words: 'the loopback address and port that the daemon listens on',
  };
}

/** Any name of the certificate, and any port: one in front may forward another. */
export function tlsPlace(source: TlsSource): Place {
  return {
    scheme: 'https',
    isHere: (name) =>
      isNameOf(source.identity.certificate, name) || (source.named !== undefined && isNameOf(source.named.certificate, name)),
    words: 'a name that the daemon’s certificate is for',
  };
}

export interface TcpGateOptions {
  /** Of the file `api-token`. */
  token: string;
  /** What the Host header must name. */
  place: Place;
  access: AccessControl;
}

/** Who shows nothing, or something that nobody knows, is `anonymous` where anybody may ask, and refused elsewhere, also for what does not exist. */
export function tcpGate({ token, place, access }: TcpGateOptions): Gate {
  const wanted = digest(token);
  return (request) => {
    checkHost(request.headers.host, place);
    checkOrigin(request.headers, place);
    const { authorization } = request.headers;
    try {
      const caller = authorization === undefined ? byCookie(request, access) : byBearer(authorization, wanted, request, access);
      if (caller) return caller;
    } catch (error) {
      if (!isForAnybody(request)) throw error;
    }
    if (isForAnybody(request)) return anonymousCaller;
    const why = authorization === undefined ? 'this address needs a session or a token' : 'the token is not the right one';
    throw new Refusal(401, `${why}: sign in, or send “Authorization: Bearer TOKEN”`, { 'www-authenticate': 'Bearer' });
  };
}

function byBearer(authorization: string, wanted: Buffer, request: IncomingMessage, access: AccessControl): Caller | undefined {
  const bearer = /^Bearer ([\x21-\x7e]+)$/i.exec(authorization)?.[1];
  if (bearer === undefined) return undefined;
  // Digests have one length, so the comparison takes as long for every wrong token.
  if (timingSafeEqual(digest(bearer), wanted)) return access.tokenFile();
  return access.identify({ bearer }, originOf(request));
}

/** A browser sends a cookie whoever made it send the request: what could change something, or opens a websocket, must come from our own page. */
function byCookie(request: IncomingMessage, access: AccessControl): Caller | undefined {
  const cookie = readSessionCookie(request);
  const caller = cookie === undefined ? undefined : access.identify({ cookie }, originOf(request));
  if (!caller) return undefined;
  const from = request.headers['sec-fetch-site'];
  const isOwn = from === undefined || from === 'same-origin' || from === 'none';
  const mayBeWithoutOrigin = request.method === 'GET' && request.headers.upgrade === undefined;
  if (!isOwn || (request.headers.origin === undefined && !mayBeWithoutOrigin))
    throw new Refusal(403, 'a session of a browser counts only for requests of the daemon’s own page');
  return caller;
}

/** The page itself, and endpoints that say who somebody is. */
function isForAnybody(request: IncomingMessage): boolean {
  const path = pathOf(request);
  if (publicPaths.has(path)) return true;
  // A ticket says it: whoever opens the websocket looks at it.
  if (request.headers.upgrade !== undefined && new URLSearchParams((request.url ?? '').split('?', 2)[1]).has('ticket')) return true;
  return matchPath(path).some(({ endpoint }) => endpoint.method === request.method && endpoint.access === 'anybody');
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0] ?? '';
}

function checkHost(host: string | undefined, { isHere, words }: Place): void {
  const match = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(?::(\d{1,5}))?$/.exec(host ?? '');
  const name = match?.[1]?.replace(/^\[|\]$/g, '').toLowerCase() ?? '';
  if (name !== '' && isHere(name, match?.[2] === undefined ? undefined : Number(match[2]))) return;
  throw new Refusal(421, `the Host header must name ${words}`);
}

/** Only pages of the daemon itself; programs send no Origin. */
function checkOrigin({ origin, host }: IncomingMessage['headers'], { scheme }: Place): void {
  if (origin === undefined || origin === `${scheme}://${host}`) return;
  throw new Refusal(403, 'a page of another origin may not talk to the daemon');
}
