// What a rule can look at in a packet. A field is either the same for all of what is asked about, or differs along it (protocol, port,
// ICMP type); a packet that does not have it is matched by no rule that asks for it.
import { type Ranges, intersect, none, ofPorts, ofProtocol, ofProtocols, ofTypes, protocols, subtract, whole } from './l4-ranges.ts';
import type { Branch } from './packet.ts';
import { type Json, asRecord } from './ruleset.ts';
import { type Value, type ValueKind, joinBits } from './values.ts';

export type Reading =
  | { is: 'absent' }
  /** It was not described. */
  | { is: 'unknown' }
  | { is: 'value'; value: Value; within: Ranges }
  /** `unsure`: where it is there, but nobody knows what it is. */
  | { is: 'axis'; within: Ranges; unsure: Ranges; of: (first: number, last: number) => Ranges };

export interface Field {
  kind: ValueKind;
  /** As nft writes it. */
  name: string;
  read: (branch: Branch) => Reading;
}

const absent: Reading = { is: 'absent' };
const unknown: Reading = { is: 'unknown' };

/** Undefined for what is not understood. */
export function compileField(json: Json): Field | undefined {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  const [form = '', of] = Object.entries(json)[0] ?? [];
  if (form === '&') return Array.isArray(of) ? masked(of) : undefined;
  if (typeof of !== 'object' || of === null || Array.isArray(of)) return undefined;
  if (form === 'meta') return metaFields[String(of['key'])];
  if (form === 'ct') return connectionField(String(of['key']), of['dir'] ?? null);
  if (form === 'payload') return of['base'] === undefined ? packetFields[`${String(of['protocol'])} ${String(of['field'])}`] : rawField(of);
  if (form === 'exthdr' && of['name'] === 'frag' && of['field'] === 'nexthdr') return afterFragment;
  return undefined;
}

function value(of: Value | undefined, within = whole): Reading {
  return of === undefined ? unknown : { is: 'value', value: of, within };
}

function field(kind: ValueKind, name: string, read: Field['read']): Field {
  return { kind, name, read };
}

const ofFamily =
  (family: 4 | 6, read: Field['read']): Field['read'] =>
  (branch) =>
    branch.packet.family === family ? read(branch) : absent;

const carried: Reading = { is: 'axis', within: whole, unsure: none, of: (first, last) => ofProtocols(first, Math.min(last, 255)) };
/** Every protocol has something where ports would be. */
const anyPort: Reading = {
  is: 'axis',
  within: whole,
  unsure: subtract(whole, ofPorts(0, 65_535)),
  of: (first, last) => ofPorts(first, Math.min(last, 65_535)),
};

function typeReading(protocol: number): Reading {
  return {
    is: 'axis',
    within: ofProtocols(protocol, protocol),
    unsure: none,
    of: (first, last) => ofTypes(protocol, first, Math.min(last, 255)),
  };
}

/** For each type its codes. */
function codeReading(protocol: number): Reading {
  const of = (first: number, last: number) =>
    Array.from({ length: 256 }, (_, type) => ofProtocol(protocol, type * 256 + first, type * 256 + Math.min(last, 255))).flat();
  return { is: 'axis', within: ofProtocols(protocol, protocol), unsure: none, of };
}

function portField(name: string, protocol?: number): [string, Field][] {
  const axis: Reading =
    protocol === undefined
      ? anyPort
      : { is: 'axis', within: ofProtocols(protocol, protocol), unsure: none, of: (a, b) => ofProtocol(protocol, a, Math.min(b, 65_535)) };
  const within = protocol === undefined ? whole : ofProtocols(protocol, protocol);
  return (['sport', 'dport'] as const).map((which) => [
    `${name} ${which}`,
    field('number', `${name} ${which}`, ({ packet, port }) => {
      if (packet.family === 'arp') return absent;
      if (which === 'dport' && port !== undefined) return value(port, within);
      return packet.axis === which ? axis : value(packet.otherPort, within);
    }),
  ]);
}

const metaFields: Record<string, Field> = {
  iifname: field('name', 'iifname', ({ iif }) => value(iif ?? '')),
  oifname: field('name', 'oifname', ({ oif }) => value(oif ?? '')),
  iif: field('name', 'iif', ({ iif }) => value(iif ?? '')),
  oif: field('name', 'oif', ({ oif }) => value(oif ?? '')),
  mark: field('number', 'meta mark', ({ mark }) => value(mark)),
  l4proto: field('number', 'meta l4proto', ({ packet }) => (packet.family === 'arp' ? absent : carried)),
  nfproto: field('number', 'meta nfproto', ({ packet }) => value({ 4: 2, 6: 10, arp: 3 }[packet.family])),
  protocol: field('etherType', 'meta protocol', ({ packet }) => value({ 4: 0x0800, 6: 0x86dd, arp: 0x0806 }[packet.family])),
};

const [icmpType, icmpCode, icmp6Type, icmp6Code] = [
  typeReading(protocols.icmp),
  codeReading(protocols.icmp),
  typeReading(protocols.icmpv6),
  codeReading(protocols.icmpv6),
];

/** More fragments follow; before they are put together. */
function fragmentOffset({ packet, isTracked }: Branch): number {
  return packet.isFragment && !isTracked ? 0x2000 : 0;
}

const packetFields: Record<string, Field> = {
  'ether saddr': field('mac', 'ether saddr', ({ packet }) => value(packet.mac)),
  'ether type': field('etherType', 'ether type', ({ packet }) => value({ 4: 0x0800, 6: 0x86dd, arp: 0x0806 }[packet.family])),
  'ip saddr': field(
    'ipv4',
    'ip saddr',
    ofFamily(4, ({ packet }) => value(packet.source)),
  ),
  'ip daddr': field(
    'ipv4',
    'ip daddr',
    ofFamily(4, ({ destination }) => value(destination)),
  ),
  'ip hdrlength': field(
    'number',
    'ip hdrlength',
    ofFamily(4, ({ packet }) => value(packet.headerLength)),
  ),
  'ip frag-off': field(
    'number',
    'ip frag-off',
    ofFamily(4, (branch) => value(fragmentOffset(branch))),
  ),
  'ip protocol': field(
    'number',
    'ip protocol',
    ofFamily(4, () => carried),
  ),
  'ip ttl': field(
    'number',
    'ip ttl',
    ofFamily(4, ({ packet }) => value(packet.hopLimit)),
  ),
  'ip6 saddr': field(
    'ipv6',
    'ip6 saddr',
    ofFamily(6, ({ packet }) => value(packet.source)),
  ),
  'ip6 daddr': field(
    'ipv6',
    'ip6 daddr',
    ofFamily(6, ({ destination }) => value(destination)),
  ),
  'ip6 hoplimit': field(
    'number',
    'ip6 hoplimit',
    ofFamily(6, ({ packet }) => value(packet.hopLimit)),
  ),
  'ip6 nexthdr': field(
    'number',
    'ip6 nexthdr',
    ofFamily(6, ({ packet }) => (packet.nextHeader === undefined ? carried : value(packet.nextHeader))),
  ),
  ...Object.fromEntries([
    ...portField('th'),
    ...portField('tcp', protocols.tcp),
    ...portField('udp', protocols.udp),
    ...portField('dccp', 33),
    ...portField('sctp', 132),
    ...portField('udplite', 136),
  ]),
  'tcp flags': field('number', 'tcp flags', ({ packet }) =>
    packet.family === 'arp' ? absent : value(packet.tcpFlags, ofProtocols(protocols.tcp, protocols.tcp)),
  ),
  'icmp type': field(
    'number',
    'icmp type',
    ofFamily(4, () => icmpType),
  ),
  'icmp code': field(
    'number',
    'icmp code',
    ofFamily(4, () => icmpCode),
  ),
  'icmpv6 type': field(
    'number',
    'icmpv6 type',
    ofFamily(6, () => icmp6Type),
  ),
  'icmpv6 code': field(
    'number',
    'icmpv6 code',
    ofFamily(6, () => icmp6Code),
  ),
  'arp operation': field('arpOperation', 'arp operation', ({ packet: { arp } }) => (arp ? value(arp.operation) : absent)),
  'arp saddr ether': field('mac', 'arp saddr ether', ({ packet: { arp } }) => (arp ? value(arp.mac) : absent)),
  'arp saddr ip': field('ipv4', 'arp saddr ip', ({ packet: { arp } }) => (arp ? value(arp.address) : absent)),
};

const afterFragment = field(
  'number',
  'frag nexthdr',
  ofFamily(6, ({ packet, isTracked }) => (packet.afterFragment === undefined || isTracked ? absent : value(packet.afterFragment))),
);

/** Of the headers of IPv4 and IPv6, by first bit and number of bits; of the wire's, too. What else stands there was not described. */
const headerFields: Record<string, Field> = {
  'nh 0 8': placed('@nh,0,8', ({ packet }) => (packet.family === 4 ? 0x40 + packet.headerLength : 0x60)),
  'nh 48 16': placed('@nh,48,16', (branch) => (branch.packet.family === 4 ? fragmentOffset(branch) : undefined)),
  'nh 96 32': placed('@nh,96,32', ({ packet: { family, source } }) =>
    family === 4 ? Number(source) : Number((BigInt(source) >> 64n) & 0xffff_ffffn),
  ),
  'nh 128 8': placed('@nh,128,8', ({ packet, destination }) => (packet.family === 4 ? Number(destination) >>> 24 : undefined)),
  'll 48 48': field('number', '@ll,48,48', ({ packet }) => value(packet.mac)),
};

function placed(name: string, read: (branch: Branch) => number | undefined): Field {
  return field('number', name, (branch) => (branch.packet.family === 'arp' ? unknown : value(read(branch))));
}

/** What is carried, by its place: only what was described of it is known. */
function rawField(json: Record<string, Json>): Field | undefined {
  const [base, offset, length] = [json['base'], json['offset'], json['len']];
  if (base === 'nh' || base === 'll') return headerFields[`${base} ${String(offset)} ${String(length)}`];
  if (base !== 'th' || typeof offset !== 'number' || typeof length !== 'number') return undefined;
  const key = `${base} ${offset} ${length}`;
  return field(length > 48 ? 'wide' : 'number', `@${base},${offset},${length}`, ({ packet }) =>
    packet.family === 'arp' ? absent : value(packet.payload?.get(key)),
  );
}

const states = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 };
const isOfNone = ({ packet: { connection } }: Branch) => connection.state === 'invalid' || connection.state === 'untracked';

/** Before connections are looked up there is nothing to know of them. */
function connectionField(key: string, direction: Json): Field | undefined {
  const name = `ct ${direction === null ? '' : `${String(direction)} `}${key}`;
  const tracked = (kind: ValueKind, read: Field['read']) => field(kind, name, (branch) => (branch.isTracked ? read(branch) : unknown));
  if (direction === null) {
    if (key === 'state') return tracked('state', ({ packet }) => value(states[packet.connection.state]));
    const known = (kind: ValueKind, read: (branch: Branch) => Value) =>
      tracked(kind, (branch) => (isOfNone(branch) ? absent : value(read(branch))));
    if (key === 'direction') return known('direction', ({ packet }) => (packet.connection.isReply ? 1 : 0));
    if (key === 'mark') return known('number', ({ connectionMark }) => connectionMark);
    return undefined;
  }
  const [ip, what] = key.split(' ');
  const family = ip === 'ip' ? 4 : ip === 'ip6' ? 6 : undefined;
  if (family === undefined) return undefined;
  const read = addressOfConnection(`${String(direction)} ${what}`);
  if (!read) return undefined;
  return tracked(
    family === 4 ? 'ipv4' : 'ipv6',
    ofFamily(family, (branch) => (isOfNone(branch) ? absent : value(read(branch)))),
  );
}

function addressOfConnection(which: string): ((branch: Branch) => number | bigint) | undefined {
  switch (which) {
    case 'original saddr':
      return ({ packet }) => packet.connection.original?.source ?? packet.source;
    case 'original daddr':
      return ({ packet }) => packet.connection.original?.destination ?? packet.destination;
    case 'reply saddr':
      return ({ packet, destination }) => packet.connection.replySource ?? destination;
    default:
      return undefined;
  }
}

/** `tcp flags & (syn | ack)` */
function masked([of = null, mask = null]: Json[]): Field | undefined {
  const inner = compileField(of);
  const bits = joinBits(Array.isArray(mask) ? mask : [mask]);
  if (!inner || bits === undefined || inner.kind !== 'number') return undefined;
  return field('number', `${inner.name} & ${bits}`, (branch) => {
    const reading = inner.read(branch);
    if (reading.is === 'axis') return { ...reading, unsure: reading.within, of: () => none };
    return reading.is === 'value' && typeof reading.value === 'number' ? value((reading.value & bits) >>> 0, reading.within) : reading;
  });
}

/** The fields of one side of a match, one after the other where they are looked up together. */
export function compileFields(json: Json): Field[] | undefined {
  const parts = typeof json === 'object' && json !== null && !Array.isArray(json) ? asRecord(json)['concat'] : undefined;
  const fields = (Array.isArray(parts) ? parts : [json]).map(compileField);
  return fields.every((each) => each !== undefined) ? fields : undefined;
}

/** Where all of them are there. */
export function withinAll(readings: readonly Reading[]): Ranges {
  return readings.reduce<Ranges>((sum, reading) => {
    if (reading.is === 'absent') return none;
    return reading.is === 'unknown' ? sum : intersect(sum, reading.within);
  }, whole);
}
