// Routes of zones. What we make carries our protocol number, so what is there is read from the kernel and nothing is remembered; what
// others made is left alone.
//
// | destination | zone with uplink | zone without |
// | --- | --- | --- |
// | a connected guest | its tap (`nics.ts`) | its tap |
// | another address of the zone | the uplink's wire | refused, as if it could not be reached |
// | anything else, from a guest | the zone's router | the router of the first zone that has one |
//
// In a namespace of our own with one router that is simply the default route. Otherwise guests' ways out are tables of their own,
// chosen by the sender's zone, so that the host's own way out stays what it is.
import type { NetworkHelper } from '../../model/network-helper.ts';
import type { GuestsNamespace } from './guests-namespace.ts';

/** Marks routes and rules of zones and proxies; routes of guests have a mark of their own. */
export const zoneProtocol = '202';
export const guestProtocol = '203';

/** Behind any route of the host's own; the last resort is the last of all. */
const metrics = { subnet: 4096, gateway: 20_000, lastResort: 4_294_967_294 };

/** Tables of ways out from here on, and the place of the rules that choose them. */
const firstTable = 20_200;
const place = { neighbours: 20_200, wayOut: 20_201 };

type Zones = Parameters<NetworkHelper['zonesApply']>[0]['zones'];

interface Route {
  type?: string;
  dst: string;
  dev?: string;
  gateway?: string;
  metric?: number;
  table?: string;
}

interface Rule {
  priority: number;
  src: string;
  srclen?: number;
  table: string;
  suppress_prefixlen?: number;
  protocol?: string;
}

/** Makes the routes and rules of one family those of the zones. */
export async function applyRoutes(namespace: GuestsNamespace, family: 4 | 6, zones: Zones): Promise<void> {
  const wanted = planRoutes(zones, family, namespace.isOwn);
  const routes = (await namespace.read<Route>([`-${family}`, 'route', 'show', 'table', 'all', 'proto', zoneProtocol])).map(routeWords);
  const rules = (await namespace.read<Rule>([`-${family}`, 'rule', 'show']))
    .filter(({ protocol }) => protocol === zoneProtocol)
    .map(ruleWords);
  const [wantedRoutes, wantedRules] = [wanted.routes.map(routeWords), wanted.rules.map(ruleWords)];
  await namespace.change(
    [
      ...wantedRoutes
        .filter((words) => !routes.includes(words))
        .map((words) => `route replace ${words} proto ${zoneProtocol}${words.includes(' via ') ? ' onlink' : ''}`),
      ...wantedRules.filter((words) => !rules.includes(words)).map((words) => `rule add ${words} protocol ${zoneProtocol}`),
      ...rules.filter((words) => !wantedRules.includes(words)).map((words) => `rule del ${words} protocol ${zoneProtocol}`),
      ...routes.filter((words) => !wantedRoutes.includes(words)).map((words) => `route del ${words} proto ${zoneProtocol}`),
    ],
    family,
  );
}

export async function removeRoutes(namespace: GuestsNamespace): Promise<void> {
  for (const family of [4, 6] as const) {
    const rules = (await namespace.read<Rule>([`-${family}`, 'rule', 'show'])).filter(({ protocol }) => protocol === zoneProtocol);
    await namespace.change(
      [
        ...rules.map((rule) => `rule del ${ruleWords(rule)} protocol ${zoneProtocol}`),
        ...[zoneProtocol, guestProtocol].map((protocol) => `route flush table all proto ${protocol}`),
      ],
      family,
    );
  }
}

/** Pure. */
export function planRoutes(zones: Zones, family: 4 | 6, isOwn: boolean): { routes: Route[]; rules: Rule[] } {
  const ofFamily = (text: string) => text.includes(':') === (family === 6);
  const subnetsOf = (zone: Zones[number]) => zone.subnets.filter(ofFamily);
  const wayOf = ({ uplink }: Zones[number]): Route | undefined => {
    const gateway = family === 4 ? uplink?.gateway : uplink?.gateway6;
    return uplink && gateway !== undefined ? { dst: 'default', gateway, dev: uplink.interface, metric: metrics.gateway } : undefined;
  };
  const ways = [...new Map(zones.flatMap((zone) => wayOf(zone) ?? []).map((way) => [routeWords(way), way])).values()];
  const subnets = zones.flatMap((zone) =>
    subnetsOf(zone).map((dst): Route =>
      zone.uplink ? { dst, dev: zone.uplink.interface, metric: metrics.subnet } : { type: 'prohibit', dst, metric: metrics.subnet },
    ),
  );
  const routes = [
    ...subnets,
    ...(isOwn ? ways.slice(0, 1) : []),
    ...(isOwn ? [{ type: 'prohibit', dst: 'default', metric: metrics.lastResort }] : []),
  ];
  if (ways.length === 0 || (isOwn && ways.length === 1)) return { routes, rules: [] };
  const rules = zones.flatMap((zone) => {
    const own = wayOf(zone);
    const index = own ? ways.findIndex((way) => routeWords(way) === routeWords(own)) : 0;
    return subnetsOf(zone).flatMap((subnet): Rule[] => {
      const [src = '', length] = subnet.split('/');
      const from = { src, srclen: Number(length) };
      return [
        { priority: place.neighbours, ...from, table: 'main', suppress_prefixlen: 0 },
        { priority: place.wayOut, ...from, table: String(firstTable + index) },
      ];
    });
  });
  return { routes: [...routes, ...ways.map((way, index) => ({ ...way, table: String(firstTable + index) }))], rules };
}

/** The words for `ip route`, the same for a wanted route and one read back. */
function routeWords({ type = 'unicast', dst, dev, gateway, metric = 0, table = 'main' }: Route): string {
  const plain = dst.replace(/^([0-9.]+)\/32$|^([0-9a-f:]+)\/128$/, '$1$2');
  return `${type} ${plain}${gateway ? ` via ${gateway}` : ''}${type === 'unicast' && dev ? ` dev ${dev}` : ''} metric ${metric} table ${table}`;
}

function ruleWords({ priority, src, srclen, table, suppress_prefixlen: suppressed }: Rule): string {
  return `from ${src}/${srclen ?? (src.includes(':') ? 128 : 32)} lookup ${table}${suppressed === undefined ? '' : ` suppress_prefixlength ${suppressed}`} pref ${priority}`;
}
