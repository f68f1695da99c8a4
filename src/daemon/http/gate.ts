// Who may talk to the daemon. On the unix socket the file's permissions have decided already. On TCP, where every user of the
// machine and every page in a browser can connect, a request needs the token; a page of somebody else, even one whose
// name was made to resolve to 127.0.0.1, is refused by its Host and Origin.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isLoopback } from './listen-address.ts';
import { Refusal } from './refusal.ts';
import { publicPaths } from './web-page.ts';

/** How a listener decides who somebody is. */
export type Gate = (request: IncomingMessage) => { actor: string };

/** Who can open the socket's file is the host's administrator. */
export const unixGate: Gate = () => ({ actor: 'local' });

/** `port` is where the listener listens: the Host header must name it. */
export function tcpGate(token: string, port: () => number): Gate {
  const wanted = digest(token);
  return (request) => {
    checkHost(request.headers.host, port());
    checkOrigin(request.headers.origin, request.headers.host);
    if (publicPaths.has(pathOf(request))) return { actor: 'anonymous' };
    const given = /^Bearer ([\x21-\x7e]+)$/i.exec(request.headers.authorization ?? '')?.[1];
    // Digests have one length, so the comparison takes as long for every wrong token.
    if (given === undefined || !timingSafeEqual(digest(given), wanted)) {
      const why = given === undefined ? 'this address needs a token' : 'the token is not the right one';
      throw new Refusal(401, `${why}: send “Authorization: Bearer TOKEN”; the token is in the file api-token of the data directory`, {
        'www-authenticate': 'Bearer',
      });
    }
    return { actor: 'token' };
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0] ?? '';
}

function checkHost(host: string | undefined, port: number): void {
  const match = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(?::(\d{1,5}))?$/.exec(host ?? '');
  const name = match?.[1]?.replace(/^\[|\]$/g, '').toLowerCase() ?? '';
  if ((name === 'localhost' || isLoopback(name)) && Number(match?.[2] ?? 80) === port) return;
  throw new Refusal(421, 'the Host header must name the loopback address and port that the daemon listens on');
}

/** Only pages of the daemon itself; programs send no Origin. */
function checkOrigin(origin: string | undefined, host: string | undefined): void {
  if (origin === undefined || origin === `http://${host}`) return;
  throw new Refusal(403, 'a page of another origin may not talk to the daemon');
}
