// Zones and uplinks in the kernel: forwarding, routes, bridges, and the addresses that the host answers for on an uplink's wire.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import type { ZonesArgs } from '../../model/network-helper.ts';
import { announce } from './announce.ts';
import { checkBridges, checkUplinks } from './check-uplinks.ts';
import type { GuestsNamespace } from './guests-namespace.ts';
import { type Link, readAddresses, readLinks } from './links.ts';
import { makeBridges, makeVlans, planVlans } from './made-links.ts';
import { checkOverlaps } from './overlaps.ts';
import { applyRoutes, type Route, zoneProtocol } from './routes.ts';

/** Throws as `checkHost` does; nothing is changed then. */
export async function applyZones(namespace: GuestsNamespace, { zones, proxied, listened }: ZonesArgs): Promise<void> {
  const uplinks = [...new Set(zones.flatMap((zone) => (zone.uplink ? [zone.uplink.interface] : [])))];
  const links = await checkHost(namespace, zones);
  const vlans = planVlans(zones, links);
  if (vlans.add.length > 0) await makeVlans(namespace, vlans.add);
  await makeBridges(namespace, zones, links);
  const hasIpv6 = zones.some((zone) => zone.subnets.some((subnet) => subnet.includes(':')));
  const switched = hasIpv6 ? forwardingSettings(namespace.isOwn) : {};
  const perUplink = uplinks.map((uplink) => uplinkSettings(uplink, hasIpv6, namespace.isOwn));
  await namespace.set(Object.assign({}, namespace.isOwn ? ownSettings : {}, switched, ...perUplink));
  if (namespace.isOwn) await namespace.setWhereKnown(sharedSettings);
  const isUp = (uplink: string) => links.some(({ ifname, flags }) => ifname === uplink && flags.includes('UP'));
  await namespace.change(uplinks.filter((uplink) => !isUp(uplink)).map((uplink) => `link set dev ${uplink} up`));
  const taken = await withoutOwn(namespace, listened);
  for (const family of [4, 6] as const) {
    await applyRoutes(
      namespace,
      family,
      zones,
      taken.map(({ address }) => address),
    );
  }
  const claims = await changedProxies(namespace, [...proxied, ...taken]);
  await namespace.change([...claims.lines, ...vlans.remove]);
  await announce(namespace, claims.added);
}

/** The host can do what zones ask of it. Throws `missing`, `not-allowed` or `conflict`. Returns its interfaces. */
export async function checkHost(namespace: GuestsNamespace, zones: ZonesArgs['zones']): Promise<Link[]> {
  const links = await readLinks(namespace);
  await checkUplinks(namespace, zones, links);
  await checkBridges(namespace, zones);
  await checkPlaces(namespace, zones);
  return links;
}

/** Nothing of the host's own lies where zones are to be. */
async function checkPlaces(namespace: GuestsNamespace, zones: ZonesArgs['zones']): Promise<void> {
  if (zones.length === 0) return;
  const families = existsSync('/proc/sys/net/ipv6') ? ['-4', '-6'] : ['-4'];
  const routes = await Promise.all(families.map((family) => namespace.read<Route>([family, '-d', 'route', 'show'])));
  checkOverlaps(zones, await readAddresses(namespace), routes.flat());
}

/** A published address that the host has itself needs nobody to answer for it. */
async function withoutOwn(namespace: GuestsNamespace, listened: ZonesArgs['listened']): Promise<ZonesArgs['listened']> {
  if (listened.length === 0) return [];
  const own = new Set((await readAddresses(namespace)).flatMap(({ addr_info: infos }) => infos.map(({ local }) => local)));
  return listened.filter(({ address }) => !own.has(address));
}

/** A guest that asks often is told each time that it may not. */
const ownSettings = { 'net/ipv4/icmp_ratelimit': 10, 'net/ipv6/icmp/ratelimit': 10, 'net/ipv4/conf/all/send_redirects': 0 };

/**
 * What all guests share: pieces of packets that wait for the rest, and connections. They wait for seconds, not minutes, so that what nobody
 * completes or uses makes room; a TCP connection may be silent for as long as RFC 5382 grants it.
 */
const sharedSettings = {
  'net/ipv4/ipfrag_time': 3,
  'net/ipv4/ipfrag_high_thresh': 67_108_864,
  'net/ipv6/ip6frag_time': 3,
  'net/ipv6/ip6frag_high_thresh': 67_108_864,
  'net/netfilter/nf_conntrack_frag6_timeout': 3,
  'net/netfilter/nf_conntrack_frag6_high_thresh': 67_108_864,
  'net/netfilter/nf_conntrack_tcp_timeout_established': 7440,
  'net/netfilter/nf_conntrack_tcp_timeout_syn_sent': 30,
  'net/netfilter/nf_conntrack_tcp_timeout_syn_recv': 30,
  'net/netfilter/nf_conntrack_tcp_timeout_fin_wait': 60,
  'net/netfilter/nf_conntrack_tcp_timeout_close_wait': 60,
  'net/netfilter/nf_conntrack_tcp_timeout_time_wait': 30,
  'net/netfilter/nf_conntrack_tcp_timeout_unacknowledged': 120,
  'net/netfilter/nf_conntrack_generic_timeout': 120,
};

/**
 * IPv6 forwards nowhere unless it is switched on everywhere; IPv4 is set for each interface of ours. The switch makes a router of every
 * interface, deaf to advertisements: on the host's own network those that were not are put back.
 */
function forwardingSettings(isOwn: boolean): Record<string, number> {
  const folder = '/proc/sys/net/ipv6/conf';
  const isOff = (name: string) => readFileSync(`${folder}/${name}/forwarding`, 'latin1').trim() === '0';
  const off = isOwn || !existsSync(folder) || !isOff('all') ? [] : readdirSync(folder).filter((name) => name !== 'all' && isOff(name));
  return { 'net/ipv6/conf/all/forwarding': 1, ...Object.fromEntries(off.map((name) => [`net/ipv6/conf/${name}/forwarding`, 0])) };
}

function uplinkSettings(uplink: string, hasIpv6: boolean, isOwn: boolean): Record<string, number> {
  return {
    [`net/ipv4/conf/${uplink}/forwarding`]: 1,
    [`net/ipv4/conf/${uplink}/src_valid_mark`]: 1,
    // Addresses that the host has elsewhere, such as a zone's, are not claimed on this wire.
    [`net/ipv4/conf/${uplink}/arp_ignore`]: 1,
    [`net/ipv4/conf/${uplink}/send_redirects`]: 0,
    [`net/ipv4/conf/${uplink}/accept_redirects`]: 0,
    // Else the first answer for a guest waits for up to 0.8 s.
    [`net/ipv4/neigh/${uplink}/proxy_delay`]: 0,
    ...(hasIpv6 && {
      [`net/ipv6/conf/${uplink}/forwarding`]: 1,
      [`net/ipv6/conf/${uplink}/proxy_ndp`]: 1,
      [`net/ipv6/neigh/${uplink}/proxy_delay`]: 0,
      [`net/ipv6/conf/${uplink}/accept_redirects`]: 0,
      // 2: the host's own way out, if it is advertised here, still counts although it forwards.
      [`net/ipv6/conf/${uplink}/accept_ra`]: isOwn ? 0 : 2,
    }),
  };
}

async function changedProxies(
  namespace: GuestsNamespace,
  wanted: ZonesArgs['proxied'],
): Promise<{ lines: string[]; added: ZonesArgs['proxied'] }> {
  const wordsOf = (proxy: ZonesArgs['proxied'][number]) => `${proxy.address} dev ${proxy.interface}`;
  const present = new Set((await readProxies(namespace)).map(({ dst, dev }) => `${dst} dev ${dev}`));
  const described = new Set(wanted.map(wordsOf));
  const added = wanted.filter((proxy) => !present.has(wordsOf(proxy)));
  return {
    lines: [
      ...[...present].filter((proxy) => !described.has(proxy)).map((proxy) => `neigh del proxy ${proxy}`),
      ...added.map((proxy) => addProxy(wordsOf(proxy))),
    ],
    added,
  };
}

export function addProxy(proxy: string): string {
  return `neigh replace proxy ${proxy} protocol ${zoneProtocol}`;
}

/** The proxies that we have made. */
export async function readProxies(namespace: GuestsNamespace): Promise<{ dst: string; dev: string }[]> {
  const all = await namespace.read<{ dst: string; dev: string; protocol?: string }>(['neigh', 'show', 'proxy']);
  return all.filter(({ protocol }) => protocol === zoneProtocol);
}
