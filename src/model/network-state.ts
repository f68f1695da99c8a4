// The guests' network of one host as a value: everything that the rules, addresses and names are rendered from.
// Made from the site by `plan/network-plan.ts`; the network driver applies it whole.

export interface NetworkZone {
  name: string;
  /** Small number, 0 … 4095, kept for the zone's life; names its interface. */
  index: number;
  /** Canonical CIDR texts, IPv4 and IPv6. */
  subnets: string[];
  /** What guests use as their router, one for each family that the zone has. */
  gateways: string[];
  /** The host answers to these (`gateways` unless an uplink's router has them): DHCP, names. */
  hostAddresses: string[];
  uplink?: NetworkUplink;
  /** Guests leave by the uplink with the host's address there; nobody enters but by a publication. */
  masquerade?: true;
  /** The guests share one wire, a bridge of the host: weaker than a nic of one's own. */
  bridged?: true;
}

export interface NetworkUplink {
  /** The interface itself, or below a VLAN. */
  interface: string;
  /** 1 … 4094. */
  vlan?: number;
  gateway?: string;
  gateway6?: string;
}

/** The interface that an uplink's packets come and go by: `eth1`, or `eth1.20` for its VLAN 20. */
export function uplinkDevice({ interface: name, vlan }: Pick<NetworkUplink, 'interface' | 'vlan'>): string {
  return vlan === undefined ? name : `${name}.${vlan}`;
}

export interface NetworkNic {
  /** The guest's uid. */
  guest: string;
  /** The guest's name, for DNS (`web.external.lab`). */
  guestName: string;
  zone: string;
  tap: string;
  mac: string;
  /** Without prefix length; the first of each family is the primary. */
  addresses: string[];
  /** Another nic is the guest's way to everywhere else in IPv4: DHCP names no router here. */
  aside?: true;
}

/** One end of a rule: address ranges in canonical CIDR; `host` is the host itself; `world` whatever lies beyond the uplinks. */
export type NetworkEnd = { kind: 'addresses'; cidrs: string[] } | { kind: 'host' } | { kind: 'world' };

export type NetworkService =
  /** Inclusive. */
  | { protocol: 'tcp' | 'udp'; ports: { from: number; to: number } }
  /** Without types: asking for an echo. Null: no such type in that family. */
  | { protocol: 'icmp'; types?: { v4: number | null; v6: number | null } }
  /** An IP protocol by its number. */
  | { protocol: 'other'; number: number };

export interface NetworkFlow {
  from: NetworkEnd;
  to: NetworkEnd;
  services: NetworkService[];
  /** The flow as the site file has it, for explanations and comments. */
  text: string;
  /** New connections of the flow, all of them together. */
  rate?: { count: number; per: 'second' | 'minute' | 'hour' };
  /** New connections are written to the kernel's log. */
  log?: true;
}

/** Ports of an address on an uplink, led to as many of a guest's: a permission of its own, for who comes by that address only. */
export interface NetworkPublication {
  protocol: 'tcp' | 'udp';
  listen: string;
  /** Inclusive. */
  ports: { from: number; to: number };
  /** `port`: the first of them. */
  to: { address: string; port: number };
  /** Canonical CIDRs; empty: the world. */
  from: string[];
  /** The uplink's device, see `uplinkDevice`. */
  uplink: string;
  /** As the site file has it, for explanations and comments. */
  text: string;
}

export interface NetworkState {
  site: string;
  zones: NetworkZone[];
  nics: NetworkNic[];
  flows: NetworkFlow[];
  publications: NetworkPublication[];
}
