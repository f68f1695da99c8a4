// From where a request comes, as far as it can be told: for limits and for people to recognise their sessions by.
import type { IncomingMessage } from 'node:http';
import type { KeyPlace } from '../../lib/webauthn.ts';
import { originOf } from './audit-trail.ts';
import { isSecure } from './session-cookie.ts';

export interface ClientOf {
  /** Of the other end of the connection, as in the audit log. What a proxy says of others is not believed. */
  address: string;
  /** What the program says of itself. */
  program: string;
  /** The page that it is asked by; absent on the socket. What it names has passed the gate. */
  place?: KeyPlace | undefined;
}

export function clientOf(request: IncomingMessage): ClientOf {
  return {
    address: originOf(request),
    program: request.headers['user-agent'] ?? '',
    // Hardly anybody asks for it.
    get place() {
      return placeOf(request);
    },
  };
}

function placeOf(request: IncomingMessage): KeyPlace | undefined {
  const { host } = request.headers;
  if (host === undefined || request.socket.remoteAddress === undefined) return undefined;
  const url = URL.parse(`${isSecure(request) ? 'https' : 'http'}://${host}`);
  return url ? { origin: url.origin, host: url.hostname } : undefined;
}
