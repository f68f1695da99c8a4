// What the network driver asks of the root helper: verbs of the helper's channel, args and values plain JSON. The kernel
// side is `helper/network/`, which checks every argument again. All are idempotent.
import type { OtherTable } from './host.ts';

export interface ZonesArgs {
  zones: ZoneArgs[];
  /** Addresses of guests that the host answers for on an uplink's wire. */
  proxied: { interface: string; address: string }[];
  /** Addresses that are published; those that the host does not have itself it answers for from now on. */
  listened: { interface: string; address: string }[];
}

interface ZoneArgs {
  subnets: string[];
  uplink?: UplinkArgs;
  masquerade?: true;
  /** Of a bridged zone: the bridge with the host's addresses. */
  bridge?: { name: string; mtu: number; hostAddresses: string[] };
}

interface UplinkArgs {
  /** The device itself; with a VLAN the helper makes it upon `parent`. */
  interface: string;
  parent?: string;
  vlan?: number;
  gateway?: string;
  gateway6?: string;
}

export interface NicUpArgs {
  uid: string;
  tap: string;
  mtu: number;
  /** The guest's: it is then no question who has its addresses. */
  mac?: string;
  /** With their prefixes; none when the zone's bridge has them. */
  hostAddresses: string[];
  guestAddresses: string[];
  /** Where the addresses are answered for. */
  uplink?: string;
  bridge?: string;
}

/** What was applied beside rules: zones, and the nics that are connected. */
export interface WiringArgs extends ZonesArgs {
  nics: NicUpArgs[];
}

/** What somebody else has changed. `rules`: ours. `others`: tables, chains or rules of another program. */
export type NetworkChange = 'rules' | 'others' | 'links' | 'wiring';

export interface NetworkHelper {
  /**
   * One nft transaction, wholly within the tables «caisson»: all of them anew, or commands that change them. `failed`, with what nft
   * says, leaves the old rules.
   */
  rulesApply(args: { table: string } | { change: string }): Promise<null>;
  /**
   * What nft says of the tables «caisson» in JSON (`terse`: without the elements of sets); null when there is none. `others`: tables of
   * other programs that hook into packets' ways; told when `terse`.
   */
  rulesRead(args: { terse?: boolean }): Promise<{ json: string | null; others?: OtherTable[] }>;
  /** Throws what `zonesApply` would because of the host, and changes nothing. */
  zonesCheck(args: ZonesArgs): Promise<null>;
  /** Whole state of zones and uplinks: bridges, routes, proxies, forwarding; what is not listed any more is removed. */
  zonesApply(args: ZonesArgs): Promise<null>;
  /** Takes the tap of a running guest into the guests' network: addresses, routes, proxies, up. */
  nicUp(args: NicUpArgs): Promise<null>;
  /** Removes the tap and what was made for it; well when it is not there. */
  nicDown(args: { uid: string; tap: string; guestAddresses: string[]; uplink?: string; bridge?: string }): Promise<null>;
  /** From now on `network-changed` is told when somebody else changes rules, and when a tap changes. `failed` where the kernel cannot be heard. */
  changesWatch(args: Record<never, never>): Promise<null>;
  /**
   * What of zones and nics is not in the kernel as it was applied, for people, at most 20; empty when all of it is. Taps that are gone or
   * down are not looked at. Nothing is changed.
   */
  wiringCheck(args: WiringArgs): Promise<{ missing: string[] }>;
  /** Routers of uplinks that have not answered on their wire since they were asked last; all of them are asked again. */
  routersAsk(args: { routers: { interface: string; address: string }[] }): Promise<{ silent: { interface: string; address: string }[] }>;
  linksRead(args: Record<never, never>): Promise<{ taps: { name: string; up: boolean; bridge?: string }[] }>;
  /** DHCP and names; a running one is stopped first. Texts of the configuration and of the two files it reads. */
  dnsmasqStart(args: { config: string; dhcpHosts: string; names: string }): Promise<null>;
  /** New texts of the two files, read without a restart. */
  dnsmasqReload(args: { dhcpHosts: string; names: string }): Promise<null>;
  dnsmasqStop(args: Record<never, never>): Promise<null>;
  dnsmasqStatus(args: Record<never, never>): Promise<{ running: boolean }>;
  /** Rules, taps, routes, proxies, dnsmasq: all gone. */
  networkRemove(args: Record<never, never>): Promise<null>;
}
