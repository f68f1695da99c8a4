// What is tried for every pair of places: new connections, and answers of connections that earlier rules let pass, against what the site's
// flows say of the pair.
import { type Cidr, addressFromBigInt, cidrBounds, cidrContains, familyOf, parseCidr } from '../../model/address.ts';
import type { NetworkPublication, NetworkState } from '../../model/network-state.ts';
import { type Between, between } from '../reachability.ts';
import { allPorts, answersOfFlows, coversAll, expectedRanges, icmpStates, leases, rangesOfFlows } from './expected.ts';
import { type Ranges, intersect, none, ofProtocol, ofTypes, protocols, subtract, unite, whole } from './l4-ranges.ts';
import type { Branch, Packet } from './packet.ts';
import { isForAll } from './routes.ts';
import { type GuestPlace, type OtherPlace, type Place, type Places, type Trial, hostOutside, packetBetween } from './places.ts';
import { toValue } from './values.ts';

/** Solicitations of routers and neighbours, and advertisements of neighbours: what a guest tells the host beside it. */
const greetings = unite([ofTypes(58, 133, 133), ofTypes(58, 135, 136)]);

export class FlowTrials {
  readonly #state: NetworkState;
  /** The same without shared wires: what is sent to the host to be passed on. */
  readonly #routed: NetworkState;
  readonly #unpublished: NetworkState;
  readonly #places: Places;
  /** Addresses that publications listen on: those are for the world. */
  readonly #listened: ReadonlySet<string>;
  readonly #icmp = { 4: statesOf(4), 6: statesOf(6) };

  constructor(state: NetworkState, places: Places) {
    this.#state = state;
    this.#routed = { ...state, zones: state.zones.map(({ bridged: _bridged, ...zone }) => zone) };
    this.#unpublished = { ...this.#routed, publications: [] };
    this.#places = places;
    this.#listened = new Set(state.publications.map(({ listen }) => listen));
  }

  *all(): Generator<Trial> {
    const { guests, world, all } = this.#places;
    for (const from of [...guests, ...world]) {
      const seen = new Set<string>();
      for (const to of all) {
        if (from.family !== to.family || from.address === to.address) continue;
        if (from.kind === 'guest' && to.kind === 'guest' && from.nic === to.nic) continue;
        // What the world tells its neighbours on the wire is the host's own affair.
        if (from.kind === 'world' && (isForAll(to.value) || isOfLink(to))) continue;
        if (from.kind === 'guest' && from.zone.bridged && to.kind !== 'guest') yield* this.#toAll(from, to);
        yield* this.#between(from, to, seen);
      }
    }
  }

  /** `seen`: ways of this sender. What does not depend on who of a zone it is is tried with the first of each alone. */
  *#between(from: Place, to: Place, seen: Set<string>): Generator<Trial> {
    const family = to.family;
    const shares = from.kind === 'guest' && to.kind === 'guest' && from.zone === to.zone && from.zone.bridged === true;
    if (shares) yield* this.#onWire(from, to, between(this.#state, from, to.address));
    const isListened = from.kind === 'guest' && this.#listened.has(to.address);
    // Such an address may be left to the uplink's wire, where nobody has it.
    const decided = between(isListened ? this.#unpublished : this.#routed, from, to.address);
    const expected = expectedRanges(decided, family);
    const way = `${to.kind === 'guest' ? to.zone.name : to.kind} ${decided.kind} ${expected.length > 0}`;
    const isFirst = !seen.has(way);
    seen.add(way);
    const { tracked } = this.#icmp[family];
    const trial = this.#trial(from, to, 'new', 'a new connection');
    const packet = packetBetween(from, to, this.#places.otherPort);
    const amiss = amissOf(from, to, decided);
    yield {
      ...trial,
      packet: { ...packet, l4: tracked },
      expected: intersect(expected, tracked),
      ...(amiss && { amiss }),
      ...(isListened && { atMost: true }),
    };
    const hasMore = isFirst || (from.kind === 'world' && expected.length > 0);
    if (hasMore) yield* this.#strays(trial, packet, from, to, expected);
    if (decided.kind === 'listed' && (isFirst || expected.length > 0)) yield* this.#ofEarlierRules(from, to, decided);
  }

  /** What belongs to no connection. */
  *#strays(trial: Omit<Trial, 'packet' | 'expected'>, packet: Packet, from: Place, to: Place, expected: Ranges): Generator<Trial> {
    const { invalid, untracked } = this.#icmp[to.family];
    const stray = { ...packet, l4: invalid, connection: { ...packet.connection, state: 'invalid' as const } };
    // Between guests a type that belongs to no question passes nowhere; to the host nothing depends on it.
    const strayExpected = from.kind === 'world' ? intersect(expected, invalid) : none;
    yield { ...trial, what: 'ICMP that belongs to no connection', packet: stray, expected: strayExpected };
    if (untracked.length > 0) {
      const isHeard = from.kind === 'guest' && (to.kind === 'host' || to.address.startsWith('ff'));
      yield {
        ...trial,
        what: 'what neighbours say',
        packet: { ...packet, l4: untracked, hopLimit: 255, connection: { ...packet.connection, state: 'untracked' } },
        expected: isHeard ? greetings : none,
      };
    }
  }

  /** Connections that earlier rules let pass are judged again: their packets one way as the first was, the answers by the same flows. */
  *#ofEarlierRules(from: Place, to: Place, { flows, publications }: Between & { kind: 'listed' }): Generator<Trial> {
    const family = to.family;
    const { otherPort } = this.#places;
    const rated = flows.filter(({ rate }) => rate !== undefined);
    if (rated.length > 0) {
      const others = unite([
        rangesOfFlows(
          flows.filter(({ rate }) => rate === undefined),
          family,
        ),
      ]);
      const packet = { ...packetBetween(from, to, otherPort), l4: rangesOfFlows(rated, family), flood: 'flow' as const };
      const kept = intersect(others, packet.l4);
      yield { ...this.#trial(from, to, 'flood', 'more new connections than the flow’s rate'), packet, expected: kept };
    }
    if (to.kind === 'host' || publications.length > 0 || this.#listened.has(to.address)) return;
    if (to.kind === 'guest') yield this.#asAnswer(from, to);
    // What comes back from the world to a guest behind the host's address is led to it before anything is decided.
    const isHidden = from.kind === 'guest' && from.zone.masquerade === true && to.kind === 'world';
    const sender: Place = to.kind === 'world' ? { ...to, device: this.#places.world[0]?.device ?? '' } : to;
    const answer = packetBetween(sender, isHidden ? hostOutside[family] : from, otherPort, {
      axis: 'sport',
      tcpFlags: 16,
      connection: {
        state: 'established',
        isReply: true,
        mark: 0,
        original: { source: from.value, destination: to.value },
        replySource: to.value,
        ...(isHidden && { leadsBackTo: from.value }),
      },
    });
    yield {
      ...this.#trial(to, from, 'answer', `an answer of a connection from ${from.name} that earlier rules let pass`),
      packet: {
        ...answer,
        l4: subtract(
          whole,
          unite([ofTypes(1, 5, 5), ofTypes(58, 130, 137), ...(to.kind === 'guest' && to.zone.bridged ? [leases[family]] : [])]),
        ),
      },
      expected: answersOfFlows(flows, family),
    };
  }

  /** What may be asked is no answer: an answer is told by the port that it comes from. */
  #asAnswer(from: Place, to: GuestPlace): Trial {
    const { family } = to;
    const back = from.kind === 'guest' || from.kind === 'world' ? between(this.#routed, to, from.address) : undefined;
    const answers = back?.kind === 'listed' ? answersOfFlows(back.flows, family) : none;
    const packet = packetBetween(from, to, this.#places.otherPort, {
      l4: allPorts,
      tcpFlags: 16,
      connection: {
        state: 'established',
        isReply: true,
        mark: 0,
        original: { source: to.value, destination: from.value },
        replySource: from.value,
      },
    });
    return {
      ...this.#trial(from, to, 'answer', 'an answer from a port that nobody may ask'),
      packet,
      // Of a wide flow the port is one that may be asked.
      expected: unite([numbersOnly(intersect(answers, allPorts)), fromPort(intersect(answers, allPorts), this.#places.otherPort)]),
    };
  }

  /** On a shared wire what a flow to its whole zone allows is heard by all, and nothing else leads past its guests. */
  *#toAll(from: GuestPlace, to: OtherPlace): Generator<Trial> {
    const neighbour = this.#places.guests.find(
      (each) => each.device === from.device && each.nic !== from.nic && each.family === from.family,
    );
    if (!neighbour) return;
    const subnets = from.zone.subnets.filter((subnet) => familyOf(subnet) === from.family);
    const isToAll = isForAll(to.value) ? !isReserved(to) : subnets.some((subnet) => isLastOf(subnet, to.address));
    const decided = between(this.#state, from, neighbour.address);
    // A frame for an address that nobody has may come to every port.
    const isUnowned = subnets.some((subnet) => cidrContains(parseCidr(subnet) as Cidr, to.address));
    const flows =
      decided.kind === 'listed' && (isToAll || isUnowned)
        ? decided.flows.filter((flow) => subnets.some((subnet) => coversAll(flow.to, subnet)))
        : [];
    const l4 = subtract(whole, unite([leases[from.family], ...(from.family === 6 ? [ofTypes(58, 130, 137)] : [])]));
    yield {
      ...this.#trial(from, to, 'new', 'said on the shared wire'),
      packet: packetBetween(from, to, this.#places.otherPort, { toPort: neighbour.nic.tap, l4 }),
      expected: rangesOfFlows(flows, from.family),
      ...(!isToAll && { atMost: true }),
    };
  }

  /** Connections are not tracked there: answers are told by their ports. */
  *#onWire(from: GuestPlace, to: GuestPlace, decided: Between): Generator<Trial> {
    const family = to.family;
    const { otherPort } = this.#places;
    const packet = packetBetween(from, to, otherPort, { toPort: to.nic.tap });
    const back = between(this.#state, to, from.address);
    const answers = back.kind === 'listed' ? answersOfFlows(back.flows, family) : none;
    const echoAnswers = intersect(answers, icmpOf(family));
    // What neighbours say of themselves is tried apart.
    const l4 = subtract(subtract(whole, leases[family]), family === 6 ? ofTypes(58, 130, 137) : none);
    const trial = this.#trial(from, to, 'new', 'a new connection on the shared wire');
    yield { ...trial, packet: { ...packet, l4 }, expected: intersect(l4, unite([expectedRanges(decided, family), echoAnswers])) };
    const sent = { ...packet, axis: 'sport' as const, l4: subtract(l4, icmpOf(family)) };
    // Nobody but the host hands out addresses.
    const notServed = subtract(sent.l4, leases[family]);
    yield {
      ...trial,
      about: 'answer',
      what: 'an answer on the shared wire',
      packet: { ...sent, tcpFlags: 16 },
      expected: intersect(notServed, unite([answers, numbersOnly(expectedRanges(decided, family))])),
    };
    yield {
      ...trial,
      what: 'a new connection on the shared wire, from a port that is asked',
      packet: sent,
      expected: subtract(intersect(notServed, unite([answers, numbersOnly(expectedRanges(decided, family))])), tcp),
    };
  }

  #trial(from: Place, to: Place, about: Trial['about'], what: string): Omit<Trial, 'packet' | 'expected'> {
    return { from: from.name, fromAddress: from.address, to: to.name, address: to.address, about, what };
  }
}

const tcp: Ranges = [6 * 65_536, 6 * 65_536 + 65_535];

function icmpOf(family: 4 | 6): Ranges {
  return family === 4 ? ofTypes(1, 0, 255) : ofTypes(58, 0, 255);
}

/** Protocols without ports: whichever port is asked about. */
/** All of TCP, all of UDP: where this port is among the ranges. */
function fromPort(ranges: Ranges, port: number): Ranges {
  const isIn = (value: number) => ranges.some((first, at) => at % 2 === 0 && first <= value && value <= (ranges[at + 1] ?? -1));
  return [6, 17].flatMap((protocol) => {
    const first = protocol * 65_536;
    return isIn(first + port) ? [first, first + 65_535] : [];
  });
}

function numbersOnly(ranges: Ranges): Ranges {
  const found: number[] = [];
  for (let at = 0; at < ranges.length; at += 2) {
    const [first = 0, last = 0] = [ranges[at], ranges[at + 1]];
    if (last - first >= 65_535) found.push(first, last);
  }
  return found;
}

function statesOf(family: 4 | 6): { tracked: Ranges; invalid: Ranges; untracked: Ranges } {
  const { invalid, untracked } = icmpStates(family);
  return { invalid, untracked, tracked: subtract(subtract(whole, leases[family]), unite([invalid, untracked])) };
}

/** Where it ends, and with which address it leaves. */
function amissOf(from: Place, to: Place, decided: Between): Trial['amiss'] {
  if (decided.kind !== 'listed') return undefined;
  const { publications } = decided;
  if (publications.length > 0)
    return (branch) =>
      publications.every((each) => leadsWhereItShould(branch, each)) ? undefined : 'it leads somewhere else than it is published for';
  if (from.kind === 'guest' && to.kind === 'world') {
    const isHidden = from.zone.masquerade === true;
    return ({ isMasked }) =>
      isMasked === isHidden ? undefined : isHidden ? 'it leaves with its own address' : 'it leaves with the host’s address';
  }
  return ({ destination, isMasked }) => {
    if (destination !== to.value) return 'it is led to another address';
    return isMasked ? 'it leaves with the host’s address' : undefined;
  };
}

function isOfLink({ value }: Place): boolean {
  return typeof value === 'bigint' && value >> 118n === 0x3fan;
}

/** In IPv4 beyond the groups only everybody at once is spoken to. */
function isReserved({ value }: Place): boolean {
  return typeof value === 'number' && value >= 0xf000_0000 && value < 0xffff_ffff;
}

function isLastOf(subnet: string, address: string): boolean {
  const cidr = parseCidr(subnet);
  return cidr?.family === 4 && addressFromBigInt(4, cidrBounds(cidr).last) === address;
}

/** What of the branch comes by this publication, if anything. Ports that are the guest's as well need no exchange. */
function leadsWhereItShould({ ranges, destination, port }: Branch, { protocol, ports, to }: NetworkPublication): boolean {
  const first = protocols[protocol] * 65_536;
  const mine = intersect(ranges, ofProtocol(protocols[protocol], ports.from, ports.to));
  if (mine.length === 0) return true;
  if (destination !== toValue(to.address)) return false;
  if (port === undefined) return ports.from === to.port;
  const only = mine.length === 2 && mine[0] === mine[1] ? (mine[0] as number) - first : undefined;
  return only !== undefined && port === only - ports.from + to.port;
}
