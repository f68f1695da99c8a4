// The site and its guests → the guests' network as one value.
import { remembered } from '../lib/remembered.ts';
import { addressFromBigInt, addressToBigInt, familyOf, parseCidr, type Cidr } from '../model/address.ts';
import { type Flow, type FlowEnd, describeFlow, parseFlowEnd, parseRate } from '../model/flow.ts';
import { parseFlowService } from '../model/flow-service.ts';
import type { GuestRecord } from '../model/guest-status.ts';
import {
  type NetworkEnd,
  type NetworkFlow,
  type NetworkNic,
  type NetworkPublication,
  type NetworkState,
  type NetworkUplink,
  type NetworkZone,
  uplinkDevice,
} from '../model/network-state.ts';
import { describePublication, parseListen, parsePublished } from '../model/publication.ts';
import { type Zone, zoneAddressesOfHost } from '../model/zone.ts';
import { guestNics } from './machine.ts';

/** The router that guests use for IPv6: link-local, the same on every nic. */
const linkLocalRouter = 'fe80::1';

export interface NetworkInput {
  site: string;
  zones: ReadonlyMap<string, { index: number; zone: Zone }>;
  flows: readonly Flow[];
  guests: readonly GuestRecord[];
}

/** Pure. */
export function planNetwork(input: NetworkInput): NetworkState {
  return new NetworkPlanner().plan(input);
}

/**
 * Plans the same site again and again. A nic or a flow that is as it was the last time is the same object then, by which others know what
 * they need not read again.
 */
export class NetworkPlanner {
  #nics = new Map<GuestRecord, NetworkNic[]>();
  #flows: PlannedFlow[] = [];
  #ends = new Map<string, NetworkEnd | undefined>();

  plan(input: NetworkInput): NetworkState {
    return {
      site: input.site,
      zones: [...input.zones].map(([name, { index, zone }]) => networkZone(name, index, zone)),
      nics: this.#planNics(input.guests),
      flows: this.#planFlows(input),
      publications: [...input.zones].flatMap(([name, { zone }]) => publications(name, zone, input.guests)),
    };
  }

  #planNics(guests: readonly GuestRecord[]): NetworkNic[] {
    const before = this.#nics;
    this.#nics = new Map(guests.map((guest) => [guest, before.get(guest) ?? networkNics(guest)]));
    return [...this.#nics.values()].flat();
  }

  #planFlows(input: NetworkInput): NetworkFlow[] {
    const members = new Members(input);
    const [known, ends] = [this.#ends, new Map<string, NetworkEnd | undefined>()];
    const endOf = (text: string): NetworkEnd | undefined => {
      const found = ends.get(text);
      if (found !== undefined || ends.has(text)) return found;
      const end = sameEnd(known.get(text), members.endOf(text));
      ends.set(text, end);
      return end;
    };
    const before = new Earlier(this.#flows);
    this.#flows = [];
    this.#ends = ends;
    for (const flow of input.flows) {
      const [from, to] = [endOf(flow.from), endOf(flow.to)];
      if (!from || !to) continue;
      const found = before.find(flow);
      const isSame = found !== undefined && found.planned.from === from && found.planned.to === to;
      const planned = isSame ? found.planned : networkFlow(flow, from, to);
      this.#flows.push(isSame && found.flow === flow ? found : { flow, planned });
    }
    return this.#flows.map(({ planned }) => planned);
  }
}

interface PlannedFlow {
  flow: Flow;
  planned: NetworkFlow;
}

/** The flows of the last time. Nearly all of them are asked for again, and in the same order. */
class Earlier {
  readonly #flows: readonly PlannedFlow[];
  #next = 0;
  #misses = 0;
  #byText: Map<string, PlannedFlow> | undefined;

  constructor(flows: readonly PlannedFlow[]) {
    this.#flows = flows;
  }

  /** One that is not found is planned again: that costs little for a few. */
  find(flow: Flow): PlannedFlow | undefined {
    const most = Math.min(this.#next + fewFlows, this.#flows.length);
    for (let at = this.#next; at < most; at++) {
      const each = this.#flows[at] as PlannedFlow;
      if (each.flow !== flow) continue;
      this.#next = at + 1;
      return each;
    }
    // The site's file may have been read again: a flow is what it says.
    const next = this.#flows[this.#next];
    if (next && JSON.stringify(next.flow) === JSON.stringify(flow)) {
      this.#next++;
      return next;
    }
    if (this.#misses++ < fewFlows) return undefined;
    this.#byText ??= new Map(this.#flows.map((each) => [JSON.stringify(each.flow), each]));
    return this.#byText.get(JSON.stringify(flow));
  }
}

const fewFlows = 64;

/** The end before where it says the same. */
function sameEnd(before: NetworkEnd | undefined, now: NetworkEnd | undefined): NetworkEnd | undefined {
  if (before?.kind !== now?.kind) return now;
  if (before?.kind !== 'addresses' || now?.kind !== 'addresses') return before;
  return before.cidrs.length === now.cidrs.length && before.cidrs.every((cidr, at) => cidr === now.cidrs[at]) ? before : now;
}

function networkZone(name: string, index: number, zone: Zone): NetworkZone {
  const cidrs = zone.subnets.map((text) => parseCidr(text) as Cidr);
  const routers = zoneAddressesOfHost(zone);
  const hasIpv6 = cidrs.some((cidr) => cidr.family === 6);
  const gateways = [...routers.filter((address) => familyOf(address) === 4), ...(hasIpv6 ? [linkLocalRouter] : [])];
  const isOnUplink = zone.uplink !== undefined && !zone.masquerade;
  return {
    name,
    index,
    subnets: zone.subnets,
    gateways,
    hostAddresses: isOnUplink ? cidrs.map((cidr) => hostAddressBesideRouter(cidr, index)) : routers,
    ...(zone.uplink ? { uplink: networkUplink(zone.uplink) } : {}),
    ...(zone.masquerade ? { masquerade: true } : {}),
    ...(zone.bridged ? { bridged: true } : {}),
  };
}

function networkUplink({ interface: name, vlan, gateway, gateway6 }: NonNullable<Zone['uplink']>): NetworkUplink {
  return {
    interface: name,
    ...(vlan === undefined ? {} : { vlan }),
    ...(gateway === undefined ? {} : { gateway }),
    ...(gateway6 === undefined ? {} : { gateway6 }),
  };
}

/** Those that lead to a guest that is there; the first address of the family in the zone is meant. */
function publications(name: string, { uplink, publish = [] }: Zone, guests: readonly GuestRecord[]): NetworkPublication[] {
  return publish.flatMap((publication) => {
    const { listen, to, protocol, from = [] } = publication;
    const [listened, target] = [parseListen(listen), parsePublished(to)];
    const guest = guests.find((record) => record.name === target?.guest);
    const nic = guest && guestNics(guest).find(({ zone }) => zone === name);
    const address = nic?.addresses.find((own) => listened && familyOf(own) === familyOf(listened.address));
    if (!uplink || !listened || !target || address === undefined) return [];
    return [
      {
        protocol,
        listen: listened.address,
        ports: listened.ports,
        to: { address, port: target.ports.from },
        from,
        uplink: uplinkDevice(networkUplink(uplink)),
        text: describePublication(publication),
      },
    ];
  });
}

/** Where the institution's router owns the usual address, the host serves DHCP and names at one that collides with nobody's. */
function hostAddressBesideRouter(cidr: Cidr, index: number): string {
  return cidr.family === 4 ? `169.254.${64 + (index >> 8)}.${index & 255}` : addressFromBigInt(6, addressToBigInt(cidr.base) + 0xca150005n);
}

function networkNics(guest: GuestRecord): NetworkNic[] {
  const nics = guestNics(guest);
  const first = nics.findIndex(({ addresses }) => addresses.some((address) => familyOf(address) === 4));
  return nics.map(({ zone, tap, mac, addresses }, index) => ({
    guest: guest.uid,
    guestName: guest.name,
    zone,
    tap,
    mac,
    addresses: [...addresses],
    ...(index > first && first !== -1 ? { aside: true } : {}),
  }));
}

function networkFlow(flow: Flow, from: NetworkEnd, to: NetworkEnd): NetworkFlow {
  const rate = flow.rate === undefined ? undefined : parseRate(flow.rate);
  return {
    from,
    to,
    services: flow.allow.flatMap((text) => parseFlowService(text) ?? []),
    text: describeFlow(flow),
    ...(rate ? { rate } : {}),
    ...(flow.log ? { log: true } : {}),
  };
}

/** Whom the words of flows mean. */
class Members {
  readonly #zones: NetworkInput['zones'];
  readonly #inhabited: ReadonlySet<string>;
  readonly #named: ReadonlyMap<string, GuestRecord[]>;
  readonly #labelled: ReadonlyMap<string, GuestRecord[]>;

  constructor({ zones, guests }: NetworkInput) {
    this.#zones = zones;
    this.#inhabited = new Set(guests.flatMap(({ spec }) => spec.nics.map(({ zone }) => zone)));
    this.#named = Map.groupBy(guests, ({ name }) => name);
    const labelled = new Map<string, GuestRecord[]>();
    for (const guest of guests) {
      for (const [key, value] of Object.entries(guest.spec.labels)) {
        const list = labelled.get(`${key}=${value}`);
        if (list) list.push(guest);
        else labelled.set(`${key}=${value}`, [guest]);
      }
    }
    this.#labelled = labelled;
  }

  /** Undefined when it stands for nobody: a flow to nobody allows nothing. */
  endOf(text: string): NetworkEnd | undefined {
    const end = readEnd(text);
    if (!end) return undefined;
    if (end.kind === 'world' || end.kind === 'host') return { kind: end.kind };
    const cidrs = this.#cidrsOf(end);
    return cidrs.length > 0 ? { kind: 'addresses', cidrs } : undefined;
  }

  #cidrsOf(end: Exclude<FlowEnd, { kind: 'world' | 'host' }>): string[] {
    switch (end.kind) {
      case 'range':
        return [end.cidr];
      // A zone as a whole is its subnets, in which a range means guests only: one element instead of one for each guest.
      case 'zone':
      case 'all':
        return [...this.#zones]
          .filter(([name]) => this.#inhabited.has(name) && (end.kind === 'all' || name === end.name))
          .flatMap(([, { zone }]) => zone.subnets);
      case 'guest':
        return cidrsOf(this.#named.get(end.name));
      case 'label':
        return cidrsOf(this.#labelled.get(`${end.key}=${end.value}`));
    }
  }
}

const readEnd = remembered(10_000, parseFlowEnd);

function cidrsOf(guests: readonly GuestRecord[] = []): string[] {
  return guests.flatMap(({ addresses }) => addresses.flat().map((address) => `${address}/${familyOf(address) === 4 ? 32 : 128}`));
}
