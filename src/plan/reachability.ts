// Who may reach whom, decided from the flows themselves. The filtering check takes its expectations from here, so this shares
// no code with what renders the rules: a mistake there must not be repeated here.
//
// World is whatever lies beyond the uplinks, with an address that is nobody's inside: of no guest, not the host's, and in no zone whose
// addresses the world does not know (without uplink, or behind the host's address). A range of a flow that lies within a zone means that
// zone's guests. The host may reach everybody; guests reach it for DHCP, names and echo. Whoever stands behind the host's address is
// entered by publications only. On a shared wire nothing is counted or written down: a flow that asks for it allows nothing there.
import { type Cidr, addressToBigInt, cidrBounds, familyOf, parseCidr } from '../model/address.ts';
import type { NetworkEnd, NetworkFlow, NetworkNic, NetworkPublication, NetworkState, NetworkZone } from '../model/network-state.ts';

export interface End {
  kind: 'world' | 'host' | 'guest';
  address: string;
}

export interface Attempt {
  from: End;
  to: { address: string };
  protocol: 'tcp' | 'udp' | 'icmp' | 'other';
  /** Destination port; without meaning for others than tcp and udp. */
  port: number;
  /** Of ICMP; asking for an echo unless said otherwise. */
  type?: number;
  /** Of another protocol. */
  number?: number;
}

/** `flow` is absent where no flow decides: refused, the host speaking, one of the host's own services, or a publication. */
export interface Verdict {
  allowed: boolean;
  flow?: NetworkFlow;
}

/** What decides between two ends, whatever the port. */
export type Between =
  | { kind: 'everything' }
  | { kind: 'nothing'; why: NothingWhy }
  /** `served`: the host's own services too. */
  | { kind: 'listed'; flows: readonly NetworkFlow[]; served: boolean; publications: readonly NetworkPublication[] };

/** Why nothing passes whatever the flows say. */
export type NothingWhy =
  | 'families'
  | 'not-the-senders-address'
  | 'not-an-address-of-the-world'
  | 'nobody-inside-has-it'
  | 'world-to-host'
  | 'world-to-world'
  | 'published-for-the-world'
  | 'no-uplink'
  | 'behind-the-hosts-address';

interface Bounds {
  family: 4 | 6;
  first: bigint;
  last: bigint;
}

interface Prepared {
  state: NetworkState;
  guests: Map<string, NetworkNic>;
  zones: Map<string, NetworkZone>;
  host: Set<string>;
  sealed: Bounds[];
  hasUplink: boolean;
  flows: { flow: NetworkFlow; from: PreparedEnd; to: PreparedEnd }[];
  /** Which flows an address is at an end of, by what it is; and whether it is one of the world. */
  ends: Map<string, Set<number>>;
  ofWorld: Map<string, boolean>;
}

type PreparedEnd = { kind: 'world' } | { kind: 'host' } | { kind: 'addresses'; all: Bounds[]; beyond: Bounds[] };

/** Of this machine, of this link, of a group, of nobody: never the world. */
export const notTheWorld = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/3',
  '::/96',
  '::ffff:0.0.0.0/96',
  'fe80::/10',
  'ff00::/8',
];
const nowhere = notTheWorld.map((text) => toBounds(parseCidr(text) as Cidr));

const prepared = new WeakMap<NetworkState, Prepared>();

/** Pure. Addresses are in canonical spelling; the state must not change between calls. */
export function isAllowed(state: NetworkState, attempt: Attempt): Verdict {
  const decides = between(state, attempt.from, attempt.to.address);
  if (decides.kind !== 'listed') return { allowed: decides.kind === 'everything' };
  const { protocol, port } = attempt;
  const flow = decides.flows.find((candidate) => servesPort(candidate, attempt));
  if (flow) return { allowed: true, flow };
  const isPublished = publicationFor(decides.publications, { protocol, port }) !== undefined;
  return { allowed: isPublished || (decides.served && isServed(attempt)) };
}

/** Of some that listen on one address. */
export function publicationFor(
  publications: readonly NetworkPublication[],
  { protocol, port }: Pick<Attempt, 'protocol' | 'port'>,
): NetworkPublication | undefined {
  return publications.find(({ protocol: own, ports }) => own === protocol && ports.from <= port && port <= ports.to);
}

/** Pure; as `isAllowed`. Publications are found by the address that they listen on. */
export function between(state: NetworkState, from: End, to: string): Between {
  const site = preparedOf(state);
  const nothing = (why: NothingWhy): Between => ({ kind: 'nothing', why });
  if (familyOf(from.address) !== familyOf(to)) return nothing('families');
  if (from.kind === 'host') return { kind: 'everything' };
  if (from.kind === 'guest' && !site.guests.has(from.address)) return nothing('not-the-senders-address');
  if (from.kind === 'world' && !isOfWorld(site, from.address)) return nothing('not-an-address-of-the-world');
  if (site.host.has(to)) {
    if (from.kind !== 'guest') return nothing('world-to-host');
    return { kind: 'listed', flows: listed(site, from, { kind: 'host', address: to }), served: true, publications: [] };
  }
  if (from.kind === 'world') return fromWorld(site, from, to);
  if (site.guests.has(to))
    return { kind: 'listed', flows: listed(site, from, { kind: 'guest', address: to }), served: false, publications: [] };
  if (!isOfWorld(site, to)) return nothing('nobody-inside-has-it');
  if (state.publications.some(({ listen }) => listen === to)) return nothing('published-for-the-world');
  if (!site.hasUplink) return nothing('no-uplink');
  return { kind: 'listed', flows: listed(site, from, { kind: 'world', address: to }), served: false, publications: [] };
}

function preparedOf(state: NetworkState): Prepared {
  let site = prepared.get(state);
  if (!site) prepared.set(state, (site = prepare(state)));
  return site;
}

function fromWorld(site: Prepared, from: End, to: string): Between {
  const nic = site.guests.get(to);
  if (nic) {
    if (site.zones.get(nic.zone)?.masquerade) return { kind: 'nothing', why: 'behind-the-hosts-address' };
    return { kind: 'listed', flows: listed(site, from, { kind: 'guest', address: to }), served: false, publications: [] };
  }
  const publications = site.state.publications.filter((publication) => {
    const ranges = publication.from.map((text) => toBounds(parseCidr(text) as Cidr));
    return publication.listen === to && (ranges.length === 0 || covers(ranges, from.address));
  });
  if (publications.length > 0) return { kind: 'listed', flows: [], served: false, publications };
  return { kind: 'nothing', why: isOfWorld(site, to) ? 'world-to-world' : 'nobody-inside-has-it' };
}

function listed(site: Prepared, from: End, to: End): NetworkFlow[] {
  const [leads, arrives] = [endsOf(site, 'from', from), endsOf(site, 'to', to)];
  const isShared = sharesWire(site, from.address, to.address);
  const [few, others] = leads.size < arrives.size ? [leads, arrives] : [arrives, leads];
  const indexes = [...few].filter((index) => others.has(index)).toSorted((a, b) => a - b);
  const flows = indexes.map((index) => site.flows[index]?.flow as NetworkFlow);
  return isShared ? flows.filter(({ rate, log }) => rate === undefined && log !== true) : flows;
}

function endsOf(site: Prepared, side: 'from' | 'to', { kind, address }: End): Set<number> {
  const key = `${side} ${kind} ${address}`;
  let found = site.ends.get(key);
  if (!found) {
    const [family, value] = [familyOf(address), addressToBigInt(address)];
    const isThere = (end: PreparedEnd) => {
      if (end.kind === 'addresses') return kind !== 'host' && isWithin(kind === 'guest' ? end.all : end.beyond, family, value);
      return end.kind === kind;
    };
    found = new Set(site.flows.flatMap((flow, index) => (isThere(flow[side]) ? [index] : [])));
    site.ends.set(key, found);
  }
  return found;
}

/** Whether two guests are on one wire of a bridged zone. */
function sharesWire({ guests, zones }: Prepared, one: string, other: string): boolean {
  const zone = guests.get(one)?.zone;
  return zone !== undefined && zone === guests.get(other)?.zone && zones.get(zone)?.bridged === true;
}

/** Pure. The bridged zone on whose wire both are, if any. */
export function sharedWireOf(state: NetworkState, one: string, other: string): string | undefined {
  const site = preparedOf(state);
  return one !== other && sharesWire(site, one, other) ? site.guests.get(one)?.zone : undefined;
}

function isServed({ protocol, port, type, to }: Attempt): boolean {
  const family = familyOf(to.address);
  if (protocol === 'icmp') return type === undefined || type === echoTypes[family];
  if (protocol === 'other') return false;
  return port === 53 || (protocol === 'udp' && port === (family === 4 ? 67 : 547));
}

const echoTypes = { 4: 8, 6: 128 };

function servesPort(flow: NetworkFlow, { protocol, port, type, number, to }: Attempt): boolean {
  const family = familyOf(to.address);
  return flow.services.some((service) => {
    if (service.protocol !== protocol) return false;
    switch (service.protocol) {
      case 'icmp': {
        const allowed = service.types === undefined ? echoTypes[family] : service.types[family === 4 ? 'v4' : 'v6'];
        return allowed === (type ?? echoTypes[family]);
      }
      case 'other':
        return service.number === number;
      case 'tcp':
      case 'udp':
        return port >= service.ports.from && port <= service.ports.to;
    }
  });
}

function isOfWorld(site: Prepared, address: string): boolean {
  let found = site.ofWorld.get(address);
  if (found === undefined) {
    found = !site.guests.has(address) && !site.host.has(address) && !covers(site.sealed, address) && !covers(nowhere, address);
    site.ofWorld.set(address, found);
  }
  return found;
}

function covers(ranges: readonly Bounds[], address: string): boolean {
  return isWithin(ranges, familyOf(address), addressToBigInt(address));
}

function isWithin(ranges: readonly Bounds[], family: 4 | 6, value: bigint): boolean {
  return ranges.some((range) => range.family === family && value >= range.first && value <= range.last);
}

function prepare(state: NetworkState): Prepared {
  const bounds = (cidrs: string[]) => cidrs.map((text) => toBounds(parseCidr(text) as Cidr));
  const subnets = bounds(state.zones.flatMap((zone) => zone.subnets));
  // The world knows their addresses, and a router there that is not the host.
  const isPublic = (zone: NetworkZone) => zone.uplink !== undefined && !zone.masquerade;
  const prepareEnd = (end: NetworkEnd): PreparedEnd => {
    if (end.kind !== 'addresses') return end;
    const all = bounds(end.cidrs);
    const isWithinZone = (range: Bounds) =>
      subnets.some((zone) => zone.family === range.family && zone.first <= range.first && range.last <= zone.last);
    return { kind: 'addresses', all, beyond: all.filter((range) => !isWithinZone(range)) };
  };
  return {
    state,
    guests: new Map(state.nics.flatMap((nic) => nic.addresses.map((address) => [address, nic]))),
    zones: new Map(state.zones.map((zone) => [zone.name, zone])),
    host: new Set([
      'fe80::1',
      ...state.zones.flatMap((zone) => (isPublic(zone) ? zone.hostAddresses : [...zone.hostAddresses, ...zone.gateways])),
    ]),
    sealed: bounds(state.zones.filter((zone) => !isPublic(zone)).flatMap((zone) => zone.subnets)),
    hasUplink: state.zones.some((zone) => zone.uplink),
    flows: state.flows.map((flow) => ({ flow, from: prepareEnd(flow.from), to: prepareEnd(flow.to) })),
    ends: new Map(),
    ofWorld: new Map(),
  };
}

function toBounds(cidr: Cidr): Bounds {
  return { family: cidr.family, ...cidrBounds(cidr) };
}
