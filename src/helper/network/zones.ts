// Zones and uplinks in the kernel: routes, proxies and forwarding. What we make carries our protocol number, so what is there is read
// from the kernel and nothing is remembered; what others made is left alone.
import { CaissonError } from '../../lib/errors.ts';
import type { NetworkHelper } from '../../model/network-helper.ts';
import type { GuestsNamespace } from './guests-namespace.ts';

/** Marks routes of zones and proxies; routes of guests have one of their own. */
export const zoneProtocol = '202';
export const guestProtocol = '203';

/** Behind any route of the host's own; the last resort is the last of all. */
const metrics = { subnet: 4096, gateway: 20_000, lastResort: 4_294_967_294 };

type ZonesArgs = Parameters<NetworkHelper['zonesApply']>[0];

interface Route {
  type?: string;
  dst: string;
  dev?: string;
  gateway?: string;
  metric?: number;
}

/** Throws `missing` for an uplink that is not there and `not-allowed` for one that belongs to a bridge or bond; nothing is changed then. */
export async function applyZones(namespace: GuestsNamespace, { zones, proxied }: ZonesArgs): Promise<void> {
  const uplinks = [...new Set(zones.flatMap((zone) => (zone.uplink ? [zone.uplink.interface] : [])))];
  const links = uplinks.length === 0 ? [] : await namespace.read<{ ifname: string; master?: string }>(['link', 'show']);
  for (const uplink of uplinks) checkUplink(uplink, links);
  await namespace.set(
    Object.assign({}, generalSettings(namespace.isOwn, zones), ...uplinks.map((uplink) => uplinkSettings(uplink, namespace.isOwn))),
  );
  await namespace.change(uplinks.map((uplink) => `link set dev ${uplink} up`));
  for (const family of [4, 6] as const) {
    await namespace.change(await changedRoutes(namespace, family, wantedRoutes(zones, family, namespace.isOwn)), family);
  }
  await namespace.change(await changedProxies(namespace, proxied));
}

function checkUplink(uplink: string, links: { ifname: string; master?: string }[]): void {
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

function generalSettings(isOwn: boolean, zones: ZonesArgs['zones']): Record<string, number> {
  const hasIpv6 = zones.some((zone) => zone.subnets.some((subnet) => subnet.includes(':')));
  return {
    // IPv6 forwards nowhere unless it forwards everywhere; IPv4 is set for each interface of ours.
    ...(hasIpv6 ? { 'net/ipv6/conf/all/forwarding': 1 } : {}),
    // A guest that asks often is told each time that it may not.
    ...(isOwn ? { 'net/ipv4/icmp_ratelimit': 10, 'net/ipv6/icmp/ratelimit': 10, 'net/ipv4/conf/all/send_redirects': 0 } : {}),
  };
}

function uplinkSettings(uplink: string, isOwn: boolean): Record<string, number> {
  return {
    [`net/ipv4/conf/${uplink}/forwarding`]: 1,
    // Addresses that the host has elsewhere, such as a zone's, are not claimed on this wire.
    [`net/ipv4/conf/${uplink}/arp_ignore`]: 1,
    [`net/ipv4/conf/${uplink}/send_redirects`]: 0,
    [`net/ipv4/conf/${uplink}/accept_redirects`]: 0,
    // Else the first answer for a guest waits for up to 0.8 s.
    [`net/ipv4/neigh/${uplink}/proxy_delay`]: 0,
    [`net/ipv6/neigh/${uplink}/proxy_delay`]: 0,
    [`net/ipv6/conf/${uplink}/proxy_ndp`]: 1,
    [`net/ipv6/conf/${uplink}/accept_redirects`]: 0,
    // 2: the host's own router advertisements still count although it forwards.
    [`net/ipv6/conf/${uplink}/accept_ra`]: isOwn ? 0 : 2,
  };
}

function wantedRoutes(zones: ZonesArgs['zones'], family: 4 | 6, isOwn: boolean): Route[] {
  const ofFamily = (text: string) => text.includes(':') === (family === 6);
  const routes = zones.flatMap(({ subnets, uplink }): Route[] => {
    // An address of a sealed zone that no guest has is refused like one that may not be reached.
    const own = subnets
      .filter(ofFamily)
      .map((dst): Route =>
        uplink ? { dst, dev: uplink.interface, metric: metrics.subnet } : { type: 'prohibit', dst, metric: metrics.subnet },
      );
    const gateway = family === 4 ? uplink?.gateway : uplink?.gateway6;
    return uplink && gateway !== undefined ? [...own, { dst: 'default', gateway, dev: uplink.interface, metric: metrics.gateway }] : own;
  });
  return isOwn ? [...routes, { type: 'prohibit', dst: 'default', metric: metrics.lastResort }] : routes;
}

async function changedRoutes(namespace: GuestsNamespace, family: 4 | 6, wanted: Route[]): Promise<string[]> {
  const present = (await namespace.read<Route>([`-${family}`, 'route', 'show', 'proto', zoneProtocol])).map(describeRoute);
  const described = wanted.map(describeRoute);
  return [
    ...present.filter((route) => !described.includes(route)).map((route) => `route del ${route} proto ${zoneProtocol}`),
    ...described
      .filter((route) => !present.includes(route))
      .map((route) => `route replace ${route} proto ${zoneProtocol}${route.includes(' via ') ? ' onlink' : ''}`),
  ];
}

/** The words for `ip route`, the same for a wanted route and one read back. */
function describeRoute({ type = 'unicast', dst, dev, gateway, metric = 0 }: Route): string {
  const plain = dst.replace(/^([0-9.]+)\/32$|^([0-9a-f:]+)\/128$/, '$1$2');
  return `${type} ${plain}${gateway ? ` via ${gateway}` : ''}${type === 'unicast' && dev ? ` dev ${dev}` : ''} metric ${metric}`;
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
