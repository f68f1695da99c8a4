// What the kernel has of the guests' network beside rules, read in three programs however large the network is.
import { existsSync } from 'node:fs';
import type { GuestsNamespace } from './guests-namespace.ts';
import type { Link, LinkAddress } from './links.ts';
import { type Route, type Rule, guestProtocol, zoneProtocol } from './routes.ts';

export interface KernelState {
  links: (Link & Pick<LinkAddress, 'addr_info'>)[];
  /** Made by us. */
  proxies: { dst: string; dev: string }[];
  neighbours: { dst: string; dev: string; lladdr?: string }[];
  families: Record<4 | 6, FamilyState>;
}

export interface FamilyState {
  /** Of zones, and of guests' addresses. */
  zoneRoutes: Route[];
  guestRoutes: Route[];
  /** Made by us. */
  rules: Rule[];
  /** By interface; empty without that family. */
  settings: Map<string, { forwarding: boolean; answersForOthers: boolean; checksWayBack: boolean }>;
}

interface Netconf {
  interface: string;
  forwarding?: boolean;
  proxy_neigh?: boolean;
  rp_filter?: string;
}

export async function readKernelState(namespace: GuestsNamespace): Promise<KernelState> {
  const [common, four, six] = await Promise.all([
    namespace.readAll(['address show', 'neigh show proxy', 'neigh show nud permanent']),
    readFamily(namespace, 4),
    readFamily(namespace, 6),
  ]);
  const [links, proxies, neighbours] = common as [KernelState['links'], Marked[], Marked[]];
  return {
    links: links.filter(({ ifname }) => (ifname as string | undefined) !== undefined),
    proxies: proxies.filter(({ protocol }) => protocol === zoneProtocol),
    neighbours: neighbours.filter(({ protocol }) => protocol === guestProtocol),
    families: { 4: four, 6: six },
  };
}

interface Marked {
  dst: string;
  dev: string;
  protocol?: string;
}

async function readFamily(namespace: GuestsNamespace, family: 4 | 6): Promise<FamilyState> {
  if (family === 6 && !existsSync('/proc/sys/net/ipv6')) return { zoneRoutes: [], guestRoutes: [], rules: [], settings: new Map() };
  const routes = (protocol: string) => `route show table all proto ${protocol}`;
  const [zoneRoutes, guestRoutes, rules, netconf] = (await namespace.readAll(
    [routes(zoneProtocol), routes(guestProtocol), 'rule show', 'netconf show'],
    family,
  )) as [Route[], Route[], Rule[], Netconf[]];
  return {
    zoneRoutes,
    guestRoutes,
    rules: rules.filter(({ protocol }) => protocol === zoneProtocol),
    settings: new Map(
      netconf.map((one) => [
        one.interface,
        {
          forwarding: one.forwarding === true,
          answersForOthers: one.proxy_neigh === true,
          checksWayBack: one.rp_filter === 'strict',
        },
      ]),
    ),
  };
}
