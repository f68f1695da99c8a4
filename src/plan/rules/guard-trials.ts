// What is tried of every nic, whatever the flows say: that nobody speaks for another, that only ordinary packets are heard, and what a guest
// needs of the host.
import { addressFromBigInt, familyOf } from '../../model/address.ts';
import type { NetworkState } from '../../model/network-state.ts';
import { coversAll, leases, rangesOfFlows } from './expected.ts';
import { type Ranges, intersect, none, ofProtocol, ofProtocols, ofTypes, protocols, subtract, unite, whole } from './l4-ranges.ts';
import type { Packet } from './packet.ts';
import {
  type GuestPlace,
  type Place,
  type Places,
  type Trial,
  at,
  claimOf,
  leasePayload,
  macOf,
  outside,
  packetBetween,
} from './places.ts';
import { toValue } from './values.ts';

/** Headers of IPv6 that stand between the addresses and what is carried. */
const extensions = [0, 43, 51, 60, 135, 139, 140, 253, 254];
const fragmentHeader = 44;
const everybody = { 4: '255.255.255.255', 6: 'ff02::1' };
const leaseServers = 'ff02::1:2';
const leaseServer = { 4: 67, 6: 547 };
/** Of the link: as a card with that MAC makes itself one. */
const linkAddress = 'fe80::5054:ff:fe00:99';
const unknownMac = 0x02_00_00_00_00_99;

export class GuardTrials {
  readonly #state: NetworkState;
  readonly #places: Places;
  /** One guest of each nic and family. */
  readonly #ends: GuestPlace[];

  constructor(state: NetworkState, places: Places) {
    this.#state = state;
    this.#places = places;
    this.#ends = [...new Map(places.guests.map((guest) => [`${guest.nic.tap} ${guest.family}`, guest])).values()];
  }

  *all(): Generator<Trial> {
    for (const guest of this.#ends) {
      for (const toPort of this.#waysOf(guest)) {
        yield* this.#otherSenders(guest, toPort);
        yield* this.#oddPackets(guest, toPort);
      }
      yield* this.#greetings(guest);
      if (guest.zone.bridged) yield* this.#astray(guest);
      if (guest.family === 4) {
        yield* this.#leases4(guest);
        for (const toPort of this.#waysOf(guest)) yield* this.#arp(guest, toPort);
      } else {
        yield* this.#leases6(guest);
        if (guest.zone.bridged) yield* this.#claims(guest);
      }
    }
    yield* this.#fromWire();
  }

  #trial(guest: GuestPlace, what: string, packet: Packet, expected: Ranges): Trial {
    const to = addressFromBigInt(guest.family, BigInt(packet.destination));
    return { from: guest.name, fromAddress: guest.address, to: this.#nameOf(to), address: to, about: 'sender', what, packet, expected };
  }

  #nameOf(address: string): string {
    return this.#places.all.find((place) => place.address === address)?.name ?? 'everybody';
  }

  #packet(guest: GuestPlace, to: string, more: Partial<Packet> = {}): Packet {
    return packetBetween(guest, at(to), this.#places.otherPort, more);
  }

  /** To the host, and on a shared wire to a neighbour. */
  #waysOf(guest: GuestPlace): (string | undefined)[] {
    const neighbour = this.#ends.find((each) => guest.zone.bridged && each.device === guest.device && each.nic.tap !== guest.nic.tap);
    return neighbour ? [undefined, neighbour.nic.tap] : [undefined];
  }

  /** Where a guest can always send to, so that only the sender decides. */
  #hostOf({ zone, address }: GuestPlace): string {
    const family = familyOf(address);
    return (
      zone.hostAddresses.find((each) => familyOf(each) === family) ?? zone.gateways.find((each) => familyOf(each) === family) ?? address
    );
  }

  *#otherSenders(guest: GuestPlace, toPort: string | undefined): Generator<Trial> {
    const port = toPort !== undefined && { toPort };
    const family = guest.family;
    const host = at(this.#hostOf(guest));
    const trial = this.#trial(guest, '', packetBetween(guest, host, this.#places.otherPort), none);
    const heard = (what: string, more: Partial<Packet>, expected: Ranges = none): Trial => ({
      ...trial,
      what,
      packet: { ...trial.packet, ...port, ...more },
      expected,
      arrival: true,
    });
    yield heard('from its own address', { l4: plain[family] }, guard(family, guest.zone.bridged));
    // Nobody but the host hands out addresses on a shared wire.
    const servers = guest.zone.bridged ? ofProtocol(protocols.udp, leaseServer[family], leaseServer[family]) : none;
    yield heard('from any port', { axis: 'sport', l4: plain[family] }, subtract(guard(family, guest.zone.bridged), servers));
    yield heard('from a MAC that nobody has', { mac: unknownMac });
    for (const { nic, value } of this.#ends.filter((other) => other.family === family && other.nic.tap !== guest.nic.tap)) {
      yield heard(`from the MAC of ${nic.guestName}`, { mac: macOf(nic) });
      yield heard(`from MAC and address of ${nic.guestName}`, { mac: macOf(nic), source: value });
    }
    for (const { value, address } of this.#othersOf(guest)) yield heard(`from ${address}`, { source: value });
  }

  /** Addresses that it must not send from. Those of the link are for neighbours alone, which is tried apart. */
  #othersOf({ nic, family }: GuestPlace): Place[] {
    return this.#places.all.filter((place) => place.family === family && !nic.addresses.includes(place.address) && !isOfLink(place));
  }

  /** What receivers read otherwise than filters. */
  *#oddPackets(guest: GuestPlace, toPort: string | undefined): Generator<Trial> {
    const port = toPort !== undefined && { toPort };
    const family = guest.family;
    const heard = (what: string, more: Partial<Packet>, expected: Ranges = none): Trial => ({
      ...this.#trial(guest, what, this.#packet(guest, this.#hostOf(guest), { ...port, ...more }), expected),
      arrival: true,
    });
    if (family === 4) {
      const asks = { l4: leases[4], otherPort: 68, payload: leasePayload(guest, { card: unknownMac }) };
      if (guest.zone.bridged) yield heard('for a lease for a card that nobody has', asks);
      yield heard('with options', { headerLength: 6 });
      yield heard('with many options', { headerLength: 15 });
      yield heard('in pieces', { isFragment: true }, guard(4));
      if (!toPort) yield heard('in more pieces than are let through', { isFragment: true, flood: 'questions' });
      return;
    }
    for (const header of extensions) {
      yield heard(`with header ${header}`, { nextHeader: header });
      yield heard(`in pieces, with header ${header} in them`, { nextHeader: fragmentHeader, afterFragment: header });
    }
    const pieces = { nextHeader: fragmentHeader, afterFragment: protocols.tcp };
    yield heard('in pieces of pieces', { nextHeader: fragmentHeader, afterFragment: fragmentHeader });
    yield heard('in pieces', pieces, guest.zone.bridged ? none : subtract(whole, ofTypes(58, 137, 137)));
    yield heard('in more pieces than are let through', { ...pieces, flood: 'questions' });
    yield {
      ...this.#trial(guest, 'in pieces to everybody', this.#packet(guest, everybody[6], pieces), none),
      arrival: true,
    };
  }

  /** What is said to all, and before there is an address. */
  *#greetings(guest: GuestPlace): Generator<Trial> {
    const arrival = (what: string, to: string, more: Partial<Packet>, expected: Ranges): Trial => ({
      ...this.#trial(guest, what, this.#packet(guest, to, more), expected),
      arrival: true,
    });
    if (guest.family === 4) {
      const asks = ofProtocol(protocols.udp, 67, 67);
      const cardless = { payload: leasePayload(guest) };
      for (const [source, name] of [
        [guest.value, 'its own address'],
        [0, 'no address'],
      ] as const) {
        const from = { source, ...cardless };
        yield arrival(`to everybody, from ${name}`, everybody[4], from, none);
        yield arrival(`for a lease, from ${name}`, everybody[4], { ...from, otherPort: 68 }, asks);
        yield arrival(`to a group, from ${name}`, '224.0.0.251', { ...from, otherPort: 68 }, none);
      }
      for (const { value, address } of this.#othersOf(guest))
        yield arrival(`for a lease, from ${address}`, everybody[4], { source: value, otherPort: 68, ...cardless }, none);
      yield arrival('from no address to somebody', this.#hostOf(guest), { source: 0, otherPort: 68, ...cardless }, none);
      yield arrival('for a lease with options', everybody[4], { source: 0, otherPort: 68, headerLength: 6, ...cardless }, none);
      yield arrival(
        'for more leases than are let through',
        everybody[4],
        { source: 0, otherPort: 68, flood: 'questions', ...cardless },
        none,
      );
      return;
    }
    const isBridged = guest.zone.bridged === true;
    const asks = ofProtocol(protocols.udp, 547, 547);
    const neighbours = (own: boolean) => unite([ofTypes(58, 133, 133), ofTypes(58, 135, own ? 136 : 135)]);
    const link = toValue(linkAddress);
    // A neighbour's claim carries what it claims.
    const claim = {
      payload: new Map([
        ['th 64 128', link],
        ['th 64 64', 0xfe80n << 48n],
      ] as [string, bigint][]),
    };
    yield arrival('to everybody', everybody[6], { payload: claimOf(guest.address) }, neighbours(true));
    yield arrival('to everybody, more than is let through', everybody[6], { flood: 'questions', payload: claimOf(guest.address) }, none);
    yield arrival(
      'to everybody, from the link',
      everybody[6],
      { source: link, ...claim },
      unite([neighbours(true), ofTypes(58, 128, 128)]),
    );
    yield arrival(
      'from the link to the host',
      this.#hostOf(guest),
      { source: link, ...claim },
      unite([neighbours(true), ofTypes(58, 128, 128)]),
    );
    yield arrival('from the link, more than is let through', everybody[6], { source: link, flood: 'questions', ...claim }, none);
    yield arrival(
      'from the router’s address of the link',
      everybody[6],
      { source: toValue('fe80::1'), ...claim },
      isBridged ? none : unite([neighbours(true), ofTypes(58, 128, 128)]),
    );
    for (const header of [...extensions, fragmentHeader])
      yield arrival(`from the link, with header ${header}`, everybody[6], { source: link, nextHeader: header, ...claim }, none);
    yield arrival('from another link', everybody[6], { source: toValue('fe80:0:0:1::9'), ...claim }, none);
    yield arrival('from no address', everybody[6], { source: 0n, ...claim }, neighbours(false));
    for (const [source, name] of [
      [guest.value, 'its own address'],
      [link, 'the link'],
    ] as const) {
      const from = { source, otherPort: 546, payload: new Map([...claim.payload, ...claimOf(guest.address)]) };
      const said = unite([neighbours(true), asks, ...(source === link ? [ofTypes(58, 128, 128)] : [])]);
      yield arrival(`for a lease, from ${name}`, leaseServers, from, said);
    }
    for (const { value, address } of this.#othersOf(guest))
      yield arrival(`for a lease, from ${address}`, leaseServers, { source: value, otherPort: 546 }, none);
    yield {
      ...this.#trial(
        guest,
        'what neighbours say, from further away',
        this.#packet(guest, this.#hostOf(guest), { l4: ofTypes(58, 133, 136), connection: untracked, payload: claimOf(guest.address) }),
        none,
      ),
    };
    yield {
      ...this.#trial(
        guest,
        'asks the neighbour',
        this.#packet(guest, everybody[6], { l4: neighbours(true), connection: untracked, hopLimit: 255, payload: claimOf(guest.address) }),
        neighbours(true),
      ),
      about: 'host-service',
    };
  }

  *#leases4(guest: GuestPlace): Generator<Trial> {
    const [l4, otherPort] = [ofProtocol(protocols.udp, 67, 67), 68];
    const served = (what: string, to: string, more: Partial<Packet>, expected: Ranges): Trial => ({
      ...this.#trial(guest, what, this.#packet(guest, to, { l4, otherPort, ...more }), expected),
      about: 'host-service',
    });
    const other = this.#ends.find((each) => each.nic.tap !== guest.nic.tap && each.family === 4);
    const otherCard = other ? macOf(other.nic) : unknownMac;
    const host = this.#hostOf(guest);
    for (const [to, source] of [
      [everybody[4], 0],
      [everybody[4], guest.value],
      [host, guest.value],
    ] as const) {
      yield served('a lease', to, { source, payload: leasePayload(guest) }, l4);
      for (const client of guest.nic.addresses.filter((address) => familyOf(address) === 4))
        yield served(`the lease of ${client}, which it has`, to, { source, payload: leasePayload(guest, { client }) }, l4);
      for (const has of [{}, { client: guest.address }])
        yield served('more leases than are let through', to, { source, payload: leasePayload(guest, has), flood: 'questions' }, none);
      yield served('more connections than a nic may have', to, { source, payload: leasePayload(guest), flood: 'connections' }, none);
      yield served('a lease for another’s card', to, { source, payload: leasePayload(guest, { card: otherCard }) }, none);
      yield served('a lease to be sent elsewhere', to, { source, payload: leasePayload(guest, { relay: 0x0a000001 }) }, none);
      yield served('another’s lease', to, { source, payload: leasePayload(guest, { client: other?.address ?? '203.0.113.77' }) }, none);
      yield served('a lease from another port', to, { source, payload: leasePayload(guest), otherPort: this.#places.otherPort }, none);
    }
    yield served('a lease of the other family', host, { l4: leases[6], otherPort: 546, payload: kindOf(1) }, none);
    const stranger = this.#places.all.find((place) => place.kind === 'guest' && place.family === 4 && place.name !== guest.name);
    if (stranger?.kind === 'guest' && stranger.zone !== guest.zone)
      yield served('a lease of another guest', stranger.address, { payload: leasePayload(guest) }, none);
  }

  *#leases6(guest: GuestPlace): Generator<Trial> {
    const [l4, otherPort] = [ofProtocol(protocols.udp, 547, 547), 546];
    const link = toValue(linkAddress);
    const served = (what: string, more: Partial<Packet>, expected: Ranges, to = leaseServers): Trial => ({
      ...this.#trial(guest, what, this.#packet(guest, to, { l4, otherPort, source: link, ...more }), expected),
      about: 'host-service',
    });
    // Of clients: solicit, request, confirm, renew, rebind, release, decline, information; the others are of servers and relays.
    for (const kind of [1, 3, 4, 5, 6, 8, 11]) yield served('a lease', { payload: kindOf(kind) }, l4);
    for (const kind of [0, 2, 7, 9, 10, 12, 13, 255]) yield served(`as a server or relay (${kind})`, { payload: kindOf(kind) }, none);
    yield served('a lease', { payload: kindOf(1), source: guest.value }, l4, this.#hostOf(guest));
    yield served('a lease of everybody', { payload: kindOf(1) }, none, everybody[6]);
    // What a range asks of the host it may ask from the link as well, if that is within it.
    const asked = rangesOfFlows(
      this.#state.flows.filter(({ from, to }) => to.kind === 'host' && coversAll(from, `${linkAddress}/128`)),
      6,
    );
    const echo = ofTypes(58, 128, 128);
    yield served('an echo of a group', { l4: echo }, intersect(asked, echo));
    for (const to of [this.#hostOf(guest), everybody[6]])
      yield served(
        'a lease of the other family',
        { l4: leases[4], otherPort: 68, payload: leasePayload(guest), source: guest.value },
        none,
        to,
      );
    yield served(
      'a lease from another port',
      { payload: kindOf(1), source: guest.value, otherPort: this.#places.otherPort },
      none,
      this.#hostOf(guest),
    );
    yield served(
      'more leases than are let through',
      { payload: kindOf(1), source: guest.value, flood: 'questions' },
      none,
      this.#hostOf(guest),
    );
  }

  *#arp(guest: GuestPlace, toPort: string | undefined): Generator<Trial> {
    const other = this.#ends.find((each) => each.nic.tap !== guest.nic.tap && each.family === 4);
    const said = (what: string, arp: Partial<NonNullable<Packet['arp']>>, expected: Ranges, more: Partial<Packet> = {}): Trial => {
      const claims = { operation: 1, mac: macOf(guest.nic), address: Number(guest.value), ...arp };
      const packet = {
        ...this.#packet(guest, guest.address),
        ...(toPort !== undefined && { toPort }),
        ...more,
        family: 'arp' as const,
        arp: claims,
      };
      return { ...this.#trial(guest, what, packet, expected), to: 'neighbours', address: guest.address };
    };
    for (const operation of [1, 2]) {
      const how = operation === 1 ? 'asks' : 'answers';
      for (const address of guest.nic.addresses.filter((each) => familyOf(each) === 4))
        yield said(`${how} as ${address}, which it is`, { operation, address: Number(toValue(address)) }, whole);
      yield said(`${how} with a MAC that nobody has`, { operation, mac: unknownMac }, none);
      if (other) yield said(`${how} as ${other.name}`, { operation, address: Number(other.value) }, none);
      if (other)
        yield said(`${how} as ${other.name}, with its MAC`, { operation, address: Number(other.value), mac: macOf(other.nic) }, none);
      yield said(`${how} as the host`, { operation, address: Number(toValue(this.#hostOf(guest))) }, none);
      yield said(`${how} with no address`, { operation, address: 0 }, operation === 1 ? whole : none);
      yield said(`${how} with no address and a MAC that nobody has`, { operation, address: 0, mac: unknownMac }, none);
    }
    if (guest.zone.bridged)
      yield said('asks as itself in a frame of another', {}, none, { mac: unknownMac, ...(toPort !== undefined && { toPort }) });
  }

  /** On a shared wire: to its neighbour's card, for an address that is not of the wire. */
  *#astray(guest: GuestPlace): Generator<Trial> {
    const family = guest.family;
    const [, neighbour] = this.#waysOf(guest);
    const far = this.#places.world.find((place) => place.family === family && place.device !== undefined && !isOfLink(place));
    if (neighbour === undefined || !far) return;
    // Neighbour discovery is for whomever it names.
    const l4 = family === 4 ? whole : subtract(plain[6], ofTypes(58, 135, 136));
    for (const axis of ['dport', 'sport'] as const)
      yield this.#trial(guest, 'by way of its neighbour', this.#packet(guest, far.address, { toPort: neighbour, l4, axis }), none);
  }

  /** On a shared wire: whose address somebody says he has. */
  *#claims(guest: GuestPlace): Generator<Trial> {
    const neighbour = this.#ends.find((each) => each.device === guest.device && each.nic.tap !== guest.nic.tap && each.family === 6);
    if (!neighbour) return;
    const link = 'fe80::5054:ff:fe00:99';
    const said = (what: string, types: Ranges, more: Partial<Packet>, expected: Ranges): Trial =>
      this.#trial(
        guest,
        what,
        this.#packet(guest, neighbour.address, { toPort: neighbour.nic.tap, hopLimit: 255, l4: types, ...more }),
        expected,
      );
    const [asks, claims] = [ofTypes(58, 135, 135), ofTypes(58, 136, 136)];
    for (const [source, name] of [
      [guest.address, 'itself'],
      [link, 'the link'],
    ] as const) {
      const from = { source: toValue(source) };
      yield said(`asks its neighbour from ${name}`, asks, from, asks);
      yield said(`claims its own address from ${name}`, claims, { ...from, payload: claimOf(guest.address) }, claims);
      yield said(`claims an address of the link from ${name}`, claims, { ...from, payload: claimOf(link) }, claims);
      yield said(`claims its neighbour’s address from ${name}`, claims, { ...from, payload: claimOf(neighbour.address) }, none);
      yield said(`claims the router’s address from ${name}`, claims, { ...from, payload: claimOf('fe80::1') }, none);
      yield said(`says to be a router from ${name}`, ofTypes(58, 134, 134), from, none);
      yield said(`sends elsewhere from ${name}`, ofTypes(58, 137, 137), from, none);
    }
    // Before it has an address it asks for a router, and whether somebody has the one that it would take.
    for (const types of [ofTypes(58, 0, 132), ofTypes(58, 134, 134), ofTypes(58, 136, 255)])
      yield said('says something else from no address', types, { source: toValue('::') }, none);
    yield said('asks as the router', asks, { source: toValue('fe80::1') }, none);
    yield said('asks in a frame of another', asks, { mac: unknownMac }, none);
  }

  /** What must not come from outside, whatever it carries. */
  *#fromWire(): Generator<Trial> {
    const uplinks = new Map(this.#places.world.map((place) => [`${place.device} ${place.family}`, place]));
    for (const device of new Set([...uplinks.values()].map((place) => place.device))) {
      for (const family of [4, 6] as const) {
        const open = this.#places.guests.find((guest) => guest.family === family && guest.zone.uplink && !guest.zone.masquerade);
        if (!open || device === undefined) continue;
        const far = outside('world', family === 4 ? '198.18.0.7' : '2001:db8:ffff::7', device);
        const heard = (what: string, to: string, more: Partial<Packet>, expected: Ranges): Trial => ({
          from: 'world',
          fromAddress: far.address,
          to: this.#nameOf(to),
          address: to,
          about: 'sender',
          what,
          packet: packetBetween(far, at(to), this.#places.otherPort, more),
          expected,
          arrival: true,
        });
        // Whoever of the wire says to be one of us is not heard, whomever he speaks to.
        const group = family === 4 ? '224.0.0.1' : everybody[6];
        for (const place of this.#places.all) {
          if (place.family !== family || place.kind === 'world' || isOfLink(place)) continue;
          yield { ...heard(`from ${place.address}`, group, { source: place.value }, none), fromAddress: place.address };
        }
        // What the wire tells everybody is the host's own affair, all the way.
        const { arrival: _arrival, ...told } = heard('what the host itself is told', group, {}, whole);
        yield told;
        // Nothing leads from there to the host's own addresses for guests, and to those behind its address only what is published.
        for (const place of this.#places.all) {
          const isHidden = place.kind === 'guest' && place.zone.masquerade === true;
          if (place.family !== family || isOfLink(place)) continue;
          if (isHidden || place.kind === 'host') yield heard('to an address inside', place.address, {}, none);
          else if (place.kind === 'guest') yield heard('to a guest', place.address, { l4: plain[family] }, fromOutside[family]);
        }
        if (family === 4) {
          yield heard('with options', open.address, { headerLength: 6 }, none);
          yield heard('with options to a group', '224.0.0.1', { headerLength: 6 }, whole);
          continue;
        }
        for (const header of extensions) {
          yield heard(`with header ${header}`, open.address, { nextHeader: header }, none);
          yield heard(`with header ${header} to a group`, everybody[6], { nextHeader: header }, whole);
        }
      }
    }
  }
}

const untracked = { state: 'untracked' as const, isReply: false, mark: 0 };

/** From its own address all is heard but redirects and, in IPv6, headers that hide what follows. */
function guard(family: 4 | 6, isBridged = false): Ranges {
  if (family === 4) return subtract(whole, ofTypes(1, 5, 5));
  const hidden = unite(extensions.map((number) => ofProtocols(number, number)));
  return subtract(subtract(plain[6], hidden), unite([ofTypes(58, 137, 137), ...(isBridged ? [ofTypes(58, 134, 134)] : [])]));
}

/** Redirects are looked at where it is known whom they are for. */
const fromOutside = { 4: whole, 6: subtract(whole, unite([...extensions, fragmentHeader].map((number) => ofProtocols(number, number)))) };

/** Without the header of pieces, of which more is to be said than its number. */
const plain = { 4: whole, 6: subtract(whole, ofProtocols(fragmentHeader, fragmentHeader)) };

/** Of the link, or of nobody yet. */
function isOfLink({ value }: { value: number | bigint }): boolean {
  return typeof value === 'bigint' ? value >> 118n === 0x3fan || value === 0n : value === 0;
}

function kindOf(kind: number): ReadonlyMap<string, number> {
  return new Map([['th 64 8', kind]]);
}
