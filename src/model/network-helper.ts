// What the network driver asks of the root helper: verbs of the helper's channel, args and values plain JSON. The kernel
// side is `helper/network/`, which checks every argument again. All are idempotent.

export interface NetworkHelper {
  /** One nft transaction; the text lies wholly within `table inet caisson`. `failed`, with what nft says, leaves the old rules. */
  rulesApply(args: { table: string }): Promise<null>;
  /** What `nft -j list table inet caisson` says (`terse`: without the elements of sets); null when there is no such table. */
  rulesRead(args: { terse?: boolean }): Promise<{ json: string | null }>;
  /** Whole state of zones and uplinks: routes, proxies, forwarding; what is not listed any more is removed. */
  zonesApply(args: {
    zones: { subnets: string[]; uplink?: { interface: string; gateway?: string; gateway6?: string } }[];
    proxied: { interface: string; address: string }[];
  }): Promise<null>;
  /** Takes the tap of a running guest into the guests' network: addresses, routes, proxies, up. */
  nicUp(args: { uid: string; tap: string; mtu: number; hostAddresses: string[]; guestAddresses: string[]; uplink?: string }): Promise<null>;
  /** Removes the tap and what was made for it; well when it is not there. */
  nicDown(args: { uid: string; tap: string; guestAddresses: string[]; uplink?: string }): Promise<null>;
  /** From now on `network-changed` is told when somebody else changes rules, and when a tap changes. `failed` where the kernel cannot be heard. */
  changesWatch(args: Record<never, never>): Promise<null>;
  linksRead(args: Record<never, never>): Promise<{ taps: { name: string; up: boolean }[] }>;
  /** DHCP and names; a running one is stopped first. Texts of the configuration and of the two files it reads. */
  dnsmasqStart(args: { config: string; dhcpHosts: string; names: string }): Promise<null>;
  /** New texts of the two files, read without a restart. */
  dnsmasqReload(args: { dhcpHosts: string; names: string }): Promise<null>;
  dnsmasqStop(args: Record<never, never>): Promise<null>;
  dnsmasqStatus(args: Record<never, never>): Promise<{ running: boolean }>;
  /** Rules, taps, routes, proxies, dnsmasq: all gone. */
  networkRemove(args: Record<never, never>): Promise<null>;
}
