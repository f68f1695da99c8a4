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
  uplink?: { interface: string; gateway?: string; gateway6?: string };
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
}

/** One end of a rule: address ranges in canonical CIDR; `host` is the host itself; `world` whatever lies beyond the uplinks. */
export type NetworkEnd = { kind: 'addresses'; cidrs: string[] } | { kind: 'host' } | { kind: 'world' };

export interface NetworkService {
  protocol: 'tcp' | 'udp' | 'icmp';
  /** Inclusive; absent for icmp. */
  ports?: { from: number; to: number };
}

export interface NetworkFlow {
  from: NetworkEnd;
  to: NetworkEnd;
  services: NetworkService[];
  /** The flow as the site file has it, for explanations and comments. */
  text: string;
}

export interface NetworkState {
  site: string;
  zones: NetworkZone[];
  nics: NetworkNic[];
  flows: NetworkFlow[];
}
