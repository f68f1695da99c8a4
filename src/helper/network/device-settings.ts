// The host's end of a guest's nic, or of a zone's bridge: a router that answers for what it can route to, and believes nothing that it is told.

/** It has one MAC everywhere, so that a guest that comes from another host finds its router unchanged. */
export const hostMac = '02:ca:15:50:00:01';

/** Keys below /proc/sys. */
export function hostEndSettings(device: string, hasIpv6: boolean): Record<string, number> {
  return {
    [`net/ipv4/conf/${device}/forwarding`]: 1,
    [`net/ipv4/conf/${device}/proxy_arp`]: 1,
    [`net/ipv4/conf/${device}/rp_filter`]: 1,
    // The way back is looked up with the filter's mark, without which nothing is routed.
    [`net/ipv4/conf/${device}/src_valid_mark`]: 1,
    [`net/ipv4/conf/${device}/accept_redirects`]: 0,
    [`net/ipv4/conf/${device}/send_redirects`]: 0,
    [`net/ipv4/conf/${device}/accept_source_route`]: 0,
    [`net/ipv4/neigh/${device}/proxy_delay`]: 0,
    [`net/ipv6/conf/${device}/disable_ipv6`]: hasIpv6 ? 0 : 1,
    // 1: the only link-local address is the router's, which is given.
    [`net/ipv6/conf/${device}/addr_gen_mode`]: 1,
    [`net/ipv6/conf/${device}/accept_dad`]: 0,
    [`net/ipv6/conf/${device}/forwarding`]: 1,
    [`net/ipv6/conf/${device}/accept_ra`]: 0,
    [`net/ipv6/conf/${device}/accept_redirects`]: 0,
    [`net/ipv6/conf/${device}/accept_source_route`]: 0,
  };
}

/** Lines of `ip -batch` that give a device exactly these addresses, with their prefixes. */
export function addressLines(device: string, present: readonly string[], wanted: readonly string[]): string[] {
  return [
    ...present.filter((address) => !wanted.includes(address)).map((address) => `address del ${address} dev ${device}`),
    ...wanted
      .filter((address) => !present.includes(address))
      .map((address) => `address add ${address} dev ${device} ${addressOptions(address)}`),
  ];
}

/**
 * The prefix of a zone is not reached through any one nic. IPv4 addresses have the scope of the host: an address of one zone is then never
 * the sender of a question that the host asks on another wire.
 */
function addressOptions(address: string): string {
  if (address.startsWith('fe80:')) return 'nodad';
  return isIpv6(address) ? 'noprefixroute nodad' : 'noprefixroute scope host';
}

export function isIpv6(address: string): boolean {
  return address.includes(':');
}
