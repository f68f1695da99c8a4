// What the rules in force do with one new connection between two addresses.
import { familyOf } from '../../model/address.ts';
import type { NetworkService, NetworkState } from '../../model/network-state.ts';
import { uplinkDevice } from '../../model/network-state.ts';
import type { End } from '../reachability.ts';
import { describeRule } from './describe-rule.ts';
import { Evaluator } from './evaluator.ts';
import { icmpStates, rangeOfService } from './expected.ts';
import { intersect } from './l4-ranges.ts';
import type { Outcome, Packet } from './packet.ts';
import { type Place, at, findPlaces, outside, packetBetween } from './places.ts';
import { Routes } from './routes.ts';
import { readRuleset } from './ruleset.ts';

export interface DecidedWay {
  decided: 'open' | 'refused' | 'undecided';
  rule?: string;
  why: string;
}

/** Pure; reads rules once for many questions. Throws `invalid` for what nft does not say. */
export class WayDecider {
  readonly #state: NetworkState;
  readonly #evaluator: Evaluator;
  readonly #places: ReturnType<typeof findPlaces>;

  constructor(json: string, state: NetworkState) {
    this.#state = state;
    this.#evaluator = new Evaluator(readRuleset(json), new Routes(state));
    this.#places = findPlaces(state, []);
  }

  /** Undefined where nobody is there to send it. */
  decide(from: End, to: string, service: NetworkService): DecidedWay | undefined {
    const sender = this.#placeOf(from);
    if (!sender) return undefined;
    const outcomes = this.#evaluator.evaluate(this.#packet(sender, to, service));
    const refused = outcomes.find(({ end }) => end.is === 'refused');
    const undecided = outcomes.find(({ end }) => end.is === 'undecided');
    const delivered = outcomes.find(({ end }) => end.is === 'delivered');
    const decisive = undecided ?? refused ?? delivered;
    return decisive && describeOutcome(decisive);
  }

  #placeOf({ kind, address }: End): Place | undefined {
    if (kind === 'guest') return this.#places.guests.find((guest) => guest.address === address);
    if (kind === 'host') return outside('host', address);
    const uplink = this.#state.zones.find((zone) => zone.uplink)?.uplink;
    return uplink && outside('world', address, uplinkDevice(uplink));
  }

  #packet(from: Place, to: string, service: NetworkService): Packet {
    const family = familyOf(to);
    const l4 = rangeOfService(service, family);
    const target = this.#places.guests.find((guest) => guest.address === to);
    const isWire = from.kind === 'guest' && from.zone.bridged === true && target?.device === from.device;
    const packet = packetBetween(from, at(to), this.#places.otherPort, { l4, ...(isWire && target && { toPort: target.nic.tap }) });
    const isStray = intersect(l4, icmpStates(family).invalid).length > 0;
    return isStray ? { ...packet, connection: { ...packet.connection, state: 'invalid' } } : packet;
  }
}

function describeOutcome({ branch, end }: Outcome): DecidedWay {
  switch (end.is) {
    case 'delivered': {
      const rule = branch.trail?.rule;
      return { decided: 'open', ...(rule && { rule: describeRule(rule) }), why: rule ? 'a rule lets it pass' : 'no rule refuses it' };
    }
    case 'refused': {
      const how = end.how === 'reject' ? 'a rule answers that it is prohibited' : 'a rule drops it in silence';
      return { decided: 'refused', ...(end.rule && { rule: describeRule(end.rule) }), why: end.rule ? how : end.why };
    }
    case 'undecided':
      return { decided: 'undecided', ...(end.rule && { rule: describeRule(end.rule) }), why: end.why };
  }
}
