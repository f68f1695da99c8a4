// Whether two sets of rules let the same packets pass: tried with many that are drawn at random, each for all protocols and ports at once.
// Not all can be drawn: a difference found is one, none found is a strong hint.
import { classifyAddresses } from '../../src/plan/rules/address-classes.ts';
import { Evaluator } from '../../src/plan/rules/evaluator.ts';
import { icmpStates } from '../../src/plan/rules/expected.ts';
import { type Ranges, ofTypes, subtract, unite, whole } from '../../src/plan/rules/l4-ranges.ts';
import type { Connection, Outcome, Packet } from '../../src/plan/rules/packet.ts';
import { type GuestPlace, type Place, claimOf, findPlaces, leasePayload, macOf, packetBetween } from '../../src/plan/rules/places.ts';
import { Routes } from '../../src/plan/rules/routes.ts';
import { type Ruleset, connectionMarks, readRuleset } from '../../src/plan/rules/ruleset.ts';
import { between } from '../../src/plan/reachability.ts';
import { toValue } from '../../src/plan/rules/values.ts';
import type { NetworkState } from '../../src/model/network-state.ts';

export function findDifferentPacket(
  before: string,
  after: string,
  state: NetworkState,
  options: { tries: number; seed: number },
): Packet | undefined {
  const [one, other] = [readRuleset(before), readRuleset(after)];
  const routes = new Routes(state);
  const [first, second] = [new Evaluator(one, routes), new Evaluator(other, routes)];
  const draw = new Draw(options.seed);
  const packets = new Packets(state, [one, other], draw);
  for (let count = 0; count < options.tries; count++) {
    const packet = packets.next();
    if (summary(first.evaluate(packet)) !== summary(second.evaluate(packet))) return packet;
  }
  return undefined;
}

/** Of what passes: where it goes, as what. */
function summary(outcomes: readonly Outcome[]): string {
  const passing = outcomes.flatMap(({ branch, ranges, end }) => {
    if (end.is === 'refused') return [];
    const how = end.is === 'delivered' ? `${end.to} ${branch.destination} ${branch.port} ${branch.isMasked}` : 'undecided';
    return [{ how, ranges }];
  });
  const byHow = Map.groupBy(passing, ({ how }) => how);
  return [...byHow]
    .map(([how, parts]) => `${how}: ${merged(parts.map(({ ranges }) => ranges)).join(' ')}`)
    .toSorted()
    .join('\n');
}

function merged(lists: readonly (readonly number[])[]): number[] {
  const pairs = lists
    .flatMap((list) => list.flatMap((first, at) => (at % 2 === 0 ? [[first, list[at + 1] as number] as const] : [])))
    .toSorted((a, b) => a[0] - b[0]);
  const found: number[] = [];
  for (const [first, last] of pairs) {
    if (found.length > 0 && first === (found.at(-1) as number) + 1) found[found.length - 1] = last;
    else found.push(first, last);
  }
  return found;
}

/** Mulberry32. */
class Draw {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(count: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % count;
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** Once in so many times. */
  once(inTimes: number): boolean {
    return this.below(inTimes) === 0;
  }
}

const everybody = { 4: ['255.255.255.255', '224.0.0.251'], 6: ['ff02::1', 'ff02::1:2'] };
const link = 'fe80::5054:ff:fe00:99';

/** What belongs to a connection, to none, or tells of one. */
function possible({ state }: Connection, family: 4 | 6): Ranges {
  const { invalid, untracked } = icmpStates(family);
  const errors = family === 4 ? unite([ofTypes(1, 3, 5), ofTypes(1, 11, 12)]) : ofTypes(58, 1, 4);
  switch (state) {
    case 'new':
      return subtract(whole, unite([invalid, untracked]));
    case 'established':
      return subtract(whole, unite([errors, untracked, ofTypes(1, 5, 5), ofTypes(58, 137, 137)]));
    case 'related':
      return errors;
    case 'untracked':
      return untracked.length > 0 ? untracked : whole;
    case 'invalid':
      return whole;
  }
}

class Packets {
  readonly #draw: Draw;
  readonly #places: ReturnType<typeof findPlaces>;
  readonly #addresses: Record<4 | 6, string[]>;
  readonly #marks: number[];
  readonly #own: ReadonlySet<string>;
  readonly #listened: ReadonlySet<number | bigint>;
  /** Who can have connections. */
  readonly #ends: Record<4 | 6, (number | bigint)[]>;

  constructor(state: NetworkState, rulesets: readonly Ruleset[], draw: Draw) {
    this.#draw = draw;
    this.#listened = new Set(state.publications.map(({ listen }) => toValue(listen)));
    this.#own = new Set(state.zones.flatMap(({ hostAddresses }) => hostAddresses));
    this.#places = findPlaces(
      state,
      rulesets.flatMap((ruleset) => classifyAddresses(ruleset, state)),
    );
    const addresses = [...new Set([...this.#places.all.map(({ address }) => address), link, 'fe80::1', '::', '0.0.0.0'])];
    this.#addresses = {
      4: [...addresses.filter((address) => !address.includes(':')), ...everybody[4]],
      6: [...addresses.filter((address) => address.includes(':')), ...everybody[6]],
    };
    const ends = this.#places.all.filter(
      (place) =>
        place.kind === 'guest' ||
        this.#places.guests.some((each) => {
          const decided = each.family === place.family ? between(state, place, each.address) : undefined;
          return decided?.kind === 'listed' || (decided?.kind === 'nothing' && decided.why === 'behind-the-hosts-address');
        }),
    );
    const valuesOf = (family: 4 | 6) => ends.filter((place) => place.family === family).map(({ value }) => value);
    this.#ends = { 4: valuesOf(4), 6: valuesOf(6) };
    this.#marks = [...new Set(rulesets.flatMap((ruleset) => [...connectionMarks(ruleset)]))];
  }

  next(): Packet {
    let packet = this.#any();
    while (!this.#canBe(packet)) packet = this.#any();
    return packet;
  }

  /** Connections stand between those who can have them. */
  #canBe({ family, connection, source, destination, iif }: Packet): boolean {
    // What the wire's neighbours tell everybody is the host's own affair.
    const isForAll = typeof destination === 'number' ? destination >= 0xe000_0000 : destination >> 120n === 0xffn;
    if (isForAll && iif?.startsWith('cs') !== true) return false;
    // What a guest sends to itself comes to nobody else.
    if (this.#places.guests.some((guest) => guest.nic.tap === iif && guest.value === destination)) return false;
    // A connection that is marked has been let through before.
    if (family === 'arp' || (connection.state === 'new' && connection.mark === 0)) return true;
    if (connection.state === 'untracked' || connection.state === 'invalid') return true;
    // What goes on at a published address has been led to its guest.
    if (this.#listened.has(destination)) return false;
    const ends = this.#ends[family];
    const isEnd = (value: number | bigint) =>
      ends.includes(value) ||
      (iif?.startsWith('cs') === true && this.#addresses[family].some((own) => toValue(own) === value && this.#own.has(own)));
    return isEnd(destination) && (connection.state === 'related' || isEnd(source));
  }

  #any(): Packet {
    const draw = this.#draw;
    const from = draw.of<Place>(draw.once(3) ? this.#places.world : this.#places.guests);
    const { family } = from;
    const to = toPlace(draw.of(this.#addresses[family]));
    const guest = draw.of(this.#places.guests);
    const connection = this.#connection(from.value, to.value);
    const packet: Packet = {
      ...packetBetween(from, to, draw.of([this.#places.otherPort, this.#places.otherPort, 67, 68, 546, 547, 53, 80])),
      l4: possible(connection, family),
      axis: draw.once(3) ? 'sport' : 'dport',
      connection,
      tcpFlags: draw.of([2, 16, 18]),
      ...(draw.once(4) && { flood: draw.of(['flow', 'connections', 'questions'] as const) }),
      ...(draw.once(4) && { hopLimit: 255 }),
      ...(draw.once(8) && { source: toValue(draw.of(this.#addresses[family])) }),
      ...(draw.once(10) && { mac: draw.once(2) ? 77 : macOf(guest.nic) }),
      ...(draw.once(10) && { headerLength: 6 }),
      ...(draw.once(10) && { isFragment: true }),
      ...(draw.once(6) && { nextHeader: draw.of([0, 43, 44, 44, 51, 60, 135, 139, 140, 253, 254, 6, 17, 58]) }),
      ...(draw.once(6) && { afterFragment: draw.of([0, 43, 44, 51, 60, 135, 139, 140, 253, 254, 6, 17]) }),
    };
    return from.kind === 'guest' ? this.#fromGuest(packet, from) : packet;
  }

  #fromGuest(packet: Packet, from: GuestPlace): Packet {
    const draw = this.#draw;
    const other = draw.of(this.#places.guests);
    const neighbours = this.#places.guests.filter(({ device, nic }) => device === from.device && nic !== from.nic);
    const isOver = from.zone.bridged === true && neighbours.length > 0 && draw.once(2);
    const isArp = from.family === 4 && draw.once(8);
    const speaker = draw.once(2) ? from : other;
    return {
      ...packet,
      payload: this.#payload(from, other),
      ...(isOver && { toPort: draw.of(neighbours).nic.tap }),
      ...(isArp && {
        family: 'arp' as const,
        arp: {
          operation: draw.of([1, 2]),
          mac: macOf((draw.once(2) ? from : other).nic),
          address: Number(toValue(draw.once(4) ? '0.0.0.0' : v4Of(speaker, from))),
        },
      }),
    };
  }

  #payload(from: GuestPlace, other: GuestPlace): ReadonlyMap<string, number | bigint> {
    const draw = this.#draw;
    const client = draw.of([undefined, v4Of(from, from), v4Of(other, from)]);
    const lease = leasePayload(from, {
      ...(draw.once(3) && { card: macOf(other.nic) }),
      ...(client !== undefined && { client }),
      ...(draw.once(3) && { relay: 5 }),
    });
    const claims = claimOf(draw.of(this.#addresses[6]));
    return new Map<string, number | bigint>([...lease, ...claims, ['th 64 8', draw.below(14)]]);
  }

  #connection(source: number | bigint, destination: number | bigint): Connection {
    const draw = this.#draw;
    const mark = draw.of([0, 4242, ...this.#marks, ...this.#marks]);
    const state = draw.of(['new', 'new', 'new', 'established', 'established', 'related', 'invalid', 'untracked'] as const);
    if (state === 'new') return { state, isReply: false, mark: draw.once(2) ? 0 : mark };
    const isReply = draw.once(2);
    const isNone = state === 'invalid' || state === 'untracked';
    // What is related may be told by others than the ends; what somebody is told is about a connection of his.
    const third = draw.of(this.#ends[typeof source === 'number' ? 4 : 6]);
    const [mine, theirs] = state === 'related' && draw.once(2) ? [third, destination] : [source, destination];
    const ends = isReply ? { source: theirs, destination: mine } : { source: mine, destination: theirs };
    return { state, isReply, mark: isNone ? 0 : mark, original: ends, replySource: ends.destination };
  }
}

function toPlace(address: string): { family: 4 | 6; value: number | bigint } {
  return { family: address.includes(':') ? 6 : 4, value: toValue(address) };
}

function v4Of({ nic }: GuestPlace, otherwise: GuestPlace): string {
  return [...nic.addresses, ...otherwise.nic.addresses, '0.0.0.0'].find((address) => !address.includes(':')) ?? '0.0.0.0';
}
