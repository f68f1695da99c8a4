// Flows as they are shown, and questions about them: what decides between two ends, and who can reach a guest. The site's flows answer, and
// beside them the rules in force, read back from the kernel.
import { CaissonError } from '../lib/errors.ts';
import { canonicalAddress, cidrContains, familyOf, parseCidr } from '../model/address.ts';
import type { FlowExplanation, FlowView, FlowVisitor, WayDecision } from '../model/flow-view.ts';
import { parseFlowEnd } from '../model/flow.ts';
import { parseFlowService } from '../model/flow-service.ts';
import type { GuestRecord } from '../model/guest-status.ts';
import type { NetworkService, NetworkState } from '../model/network-state.ts';
import { quote } from '../model/quote.ts';
import { usualWorldAddress } from '../plan/check-expectation.ts';
import { explainWay } from '../plan/explain-way.ts';
import { findVisitors } from '../plan/flow-visitors.ts';
import type { End } from '../plan/reachability.ts';
import { WayDecider } from '../plan/rules/decide-way.ts';
import { planProbe } from '../plan/zone-probe.ts';
import type { NetworkReconciler } from './network.ts';
import type { SiteStore } from './site-store.ts';

/** Who somebody in a question stands for, by address. */
interface Named {
  name: string;
  ends: End[];
  /** Nobody is there: a guest that could be. */
  isImagined?: true;
}

/** For a guest that does not exist: no other has it. */
const imagined = { uid: 'gzzzzzzzzzzz', mac: '52:54:00:ff:ff:ff' };
const families = [4, 6] as const;

export class FlowService {
  readonly #site: SiteStore;
  readonly #network: NetworkReconciler;

  constructor(options: { site: SiteStore; network: NetworkReconciler }) {
    this.#site = options.site;
    this.#network = options.network;
  }

  list(): FlowView[] {
    return this.#site.flows.map(({ from, to, allow, rate, log, comment }) => ({
      from,
      to,
      allow,
      ...(rate !== undefined && { rate }),
      ...(log !== undefined && { log }),
      ...(comment !== undefined && { comment }),
      sources: this.#guestsAt(from),
      targets: this.#guestsAt(to),
    }));
  }

  /** Throws `invalid` for what is no port, `not-found` for who is not here. */
  async explain({ from, to, port }: { from: string; to: string; port: string }): Promise<FlowExplanation> {
    const service = readService(port);
    const { state: applied, rules } = await this.#network.readRules();
    const {
      state,
      named: [source, target],
    } = this.#resolve(applied, from, to);
    const decider = 'none' in rules ? undefined : new WayDecider(rules.json, applied);
    const isReal = !source.isImagined && !target.isImagined;
    const ways = pairs(source, target, state).map(([sender, receiver]): WayDecision => {
      const question = { from: sender, fromName: source.name, to: receiver.address, toName: target.name, service, port };
      const explained = explainWay(state, question);
      const decided = isReal ? decider?.decide(sender, receiver.address, service) : undefined;
      return { fromAddress: sender.address, toAddress: receiver.address, ...explained, ...(decided && { rules: decided }) };
    });
    if (ways.length === 0) throw new CaissonError('invalid', `${source.name} and ${target.name} have no address of one family`);
    const withoutRules = 'none' in rules ? rules.none : isReal ? undefined : 'no guest of the zone is meant, so the kernel knows none';
    return {
      from: source.name,
      to: target.name,
      port,
      ways,
      differs: ways.some((way) => way.rules !== undefined && way.rules.decided !== way.decided),
      ...(withoutRules !== undefined && { withoutRules }),
    };
  }

  /** Throws `not-found`. */
  visitors(guest: string): FlowVisitor[] {
    const { uid } = this.#site.guest(guest);
    return findVisitors(this.#network.wanted(), uid);
  }

  #guestsAt(text: string): string[] {
    const end = parseFlowEnd(text);
    const isThere = ({ name, spec, addresses }: GuestRecord): boolean => {
      switch (end?.kind) {
        case 'all':
          return true;
        case 'guest':
          return end.name === name;
        case 'zone':
          return spec.nics.some(({ zone }) => zone === end.name);
        case 'label':
          return spec.labels[end.key] === end.value;
        case 'range': {
          const cidr = parseCidr(end.cidr);
          return cidr !== undefined && addresses.flat().some((address) => cidrContains(cidr, address));
        }
        default:
          return false;
      }
    };
    return [...this.#site.guests.values()]
      .filter(isThere)
      .map(({ name }) => name)
      .toSorted();
  }

  /** A zone stands for a guest there that no flow names: it is imagined, beside those that are. */
  #resolve(applied: NetworkState, from: string, to: string): { state: NetworkState; named: [Named, Named] } {
    let state = applied;
    const named = [from, to].map((text, side): Named => {
      const [one, more] = this.#read(state, text, side === 0);
      state = more;
      return one;
    });
    return { state, named: named as [Named, Named] };
  }

  #read(state: NetworkState, text: string, isSource: boolean): [Named, NetworkState] {
    const address = canonicalAddress(text);
    if (address !== undefined) return [{ name: text, ends: [endAt(state, address)] }, state];
    if (text === 'world')
      return [{ name: 'world', ends: families.map((family) => ({ kind: 'world', address: usualWorldAddress(state, family) })) }, state];
    if (text === 'host') return [{ name: 'host', ends: hostEnds(state) }, state];
    const name = text.replace(/^guest:/, '');
    const nics = text.startsWith('zone:') ? [] : state.nics.filter((nic) => nic.guestName === name);
    if (nics.length > 0)
      return [{ name, ends: nics.flatMap((nic) => nic.addresses.map((own): End => ({ kind: 'guest', address: own }))) }, state];
    const zone = state.zones.find((each) => each.name === text.replace(/^zone:/, ''));
    if (!zone) {
      const what = isSource ? 'from' : 'to';
      throw new CaissonError(
        'not-found',
        `${quote(text)} (${what}) is no guest, zone, address, world or host here; “caisson guest list” and “caisson zone list” show all`,
      );
    }
    const probe = planProbe(state, zone, { ...imagined, uid: `${imagined.uid.slice(0, -1)}${isSource ? 'y' : 'z'}` }, new Set());
    if (!probe) throw new CaissonError('not-allowed', `zone ${zone.name} has no free address: name a guest of it instead`);
    const nic = { ...probe.nic, guestName: `zone:${zone.name}` };
    const ends = nic.addresses.map((own): End => ({ kind: 'guest', address: own }));
    return [
      { name: `zone:${zone.name}`, ends, isImagined: true },
      { ...state, nics: [...state.nics, nic] },
    ];
  }
}

function readService(port: string): NetworkService {
  const service = parseFlowService(port);
  const isOne = service && (!('ports' in service) || service.ports.from === service.ports.to);
  if (service && isOne) return service;
  throw new CaissonError(
    'invalid',
    `${quote(port)} is no port: expected is one, such as tcp/80 or udp/53, or icmp, icmp/time-exceeded, protocol/47`,
  );
}

function endAt(state: NetworkState, address: string): End {
  if (state.nics.some((nic) => nic.addresses.includes(address))) return { kind: 'guest', address };
  return { kind: hostEnds(state).some((end) => end.address === address) ? 'host' : 'world', address };
}

function hostEnds({ zones }: NetworkState): End[] {
  const addresses = zones.flatMap((zone) => [...zone.hostAddresses, ...(zone.uplink && !zone.masquerade ? [] : zone.gateways)]);
  return [...new Set(addresses)].map((address): End => ({ kind: 'host', address }));
}

/** Of one family; of the host the address that it has in the guest's zone, of the world what is published too. */
function pairs(source: Named, target: Named, state: NetworkState): [End, End][] {
  const published = (end: End): End[] =>
    source.name === 'world'
      ? state.publications.filter(({ to }) => to.address === end.address).map(({ listen }): End => ({ kind: 'world', address: listen }))
      : [];
  const found = source.ends.flatMap((from) =>
    target.ends
      .flatMap((to) => [to, ...published(to)])
      .filter((to) => familyOf(to.address) === familyOf(from.address) && to.address !== from.address)
      .map((to): [End, End] => [from, to]),
  );
  if (source.name !== 'host' && target.name !== 'host') return found;
  const zonesOf = (address: string) =>
    state.zones.filter(
      ({ subnets, name }) =>
        state.nics.some((nic) => nic.zone === name && nic.addresses.includes(address)) || subnets.some((subnet) => isIn(subnet, address)),
    );
  const isBeside = (guest: string, host: string) => zonesOf(guest).some(({ hostAddresses }) => hostAddresses.includes(host));
  const beside = found.filter(([from, to]) =>
    target.name === 'host' ? isBeside(from.address, to.address) : isBeside(to.address, from.address),
  );
  return beside.length > 0 ? beside : found.slice(0, 2);
}

function isIn(subnet: string, address: string): boolean {
  const cidr = parseCidr(subnet);
  return cidr !== undefined && cidrContains(cidr, address);
}
