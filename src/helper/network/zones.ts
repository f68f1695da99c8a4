// Zones and uplinks in the kernel: forwarding, routes, and the addresses that the host answers for on an uplink's wire.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { CaissonError } from '../../lib/errors.ts';
import type { NetworkHelper } from '../../model/network-helper.ts';
import type { GuestsNamespace } from './guests-namespace.ts';
import { applyRoutes, zoneProtocol } from './routes.ts';

type ZonesArgs = Parameters<NetworkHelper['zonesApply']>[0];

interface Link {
  ifname: string;
  flags: string[];
  master?: string;
}

/** Throws `missing` for an uplink that is not there and `not-allowed` for one that belongs to a bridge or bond; nothing is changed then. */
export async function applyZones(namespace: GuestsNamespace, { zones, proxied }: ZonesArgs): Promise<void> {
  const uplinks = [...new Set(zones.flatMap((zone) => (zone.uplink ? [zone.uplink.interface] : [])))];
  const links = uplinks.length === 0 ? [] : await namespace.read<Link>(['link', 'show']);
  for (const uplink of uplinks) checkUplink(uplink, links);
  const hasIpv6 = zones.some((zone) => zone.subnets.some((subnet) => subnet.includes(':')));
  const switched = hasIpv6 ? forwardingSettings(namespace.isOwn) : {};
  const perUplink = uplinks.map((uplink) => uplinkSettings(uplink, hasIpv6, namespace.isOwn));
  await namespace.set(Object.assign({}, namespace.isOwn ? ownSettings : {}, switched, ...perUplink));
  const down = links.filter(({ ifname, flags }) => uplinks.includes(ifname) && !flags.includes('UP'));
  await namespace.change(down.map(({ ifname }) => `link set dev ${ifname} up`));
  for (const family of [4, 6] as const) {
    await applyRoutes(namespace, family, zones);
  }
  await namespace.change(await changedProxies(namespace, proxied));
}

function checkUplink(uplink: string, links: Link[]): void {
  const link = links.find(({ ifname }) => ifname === uplink);
  if (!link)
    throw new CaissonError(
      'missing',
      `uplink ${uplink} is not an interface of the guests’ network: create it, or name another one in the zone`,
    );
  if (link.master)
    throw new CaissonError(
      'not-allowed',
      `uplink ${uplink} belongs to ${link.master}: name ${link.master} as the uplink, or take ${uplink} out of it`,
    );
}

/** A guest that asks often is told each time that it may not. */
const ownSettings = { 'net/ipv4/icmp_ratelimit': 10, 'net/ipv6/icmp/ratelimit': 10, 'net/ipv4/conf/all/send_redirects': 0 };

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

async function changedProxies(namespace: GuestsNamespace, wanted: ZonesArgs['proxied']): Promise<string[]> {
  const present = (await readProxies(namespace)).map(({ dst, dev }) => `${dst} dev ${dev}`);
  const described = wanted.map((proxy) => `${proxy.address} dev ${proxy.interface}`);
  return [
    ...present.filter((proxy) => !described.includes(proxy)).map((proxy) => `neigh del proxy ${proxy}`),
    ...described.filter((proxy) => !present.includes(proxy)).map(addProxy),
  ];
}

export function addProxy(proxy: string): string {
  return `neigh replace proxy ${proxy} protocol ${zoneProtocol}`;
}

/** The proxies that we have made. */
export async function readProxies(namespace: GuestsNamespace): Promise<{ dst: string; dev: string }[]> {
  const all = await namespace.read<{ dst: string; dev: string; protocol?: string }>(['neigh', 'show', 'proxy']);
  return all.filter(({ protocol }) => protocol === zoneProtocol);
}
