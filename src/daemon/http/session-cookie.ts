// The cookie of a session: not readable by scripts, never sent along by another site's page. Over TLS its name binds it to this host and to TLS
// (`__Host-`); over HTTP on the machine itself the port is in the name, since cookies of one host are shared by all its ports.
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';

/** A handler's answer that begins a session of the browser, or ends it. */
export class WithSession<T> {
  readonly value: T;
  /** Undefined: the cookie is taken away. */
  readonly secret: string | undefined;

  constructor(value: T, secret: string | undefined) {
    this.value = value;
    this.secret = secret;
  }
}

export function isSecure(request: IncomingMessage): boolean {
  return (request.socket as Partial<TLSSocket>).encrypted === true;
}

/** Undefined when there is none, or more than one: then somebody else has put one beside it. */
export function readSessionCookie(request: IncomingMessage): string | undefined {
  const name = cookieName(request);
  const found = (request.headers.cookie ?? '').split(';').flatMap((part) => {
    const at = part.indexOf('=');
    return at !== -1 && part.slice(0, at).trim() === name ? [part.slice(at + 1).trim()] : [];
  });
  return found.length === 1 && found[0] !== '' ? found[0] : undefined;
}

/** Without an end of its own: it ends with the browser, at the latest with the session. */
export function renderSessionCookie(request: IncomingMessage, secret: string | undefined): string {
  const parts = [`${cookieName(request)}=${secret ?? ''}`, 'Path=/', 'HttpOnly', 'SameSite=Strict'];
  if (isSecure(request)) parts.push('Secure');
  if (secret === undefined) parts.push('Max-Age=0');
  return parts.join('; ');
}

function cookieName(request: IncomingMessage): string {
  return isSecure(request) ? '__Host-caisson-session' : `caisson-session-${request.socket.localPort ?? 0}`;
}
