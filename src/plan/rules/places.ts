// Who can send and be reached, and how a packet between two of them enters the host.
import { addressToBigInt, familyOf } from '../../model/address.ts';
import { type NetworkNic, type NetworkState, type NetworkZone, uplinkDevice } from '../../model/network-state.ts';
import type { AddressClass } from './address-classes.ts';
import { type Ranges, whole } from './l4-ranges.ts';
import type { Branch, Packet } from './packet.ts';
import { deviceOf, linkLocalRouter } from './routes.ts';
import { readMac, toValue } from './values.ts';

interface Placed {
  name: string;
  address: string;
  family: 4 | 6;
  /** The address as a number. */
  value: number | bigint;
}

export interface GuestPlace extends Placed {
  kind: 'guest';
  nic: NetworkNic;
  zone: NetworkZone;
  device: string;
}

export interface OtherPlace extends Placed {
  kind: 'world' | 'host';
  /** Of the world: the uplink. */
  device?: string;
}

export type Place = GuestPlace | OtherPlace;

export interface Places {
  guests: GuestPlace[];
  /** By each uplink: addresses of the world, and those from inside that must not come from there. */
  world: OtherPlace[];
  /** Whatever can be asked for. */
  all: Place[];
  /** A port that no flow names, for the side that nobody asks about. */
  otherPort: number;
}

/** Pure. */
export function findPlaces(state: NetworkState, classes: readonly AddressClass[]): Places {
  const zones = new Map(state.zones.map((zone) => [zone.name, zone]));
  const guests = state.nics.flatMap((nic): GuestPlace[] => {
    const zone = zones.get(nic.zone);
    if (!zone) return [];
    return nic.addresses.map((address) => ({
      kind: 'guest',
      name: nic.guestName,
      ...placed(address),
      nic,
      zone,
      device: deviceOf(nic, zone),
    }));
  });
  const isGuests = new Set(guests.map(({ address }) => address));
  const own = new Set([
    linkLocalRouter,
    ...state.zones.flatMap((zone) => [...zone.hostAddresses, ...(zone.uplink && !zone.masquerade ? [] : zone.gateways)]),
  ]);
  const others = classes
    .filter(({ address }) => !isGuests.has(address))
    .map(({ address }): OtherPlace => outside(own.has(address) ? 'host' : 'world', address));
  const uplinks = [...new Set(state.zones.flatMap(({ uplink }) => (uplink ? [uplinkDevice(uplink)] : [])))];
  // Addresses that the host answers for come from nobody else.
  const listened = new Set(state.publications.map(({ listen }) => listen));
  const addresses = [...isGuests, ...others.map(({ address }) => address)].filter((address) => !listened.has(address));
  return {
    guests,
    world: uplinks.flatMap((device) => addresses.map((address) => outside('world', address, device))),
    all: [...guests, ...others],
    otherPort: freePort(state),
  };
}

function placed(address: string): Pick<Placed, 'address' | 'family' | 'value'> {
  return { address, family: familyOf(address), value: toValue(address) };
}

export function outside(kind: OtherPlace['kind'], address: string, device?: string): OtherPlace {
  return { kind, name: kind, ...placed(address), ...(device !== undefined && { device }) };
}

function freePort({ flows }: NetworkState): number {
  const named = flows.flatMap(({ services }) => services.flatMap((service) => ('ports' in service ? [service.ports] : [])));
  for (let port = 40_000; port < 65_000; port++) if (!named.some(({ from, to }) => from <= port && port <= to)) return port;
  return 40_000;
}

export function at(address: string): Pick<Placed, 'address' | 'family' | 'value'> {
  return placed(address);
}

/** A new connection's first packet, from one place to an address. */
export function packetBetween(from: Place, to: Pick<Placed, 'family' | 'value'>, otherPort: number, more: Partial<Packet> = {}): Packet {
  const isBridged = from.kind === 'guest' && from.zone.bridged === true;
  return {
    family: to.family,
    ...(from.kind === 'guest' ? { iif: from.nic.tap } : from.device === undefined ? {} : { iif: from.device }),
    ...(isBridged && { bridge: from.device }),
    mac: from.kind === 'guest' ? macOf(from.nic) : 0,
    ...(from.kind === 'guest' && { payload: payloadOf(from) }),
    source: from.value,
    destination: to.value,
    l4: whole,
    axis: 'dport',
    otherPort,
    connection: { state: 'new', isReply: false, mark: 0 },
    tcpFlags: 2,
    headerLength: 5,
    isFragment: false,
    hopLimit: 64,
    ...more,
  };
}

const macs = new WeakMap<NetworkNic, number>();

export function macOf(nic: NetworkNic): number {
  let mac = macs.get(nic);
  if (mac === undefined) macs.set(nic, (mac = readMac(nic.mac) ?? 0));
  return mac;
}

/** The host's address on an uplink, which nothing here knows. */
export const hostOutside = { 4: placed('198.18.0.1'), 6: placed('2001:db8:ffff::1') };

/** What a guest says of itself where it says something of the kind. */
function payloadOf(guest: GuestPlace): NonNullable<Packet['payload']> {
  let payload = payloads.get(guest);
  if (!payload) payloads.set(guest, (payload = guest.family === 4 ? leasePayload(guest) : claimOf(guest.address)));
  return payload;
}

const payloads = new WeakMap<GuestPlace, ReadonlyMap<string, number | bigint>>();

/** Of a DHCP question: the card, the client's address, and where the answer is sent on to. */
export function leasePayload(
  { nic }: GuestPlace,
  said: { card?: number; client?: string; relay?: number } = {},
): ReadonlyMap<string, number> {
  return new Map([
    ['th 288 48', said.card ?? macOf(nic)],
    ['th 160 32', said.client === undefined ? 0 : Number(toValue(said.client))],
    ['th 256 32', said.relay ?? 0],
  ]);
}

/** Of a neighbour's advertisement: the address that it claims. */
export function claimOf(address: string): Map<string, bigint> {
  const target = addressToBigInt(address);
  return new Map([
    ['th 64 128', target],
    ['th 64 64', target >> 64n],
  ]);
}

/** Something that is tried with the rules. */
export interface Trial {
  from: string;
  fromAddress: string;
  to: string;
  address: string;
  about: 'new' | 'answer' | 'connection' | 'error' | 'sender' | 'flood' | 'host-service';
  /** In words, for whoever reads of a difference. */
  what: string;
  packet: Packet;
  expected: Ranges;
  /** Less than that is no difference. */
  atMost?: true;
  /** Only whether it is heard at all. */
  arrival?: true;
  /** What is delivered is not as it should be, in words. */
  amiss?: (branch: Branch) => string | undefined;
}
