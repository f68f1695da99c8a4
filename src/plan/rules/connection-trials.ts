// What is tried of connections that stand, for one pair of places on each way that packets go: what rules in force have let pass goes on, errors
// come from its ends only, and nobody takes more than his share.
import type { NetworkState } from '../../model/network-state.ts';
import { between } from '../reachability.ts';
import { leases, rangesOfFlows } from './expected.ts';
import { type Ranges, intersect, none, ofProtocols, ofTypes, subtract, unite, whole } from './l4-ranges.ts';
import type { Connection, Packet } from './packet.ts';
import {
  type GuestPlace,
  type OtherPlace,
  type Place,
  type Places,
  type Trial,
  at,
  hostOutside,
  outside,
  packetBetween,
} from './places.ts';

const errors = { 4: unite([ofTypes(1, 3, 4), ofTypes(1, 11, 12)]), 6: ofTypes(58, 1, 4) };
/** Would lead what comes after it somewhere else. */
const redirect = { 4: ofTypes(1, 5, 5), 6: ofTypes(58, 137, 137) };
/** Whatever belongs to a connection. */
const ordinary = {
  4: subtract(whole, ofTypes(1, 0, 255)),
  6: subtract(
    whole,
    unite([ofTypes(58, 0, 255), ...[0, 43, 44, 51, 60, 135, 139, 140, 253, 254].map((number) => ofProtocols(number, number))]),
  ),
};

export class ConnectionTrials {
  readonly #state: NetworkState;
  readonly #places: Places;
  /** What the rules mark connections with that they let pass. */
  readonly #mark: number;
  /** Of connections that other rules have let pass. */
  readonly #earlier: readonly number[];

  constructor(state: NetworkState, places: Places, mark: number, spokenOf: ReadonlySet<number>) {
    this.#state = state;
    this.#places = places;
    this.#mark = mark;
    this.#earlier = [...new Set([0, (mark ^ 2) >>> 0, ...spokenOf])].filter((each) => each !== mark);
  }

  *all(): Generator<Trial> {
    for (const [from, to] of this.#pairs()) {
      if (to.kind === 'host') yield* this.#withHost(from as GuestPlace, to);
      else yield* this.#forwarded(from, to);
    }
    yield* this.#strangers();
    yield* this.#astray();
  }

  /** One of each way: by zones, and by family. */
  #pairs(): [Place, Place][] {
    const { guests, all } = this.#places;
    const world = this.#findWorld();
    const ofWorld = new Set(world.map(({ address }) => address));
    const found = new Map<string, [Place, Place]>();
    const placeOf = (place: Place) => (place.kind === 'guest' ? `zone ${place.zone.name}` : place.kind);
    for (const from of [...guests, ...world]) {
      for (const to of all) {
        const family = from.family;
        const isOne = to.kind === 'guest' && from.kind === 'guest' && from.nic === to.nic;
        if (to.family !== family || isOne || (from.kind === 'world' && to.kind !== 'guest')) continue;
        if (to.kind === 'world' && !ofWorld.has(to.address)) continue;
        const way = `${family} ${placeOf(from)} → ${placeOf(to)}`;
        const decided = between(this.#state, from, to.address);
        const isBetter = decided.kind === 'listed' && decided.flows.length > 0;
        if (!found.has(way) || (isBetter && !found.has(`${way} flow`))) {
          found.set(way, [from, to]);
          if (isBetter) found.set(`${way} flow`, [from, to]);
        }
      }
    }
    return [...new Set(found.values())];
  }

  /** Addresses that connections with the world can have. */
  #findWorld(): OtherPlace[] {
    const oneOfEach = [...new Map(this.#places.guests.map((guest) => [`${guest.zone.name} ${guest.family}`, guest])).values()];
    return this.#places.world.filter((place) =>
      oneOfEach.some((guest) => {
        if (guest.family !== place.family) return false;
        const decided = between(this.#state, place, guest.address);
        return decided.kind === 'listed' || (decided.kind === 'nothing' && decided.why === 'behind-the-hosts-address');
      }),
    );
  }

  #trial(from: Place, to: Place, about: Trial['about'], what: string, packet: Packet, expected: Ranges): Trial {
    return { from: from.name, fromAddress: from.address, to: to.name, address: to.address, about, what, packet, expected };
  }

  *#forwarded(from: Place, to: Place): Generator<Trial> {
    const family = to.family;
    const { otherPort } = this.#places;
    const isHidden = (place: Place) => place.kind === 'guest' && place.zone.masquerade === true;
    // Nobody from the world has a connection to such a guest's own address.
    const isPublished = from.kind === 'world' && isHidden(to);
    if (isPublished && !this.#state.publications.some((each) => each.to.address === to.address)) return;
    const listen = this.#state.publications.find((each) => each.to.address === to.address)?.listen;
    const original = { source: from.value, destination: isPublished && listen !== undefined ? at(listen).value : to.value };
    const connection = (more: Partial<Connection>): Connection => ({
      state: 'established',
      isReply: false,
      mark: this.#mark,
      original,
      replySource: to.value,
      ...more,
    });
    // On its way back to a guest behind it, the host's address is exchanged again before anything is decided.
    const there = (more: Partial<Packet>): Packet => {
      const packet = packetBetween(from, isPublished && listen !== undefined ? at(listen) : to, otherPort, {
        tcpFlags: 16,
        l4: ordinary[family],
        ...more,
      });
      return isPublished ? { ...packet, connection: { ...packet.connection, leadsBackTo: to.value } } : packet;
    };
    const back = (more: Partial<Packet>): Packet => {
      const sender: Place = to.kind === 'world' ? { ...to, device: this.#deviceOf(from) } : to;
      const packet = packetBetween(sender, isHidden(from) && to.kind === 'world' ? hostOutside[family] : from, otherPort, {
        tcpFlags: 16,
        l4: ordinary[family],
        ...more,
      });
      return isHidden(from) && to.kind === 'world' ? { ...packet, connection: { ...packet.connection, leadsBackTo: from.value } } : packet;
    };
    const reply = connection({ isReply: true });
    const all = ordinary[family];
    yield this.#trial(from, to, 'connection', 'a connection that the rules let pass', there({ connection: connection({}) }), all);
    yield this.#trial(to, from, 'connection', 'an answer of a connection that the rules let pass', back({ connection: reply }), all);
    for (const [sender, receiver, packet] of [
      [from, to, there({ l4: redirect[family], connection: connection({}) })],
      [to, from, back({ l4: redirect[family], connection: reply })],
    ] as const)
      yield this.#trial(sender, receiver, 'connection', 'a redirect within a connection', packet, none);
    yield this.#trial(from, to, 'connection', 'more of what the rules let pass', there({ connection: connection({ state: 'new' }) }), all);
    const decided = between(this.#state, from, to.address);
    const allowed = decided.kind === 'listed' ? rangesOfFlows(decided.flows, family) : none;
    if (!isPublished) {
      const stale = intersect(allowed, all);
      for (const mark of this.#earlier)
        yield this.#trial(
          from,
          to,
          'connection',
          'a connection that earlier rules let pass',
          there({ connection: connection({ mark }) }),
          stale,
        );
      const more = { connection: connection({ mark: 0 }), flood: 'connections' as const };
      yield this.#trial(from, to, 'flood', 'a connection that a nic has had before it may have no more', there(more), stale);
    }
    yield this.#trial(
      from,
      to,
      'connection',
      'what belongs to no connection',
      there({ connection: connection({ state: 'invalid' }) }),
      none,
    );
    yield this.#trial(from, to, 'flood', 'more connections than a nic may have', { ...there({}), tcpFlags: 2, flood: 'connections' }, none);
    yield* this.#errors(from, to, there, back, connection);
  }

  /** About a connection, from its ends; about one of earlier rules, and from others, none. */
  *#errors(
    from: Place,
    to: Place,
    there: (more: Partial<Packet>) => Packet,
    back: (more: Partial<Packet>) => Packet,
    connection: (more: Partial<Connection>) => Connection,
  ): Generator<Trial> {
    const family = to.family;
    const l4 = errors[family];
    const asked = family === 4 ? unite([l4, redirect[4]]) : l4;
    const related = (isReply: boolean, mark = this.#mark) => ({ l4: asked, connection: connection({ state: 'related', isReply, mark }) });
    const tell = (sender: Place, receiver: Place, what: string, packet: Packet, expected: Ranges) =>
      this.#trial(sender, receiver, 'error', what, packet, expected);
    yield tell(from, to, 'an error about its connection', there(related(false)), l4);
    yield tell(to, from, 'an error about its connection', back(related(true)), l4);
    for (const mark of this.#earlier) {
      yield tell(from, to, 'an error about a connection of earlier rules', there(related(false, mark)), none);
      yield tell(to, from, 'an error about a connection of earlier rules', back(related(true, mark)), none);
    }
    const device = this.#places.world[0]?.device;
    if (from.kind !== 'guest' || to.kind !== 'guest' || device === undefined) return;
    const far = outside('world', farAway[family], device);
    for (const [receiver, isReply] of [
      [to, false],
      [from, true],
    ] as const) {
      if (receiver.zone.uplink === undefined || receiver.zone.masquerade) continue;
      const packet = packetBetween(far, receiver, this.#places.otherPort, { l4, connection: connection({ state: 'related', isReply }) });
      yield tell(far, receiver, 'an error about a connection between guests', packet, none);
    }
  }

  /** From everybody about connections of everybody else: with somebody in the world and with a guest, and of one of them with each of the world. */
  *#strangers(): Generator<Trial> {
    const { guests } = this.#places;
    for (const family of [4, 6] as const) {
      const ends = guests.filter((guest) => guest.family === family);
      const [world, ...others] = this.#findWorld().filter((place) => place.family === family);
      yield* this.#fromFar(ends);
      for (const stranger of ends) {
        const strangers = ends.filter((end) => end.nic !== stranger.nic);
        for (const end of strangers) {
          const third = world ?? strangers.find((each) => each.nic !== end.nic);
          if (third) yield* this.#aboutOthers(stranger, end, third);
        }
        const [any] = strangers;
        if (any) for (const third of others) yield* this.#aboutOthers(stranger, any, third);
        for (const far of others) yield* this.#aboutOwn(far, far, stranger);
        if (!world) continue;
        for (const router of this.#routersOfLink(world)) yield* this.#aboutOwn(router, world, stranger);
        for (const isReply of [false, true]) {
          const [one, other] = isReply ? [world, stranger] : [stranger, world];
          const original = { source: one.value, destination: other.value };
          const own: Connection = { state: 'related', isReply, mark: this.#mark, original, replySource: other.value };
          const packet = packetBetween(stranger, world, this.#places.otherPort, { l4: errors[family], connection: own });
          yield this.#trial(stranger, world, 'error', 'an error about its connection', packet, errors[family]);
        }
      }
    }
  }

  /** To a guest, as if from the other end of its connection; and to the other end, as if from the guest. */
  *#aboutOthers(stranger: GuestPlace, end: GuestPlace, third: Place): Generator<Trial> {
    for (const isReply of [false, true]) {
      const [one, other] = isReply ? [end, third] : [third, end];
      const about: Connection = {
        state: 'related',
        isReply,
        mark: this.#mark,
        original: { source: one.value, destination: other.value },
        replySource: other.value,
      };
      const packet = (to: Place, connection: Connection) =>
        packetBetween(stranger, to, this.#places.otherPort, { l4: errors[end.family], connection });
      yield this.#trial(stranger, end, 'error', 'an error about a connection of others', packet(end, about), none);
      // On a shared wire it cannot be told whose of them the connection is.
      if (stranger.device === end.device) continue;
      const back = { ...about, isReply: !isReply };
      yield this.#trial(stranger, third, 'error', 'an error about a connection of others', packet(third, back), none);
    }
  }

  /** Routers on the way that have no other address. Of IPv6 nothing of a link is sent on. */
  #routersOfLink({ device }: Place): Place[] {
    const own = new Set(this.#state.zones.flatMap(({ hostAddresses }) => hostAddresses));
    return this.#places.world.filter(
      (place) => typeof place.value === 'number' && place.value >>> 16 === 0xa9fe && place.device === device && !own.has(place.address),
    );
  }

  /** From somewhere in the world, about a connection that the guest has with somebody there. */
  *#aboutOwn(from: Place, far: Place, end: GuestPlace): Generator<Trial> {
    if (end.zone.uplink === undefined || end.zone.masquerade) return;
    const original = { source: end.value, destination: far.value };
    const connection: Connection = { state: 'related', isReply: true, mark: this.#mark, original, replySource: far.value };
    const packet = packetBetween(from, end, this.#places.otherPort, { l4: errors[end.family], connection });
    yield this.#trial(from, end, 'error', 'an error about its connection', packet, errors[end.family]);
  }

  /** Connections that no rules have let begin, whatever their mark says. */
  *#astray(): Generator<Trial> {
    const oneOfEach = new Map(this.#places.guests.map((guest) => [`${guest.zone.name} ${guest.family}`, guest]));
    for (const guest of oneOfEach.values()) {
      for (const listen of new Set(this.#state.publications.map((each) => each.listen))) {
        const listened = outside('host', listen);
        // In IPv6 the uplink leads there, as to anybody's of that wire.
        if (listened.family !== guest.family || guest.family === 6) continue;
        for (const state of ['new', 'established'] as const) {
          const connection: Connection = { state, isReply: false, mark: this.#mark };
          const packet = packetBetween(guest, listened, this.#places.otherPort, { tcpFlags: 16, l4: ordinary[4], connection });
          yield this.#trial(guest, listened, 'connection', 'a connection with an address that is listened on', packet, none);
        }
      }
    }
    const world = this.#findWorld();
    for (const guest of this.#places.guests.filter(({ zone }) => zone.masquerade))
      for (const far of world.filter((place) => place.family === guest.family)) yield* this.#fromBehind(guest, far);
  }

  /** Nobody in the world has begun a connection with such a guest's own address, whatever its flows say. */
  *#fromBehind(guest: GuestPlace, far: Place): Generator<Trial> {
    const original = { source: far.value, destination: guest.value };
    const connection: Connection = { state: 'established', isReply: true, mark: 0, original, replySource: guest.value };
    for (const axis of ['dport', 'sport'] as const) {
      const packet = packetBetween(guest, far, this.#places.otherPort, { tcpFlags: 16, l4: ordinary[guest.family], axis, connection });
      yield this.#trial(guest, far, 'connection', 'an answer from behind the host’s address', packet, none);
    }
  }

  /** Nobody in the world knows of what goes on between guests. */
  *#fromFar(ends: readonly GuestPlace[]): Generator<Trial> {
    const receiver = ends.find(({ zone }) => zone.uplink !== undefined && !zone.masquerade);
    const device = this.#places.world[0]?.device;
    if (!receiver || device === undefined) return;
    const { family } = receiver;
    const far = outside('world', farAway[family], device);
    const elsewhere = this.#findWorld().find((place) => place.family === family && place.value !== far.value);
    if (elsewhere) {
      const connection: Connection = { state: 'established', isReply: false, mark: this.#mark };
      const packet = packetBetween(far, elsewhere, this.#places.otherPort, { l4: ordinary[family], tcpFlags: 16, connection });
      yield this.#trial(far, elsewhere, 'connection', 'a connection from outside to outside', packet, none);
    }
    for (const end of ends) {
      if (end.nic === receiver.nic) continue;
      for (const isReply of [false, true]) {
        const [one, other] = isReply ? [receiver, end] : [end, receiver];
        const original = { source: one.value, destination: other.value };
        const about: Connection = { state: 'related', isReply, mark: this.#mark, original, replySource: other.value };
        const packet = packetBetween(far, receiver, this.#places.otherPort, { l4: errors[family], connection: about });
        yield this.#trial(far, receiver, 'error', `an error about a connection with ${end.name}`, packet, none);
      }
    }
  }

  *#withHost(from: GuestPlace, to: Place): Generator<Trial> {
    const family = to.family;
    const { otherPort } = this.#places;
    const ofLeases = unite([leases[4], leases[6]]);
    const all = subtract(ordinary[family], ofLeases);
    const packet = packetBetween(from, to, otherPort, { tcpFlags: 16, l4: all });
    const ends = { original: { source: from.value, destination: to.value }, replySource: to.value };
    const host = { original: { source: to.value, destination: from.value }, replySource: from.value };
    const said = (what: string, connection: Partial<Connection>, expected: Ranges, more: Partial<Packet> = {}) =>
      this.#trial(
        from,
        to,
        'connection',
        what,
        { ...packet, connection: { state: 'established', isReply: false, mark: this.#mark, ...connection }, ...more },
        expected,
      );
    const decided = between(this.#state, from, to.address);
    const allowed = decided.kind === 'listed' ? rangesOfFlows(decided.flows, family) : none;
    const names = [6 * 65_536 + 53, 6 * 65_536 + 53, 17 * 65_536 + 53, 17 * 65_536 + 53];
    const stale = intersect(unite([allowed, names]), all);
    yield said('a connection that the rules let pass', ends, all);
    yield said('an answer to the host', { ...host, isReply: true, mark: 0 }, all);
    yield said('an answer to who hands out leases', { ...host, isReply: true, mark: 0 }, none, { l4: ofLeases });
    for (const mark of this.#earlier) yield said('a connection that earlier rules let pass', { ...ends, mark }, stale);
    yield said('a connection that a nic has had before it may have no more', { ...ends, mark: 0 }, stale, { flood: 'connections' });
    yield { ...said('what belongs to no connection', { state: 'invalid' }, stale), atMost: true };
    yield said('more questions than are let through', { state: 'new', mark: 0 }, intersect(subtract(allowed, names), all), {
      flood: 'questions',
      tcpFlags: 2,
    });
    const asks = family === 4 ? ofTypes(1, 8, 8) : ofTypes(58, 128, 128);
    yield said('more echoes than are let through', { ...ends, state: 'new' }, none, { flood: 'questions', l4: asks });
    yield said('more connections than a nic may have', { state: 'new', mark: 0 }, none, { flood: 'connections', tcpFlags: 2 });
    const l4 = errors[family];
    yield said('an error about its connection', { ...host, state: 'related', isReply: true }, l4, { l4 });
    yield said('an error about its connection', { ...ends, state: 'related' }, l4, { l4 });
    yield said('an error about its connection', { ...ends, state: 'related', mark: 0 }, l4, { l4 });
    const stranger = this.#places.guests.find((guest) => guest.family === family && guest.nic !== from.nic);
    if (!stranger) return;
    const other = { original: { source: to.value, destination: stranger.value }, replySource: stranger.value };
    yield said('an error about a connection of others', { ...other, state: 'related', isReply: true }, none, { l4 });
    yield said('an error about a connection of others', { ...other, state: 'related', isReply: false }, none, { l4 });
  }

  #deviceOf(place: Place): string {
    const uplink = place.kind === 'guest' ? place.zone.uplink : undefined;
    return this.#places.world.find(({ device }) => uplink === undefined || device?.startsWith(uplink.interface))?.device ?? '';
  }
}

const farAway = { 4: '198.18.0.7', 6: '2001:db8:ffff::7' };
