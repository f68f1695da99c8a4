// The site and its guests → the guests' network as one value. Pure.
import { addressFromBigInt, addressToBigInt, familyOf, parseCidr, type Cidr } from '../model/address.ts';
import { describeFlow, parseFlowEnd, parseRate, type Flow } from '../model/flow.ts';
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

export function planNetwork(input: NetworkInput): NetworkState {
  return {
    site: input.site,
    zones: [...input.zones].map(([name, { index, zone }]) => networkZone(name, index, zone)),
    nics: input.guests.flatMap((guest) => networkNics(guest)),
    flows: input.flows.flatMap((flow) => networkFlow(flow, input)),
    publications: [...input.zones].flatMap(([name, { zone }]) => publications(name, zone, input.guests)),
  };
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

function networkFlow(flow: Flow, input: NetworkInput): NetworkFlow[] {
  const from = networkEnd(flow.from, input);
  const to = networkEnd(flow.to, input);
  if (!from || !to) return [];
  const rate = flow.rate === undefined ? undefined : parseRate(flow.rate);
  return [
    {
      from,
      to,
      services: flow.allow.flatMap((text) => parseFlowService(text) ?? []),
      text: describeFlow(flow),
      ...(rate ? { rate } : {}),
      ...(flow.log ? { log: true } : {}),
    },
  ];
}

/** Undefined when it stands for nobody: a flow to nobody allows nothing. */
function networkEnd(text: string, input: NetworkInput): NetworkEnd | undefined {
  const end = parseFlowEnd(text);
  if (!end) return undefined;
  if (end.kind === 'world' || end.kind === 'host') return { kind: end.kind };
  if (end.kind === 'range') return { kind: 'addresses', cidrs: [end.cidr] };
  // A zone as a whole is its subnets, in which a range means guests only: one element instead of one for each guest.
  if (end.kind === 'zone' || end.kind === 'all') {
    const inhabited = new Set(input.guests.flatMap(({ spec }) => spec.nics.map(({ zone }) => zone)));
    const cidrs = [...input.zones]
      .filter(([name]) => inhabited.has(name) && (end.kind === 'all' || name === end.name))
      .flatMap(([, { zone }]) => zone.subnets);
    return cidrs.length > 0 ? { kind: 'addresses', cidrs } : undefined;
  }
  const guests = input.guests.filter((guest) =>
    end.kind === 'guest' ? guest.name === end.name : guest.spec.labels[end.key] === end.value,
  );
  const cidrs = guests.flatMap(({ addresses }) => addresses.flat().map((address) => `${address}/${familyOf(address) === 4 ? 32 : 128}`));
  return cidrs.length > 0 ? { kind: 'addresses', cidrs } : undefined;
}
