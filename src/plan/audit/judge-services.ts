// Third rule: one important service, one operating system. In each guest nothing waits for connections but what it is for. Pure.
import type { Audit, AuditFinding, AuditSocket, GuestServices } from '../../model/audit.ts';
import { addressToBigInt } from '../../model/address.ts';
import type { AuditEvidence, AuditGuest, FoundSocket } from './evidence.ts';
import { finding, findingFor, judged } from './finding.ts';
import { type Opening, overlaps, type Ports, readPorts } from './ways.ts';

/** Where DHCP clients wait for their answer. */
const dhcpClients = new Set([68, 546]);
/** Linux gives ports from here on to programs that ask for none. */
const firstClientPort = 32_768;

type Evidence = Pick<AuditEvidence, 'guests' | 'sockets'>;

export function judgeServices({ guests, sockets }: Evidence, openings: readonly Opening[]): Audit['rules']['services'] {
  const looked = guests.map((guest) => lookAt(guest, sockets));
  const running = looked.filter((guest) => guest.running);
  const findings: AuditFinding[] = [
    ...(guests.length > 0 && running.length === 0 ? [finding('no-guest-runs')] : []),
    ...findingFor('guest-unseen', running, ({ unseen }) => (unseen === undefined ? undefined : [unseen])),
    ...findingFor('nothing-declared', looked, ({ declared }) => (declared.length === 0 ? [] : undefined)),
    ...findingFor('undeclared-reachable', running, ({ name, sockets: own }) => undeclared(name, own, openings, true)),
    ...findingFor('undeclared-listening', running, ({ name, sockets: own }) => undeclared(name, own, openings, false)),
    ...findingFor('declared-silent', running, silent),
  ];
  return { ...judged(findings), guests: looked };
}

function lookAt({ name, running, declared }: AuditGuest, sockets: AuditEvidence['sockets']): GuestServices {
  const found = sockets.get(name);
  const base = { name, running, declared, sockets: [] };
  if (!running) return base;
  if (!found || 'unseen' in found) return { ...base, unseen: found?.unseen ?? 'not asked' };
  const ports = declared.flatMap((text) => readPorts(text) ?? []);
  return {
    ...base,
    sockets: found.sockets
      .map((socket) => ({ ...socket, kind: kindOf(socket, ports) }))
      .toSorted((a, b) => a.protocol.localeCompare(b.protocol) || a.port - b.port || (a.address < b.address ? -1 : 1)),
  };
}

function kindOf({ protocol, address, port }: FoundSocket, declared: readonly Ports[]): AuditSocket['kind'] {
  if (address.startsWith('127.') || (address.includes(':') && addressToBigInt(address) === 1n)) return 'local';
  if (declared.some((ports) => overlaps(ports, { protocol, from: port, to: port }))) return 'declared';
  if (protocol === 'udp' && dhcpClients.has(port)) return 'system';
  return protocol === 'udp' && port >= firstClientPort ? 'client' : 'undeclared';
}

/** Those that some are let in to, or those that the filter alone keeps everybody from. A client's port that is open is one of the former. */
function undeclared(
  guest: string,
  sockets: readonly AuditSocket[],
  openings: readonly Opening[],
  reachable: boolean,
): string[] | undefined {
  const own = openings.filter((opening) => opening.guest === guest);
  const found = sockets.filter(({ kind, protocol, port }) => {
    if (kind !== 'undeclared' && kind !== 'client') return false;
    const isOpen = own.some((opening) => overlaps(opening, { protocol, from: port, to: port }));
    return reachable ? isOpen : !isOpen && kind === 'undeclared';
  });
  const ports = [...new Set(found.map(({ protocol, port }) => `${protocol}/${port}`))];
  return ports.length > 0 ? ports : undefined;
}

/** Declared, and nobody there. */
function silent({ declared, sockets, unseen }: GuestServices): string[] | undefined {
  if (unseen !== undefined) return undefined;
  const missing = declared.filter((text) => {
    const ports = readPorts(text);
    return ports && !sockets.some(({ kind, protocol, port }) => kind === 'declared' && overlaps(ports, { protocol, from: port, to: port }));
  });
  return missing.length > 0 ? missing : undefined;
}
