// The site and its guests → the guests' network as one value. Pure.
import { addressFromBigInt, addressToBigInt, cidrContains, familyOf, parseCidr, type Cidr } from '../model/address.ts';
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
import { tapName } from './machine.ts';

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
function publications(name: string, { subnets, uplink, publish = [] }: Zone, guests: readonly GuestRecord[]): NetworkPublication[] {
  const cidrs = subnets.map((text) => parseCidr(text) as Cidr);
  return publish.flatMap((publication) => {
    const { listen, to, protocol, from = [] } = publication;
    const [listened, target] = [parseListen(listen), parsePublished(to)];
    const guest = guests.find((record) => record.name === target?.guest && record.spec.zone === name);
    const address = guest?.addresses.find(
      (own) => listened && familyOf(own) === familyOf(listened.address) && cidrs.some((cidr) => cidrContains(cidr, own)),
    );
    if (!uplink || !listened || !target || address === undefined) return [];
    return [
      {
        protocol,
        listen: listened.address,
        port: listened.port,
        to: { address, port: target.port },
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
  return guest.hardware.macs.map((mac, index) => ({
    guest: guest.uid,
    guestName: guest.name,
    zone: guest.spec.zone,
    tap: tapName(guest.uid, index),
    mac,
    addresses: guest.addresses,
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
    const inhabited = new Set(input.guests.map((guest) => guest.spec.zone));
    const cidrs = [...input.zones]
      .filter(([name]) => inhabited.has(name) && (end.kind === 'all' || name === end.name))
      .flatMap(([, { zone }]) => zone.subnets);
    return cidrs.length > 0 ? { kind: 'addresses', cidrs } : undefined;
  }
  const guests = input.guests.filter((guest) =>
    end.kind === 'guest' ? guest.name === end.name : guest.spec.labels[end.key] === end.value,
  );
  const cidrs = guests.flatMap((guest) => guest.addresses.map((address) => `${address}/${familyOf(address) === 4 ? 32 : 128}`));
  return cidrs.length > 0 ? { kind: 'addresses', cidrs } : undefined;
}

/** What the guest's seed says about its nic: every address fixed, the host's router and name server. */
export function seedNics(record: Pick<GuestRecord, 'hardware' | 'addresses'>, zone: NetworkZone, siteName: string): SeedNicPlan[] {
  const cidrs = zone.subnets.map((text) => parseCidr(text) as Cidr);
  const addresses = record.addresses.map((address) => {
    // An IPv6 address stands alone: with its prefix the guest would look for its neighbours on a wire that is not there.
    if (familyOf(address) === 6) return `${address}/128`;
    const cidr = cidrs.find((candidate) => cidrContains(candidate, address));
    return `${address}/${cidr?.prefixLength ?? 32}`;
  });
  const hasFamily = (family: 4 | 6) => record.addresses.some((address) => familyOf(address) === family);
  const routes = zone.gateways
    .filter((gateway) => hasFamily(familyOf(gateway)))
    .map((via) => ({ to: familyOf(via) === 4 ? '0.0.0.0/0' : '::/0', via, onLink: true }));
  return record.hardware.macs.slice(0, 1).map((mac) => ({
    mac,
    dhcp4: false,
    acceptRa: false,
    addresses,
    routes,
    nameServers: zone.hostAddresses.filter((address) => hasFamily(familyOf(address))),
    searchDomains: [`${zone.name}.${siteName}`],
  }));
}

interface SeedNicPlan {
  mac: string;
  dhcp4: boolean;
  acceptRa: boolean;
  addresses: string[];
  routes: { to: string; via: string; onLink: boolean }[];
  nameServers: string[];
  searchDomains: string[];
}
