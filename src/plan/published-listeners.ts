// Ports that are to be published and that a program of the host hears already: whoever asks for them would be led past it, to a guest. Only
// addresses that the host has itself are anybody's before they are published. Pure.
import { familyOf } from '../model/address.ts';
import { parseListen, type Publication } from '../model/publication.ts';
import type { Site } from '../model/site.ts';

/** In the guests' network: the host's own addresses, and what waits for somebody. */
export interface HostListeners {
  addresses: readonly string[];
  sockets: readonly { protocol: 'tcp' | 'udp'; address: string; port: number }[];
}

/** Undefined unless something that is not published yet is heard. What is published stays so, whoever begins to listen later. */
export function findHeardPublication(
  before: Pick<Site, 'zones'> | undefined,
  wanted: Pick<Site, 'zones'>,
  { addresses, sockets }: HostListeners,
): string | undefined {
  const known = new Set(publicationsOf(before).map(({ one }) => placeOf(one)));
  for (const { zone, one } of publicationsOf(wanted)) {
    const listen = parseListen(one.listen);
    if (!listen || known.has(placeOf(one)) || !addresses.includes(listen.address)) continue;
    const { address, ports } = listen;
    const heard = sockets.find(
      (socket) =>
        socket.protocol === one.protocol && ports.from <= socket.port && socket.port <= ports.to && hears(socket.address, address),
    );
    if (heard)
      return `zone ${zone} cannot publish ${one.protocol}/${heard.port} of ${address}: a program of the host itself listens there (“ss -lnp 'sport = :${heard.port}'” tells which); publish another port or address, or let that program listen elsewhere`;
  }
  return undefined;
}

function publicationsOf(site: Pick<Site, 'zones'> | undefined): { zone: string; one: Publication }[] {
  return Object.entries(site?.zones ?? {}).flatMap(([zone, { publish = [] }]) => publish.map((one) => ({ zone, one })));
}

function placeOf({ protocol, listen }: Publication): string {
  return `${protocol} ${listen}`;
}

/** A socket of everybody's address in IPv6 hears IPv4 as well, unless its program asked otherwise, which cannot be seen. */
function hears(socket: string, address: string): boolean {
  return socket === address || socket === '::' || (socket === '0.0.0.0' && familyOf(address) === 4);
}
