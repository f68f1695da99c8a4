// Who is let in where, as flows and publications say: for each port of each guest, from whom; and which guests stand between the world
// and each other one. Pure.
import { cidrBounds, cidrContains, parseCidr } from '../../model/address.ts';
import type { ServiceWays } from '../../model/audit.ts';
import { parseFlowEnd } from '../../model/flow.ts';
import { parsePortRange } from '../../model/service.ts';
import type { AuditEvidence, AuditGuest } from './evidence.ts';

export interface Ports {
  protocol: 'tcp' | 'udp';
  from: number;
  to: number;
}

/** Ports of a guest that are open to some. */
export interface Opening extends Ports {
  guest: string;
  /** Guests, `world`, `host`, address ranges. */
  sources: readonly string[];
  /** The flow or publication, in words. */
  text: string;
}

type WaysEvidence = Pick<AuditEvidence, 'zones' | 'guests' | 'flows' | 'publications'>;

/** Tcp and udp; echo requests and other protocols reach no service. */
export function findOpenings(evidence: WaysEvidence): Opening[] {
  const { guests, zones } = evidence;
  // Whoever stands behind masquerading is entered by publications only; without an uplink there is no world.
  const open = new Set(zones.filter((zone) => zone.uplink !== undefined && !zone.masquerade).map((zone) => zone.name));
  const byFlows = evidence.flows.flatMap(({ from, to, allow, text }) => {
    const ports = allow.flatMap((each) => readPorts(each) ?? []);
    const sources = sourcesOf(from, evidence);
    const targets = ports.length === 0 || sources.length === 0 ? [] : guestsAt(to, guests);
    return targets.flatMap((guest) => {
      const isOpen = guest.zones.some((zone) => open.has(zone));
      const admitted = sources.filter((source) => source !== guest.name && (isOpen || !isOutside(source)));
      return admitted.length === 0 ? [] : ports.map((range) => ({ ...range, guest: guest.name, sources: admitted, text }));
    });
  });
  const byPublications = evidence.publications.map(({ guest, protocol, ports, from, text }) => ({
    guest,
    protocol,
    ...ports,
    sources: from.length === 0 ? ['world'] : from,
    text,
  }));
  return [...byFlows, ...byPublications];
}

/** For each declared port of each guest, who is let in. */
export function serviceWays(guests: readonly AuditGuest[], openings: readonly Opening[]): ServiceWays[] {
  return guests.flatMap((guest) => {
    const own = openings.filter((opening) => opening.guest === guest.name);
    return guest.declared.flatMap((port) => {
      const ports = readPorts(port);
      if (!ports) return [];
      const from = new Set(own.filter((opening) => overlaps(opening, ports)).flatMap(({ sources }) => sources));
      return [{ guest: guest.name, port, from: [...from].toSorted(outsideFirst) }];
    });
  });
}

/** The shortest way from outside to each guest that has one: the guests that would have to be taken over first. */
export function waysFromWorld(openings: readonly Opening[]): { guest: string; over: string[] }[] {
  const ways = new Map<string, string[]>();
  const enter = (guest: string, over: string[]) => !ways.has(guest) && ways.set(guest, over);
  for (const { guest, sources } of openings) if (sources.some(isOutside)) enter(guest, []);
  // A Map tells what is added while it is walked through: nearest first.
  for (const [taken, over] of ways) {
    for (const { guest, sources } of openings) if (sources.includes(taken)) enter(guest, [...over, taken]);
  }
  return [...ways].map(([guest, over]) => ({ guest, over }));
}

/** `tcp/80`, `udp/5000-5100`; undefined for whatever has no ports. */
export function readPorts(text: string): Ports | undefined {
  const range = parsePortRange(text);
  if (!range?.ports || (range.protocol !== 'tcp' && range.protocol !== 'udp')) return undefined;
  return { protocol: range.protocol, ...range.ports };
}

export function overlaps(a: Ports, b: Ports): boolean {
  return a.protocol === b.protocol && a.from <= b.to && b.from <= a.to;
}

/** Beyond the uplinks: the world, or a part of it. */
function isOutside(source: string): boolean {
  return source === 'world' || source.includes('/');
}

function outsideFirst(a: string, b: string): number {
  return Number(isOutside(b)) - Number(isOutside(a)) || (a < b ? -1 : 1);
}

function sourcesOf(text: string, { guests, zones }: WaysEvidence): string[] {
  const end = parseFlowEnd(text);
  if (end?.kind === 'world' || end?.kind === 'host') return [end.kind];
  const inside = guestsAt(text, guests).map((guest) => guest.name);
  if (end?.kind !== 'range') return inside;
  // A range that lies in a zone stands for that zone's guests.
  const range = parseCidr(end.cidr);
  const isWithinZone = zones.some((zone) => zone.subnets.some((subnet) => range && contains(subnet, range)));
  return isWithinZone ? inside : [...inside, end.cidr];
}

function contains(subnet: string, range: NonNullable<ReturnType<typeof parseCidr>>): boolean {
  const outer = parseCidr(subnet);
  return outer !== undefined && cidrContains(outer, range.base) && cidrBounds(range).last <= cidrBounds(outer).last;
}

function guestsAt(text: string, guests: readonly AuditGuest[]): AuditGuest[] {
  const end = parseFlowEnd(text);
  switch (end?.kind) {
    case 'all':
      return [...guests];
    case 'guest':
      return guests.filter((guest) => guest.name === end.name);
    case 'zone':
      return guests.filter((guest) => guest.zones.includes(end.name));
    case 'label':
      return guests.filter((guest) => guest.labels[end.key] === end.value);
    case 'range': {
      const range = parseCidr(end.cidr);
      return guests.filter((guest) => guest.addresses.some((address) => range && cidrContains(range, address)));
    }
    case 'world':
    case 'host':
    case undefined:
      return [];
  }
}
