// Who may reach whom, decided from the flows themselves. The filtering check takes its expectations from here, so this shares
// no code with what renders the rules: a mistake there must not be repeated here.
//
// World is whatever lies beyond the uplinks, with an address that no guest and no zone without uplink has. A range of a flow
// that lies within a zone means that zone's guests. The host may reach everybody; guests reach it for DHCP, names and echo.
import { type Cidr, addressToBigInt, cidrBounds, familyOf, parseCidr } from '../model/address.ts';
import type { NetworkEnd, NetworkFlow, NetworkState } from '../model/network-state.ts';

export interface Attempt {
  from: { kind: 'world' | 'host' | 'guest'; address: string };
  to: { address: string };
  protocol: 'tcp' | 'udp' | 'icmp';
  /** Destination port; without meaning for icmp, which stands for asking for an echo. */
  port: number;
}

/** `flow` is absent where no flow decides: refused, the host speaking, or one of the host's own services. */
export interface Verdict {
  allowed: boolean;
  flow?: NetworkFlow;
}

interface Bounds {
  family: 4 | 6;
  first: bigint;
  last: bigint;
}

interface Prepared {
  guests: Set<string>;
  host: Set<string>;
  sealed: Bounds[];
  hasUplink: boolean;
  flows: { flow: NetworkFlow; from: PreparedEnd; to: PreparedEnd }[];
}

type PreparedEnd = { kind: 'world' } | { kind: 'host' } | { kind: 'addresses'; all: Bounds[]; beyond: Bounds[] };

const prepared = new WeakMap<NetworkState, Prepared>();

/** Pure. Addresses are in canonical spelling; the state must not change between calls. */
export function isAllowed(state: NetworkState, attempt: Attempt): Verdict {
  let site = prepared.get(state);
  if (!site) prepared.set(state, (site = prepare(state)));
  const { from, to } = attempt;
  if (familyOf(from.address) !== familyOf(to.address)) return { allowed: false };
  if (from.kind === 'host') return { allowed: true };
  if (from.kind === 'guest' && !site.guests.has(from.address)) return { allowed: false };
  if (from.kind === 'world' && isInside(site, from.address)) return { allowed: false };
  if (site.host.has(to.address)) return reachHost(site, attempt);
  const toGuest = site.guests.has(to.address);
  if (!toGuest && (from.kind === 'world' || !site.hasUplink || isInside(site, to.address))) return { allowed: false };
  const side = (end: PreparedEnd, address: string, isGuest: boolean) => {
    if (end.kind === 'addresses') return covers(isGuest ? end.all : end.beyond, address);
    return end.kind === 'world' && !isGuest;
  };
  return decide(site, attempt, (flow) => side(flow.from, from.address, from.kind === 'guest') && side(flow.to, to.address, toGuest));
}

function reachHost(site: Prepared, attempt: Attempt): Verdict {
  if (attempt.from.kind !== 'guest') return { allowed: false };
  if (attempt.protocol === 'icmp' || attempt.port === 53) return { allowed: true };
  if (attempt.protocol === 'udp' && attempt.port === (familyOf(attempt.to.address) === 4 ? 67 : 547)) return { allowed: true };
  return decide(site, attempt, ({ from, to }) => to.kind === 'host' && from.kind === 'addresses' && covers(from.all, attempt.from.address));
}

function decide(site: Prepared, attempt: Attempt, matches: (flow: Prepared['flows'][number]) => boolean): Verdict {
  const found = site.flows.find((candidate) => servesPort(candidate.flow, attempt) && matches(candidate));
  return found ? { allowed: true, flow: found.flow } : { allowed: false };
}

function servesPort(flow: NetworkFlow, { protocol, port }: Attempt): boolean {
  return flow.services.some((service) => {
    if (service.protocol !== protocol) return false;
    if (service.protocol === 'icmp') return service.types === undefined || [8, 128].includes(service.types.v4 ?? service.types.v6 ?? -1);
    return port >= service.ports.from && port <= service.ports.to;
  });
}

function isInside(site: Prepared, address: string): boolean {
  return site.guests.has(address) || site.host.has(address) || covers(site.sealed, address);
}

function covers(ranges: Bounds[], address: string): boolean {
  const family = familyOf(address);
  const value = addressToBigInt(address);
  return ranges.some((range) => range.family === family && value >= range.first && value <= range.last);
}

function prepare(state: NetworkState): Prepared {
  const bounds = (cidrs: string[]) => cidrs.map((text) => toBounds(parseCidr(text) as Cidr));
  const subnets = bounds(state.zones.flatMap((zone) => zone.subnets));
  const prepareEnd = (end: NetworkEnd): PreparedEnd => {
    if (end.kind !== 'addresses') return end;
    const all = bounds(end.cidrs);
    const isWithinZone = (range: Bounds) =>
      subnets.some((zone) => zone.family === range.family && zone.first <= range.first && range.last <= zone.last);
    return { kind: 'addresses', all, beyond: all.filter((range) => !isWithinZone(range)) };
  };
  return {
    guests: new Set(state.nics.flatMap((nic) => nic.addresses)),
    host: new Set([
      'fe80::1',
      ...state.zones.flatMap((zone) => (zone.uplink ? zone.hostAddresses : [...zone.hostAddresses, ...zone.gateways])),
    ]),
    sealed: bounds(state.zones.filter((zone) => !zone.uplink).flatMap((zone) => zone.subnets)),
    hasUplink: state.zones.some((zone) => zone.uplink),
    flows: state.flows.map((flow) => ({ flow, from: prepareEnd(flow.from), to: prepareEnd(flow.to) })),
  };
}

function toBounds(cidr: Cidr): Bounds {
  return { family: cidr.family, ...cidrBounds(cidr) };
}
