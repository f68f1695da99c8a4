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
//
// Nothing is routed that the filter has not seen: it marks what it has looked at, and before any table is asked what has no mark leads to
// nowhere, unless the host sends it itself. So when somebody flushes the rules, packets stop rather than pass.
import type { ZonesArgs } from '../../model/network-helper.ts';
import type { GuestsNamespace } from './guests-namespace.ts';

/** Marks routes and rules of zones and proxies; routes of guests have a mark of their own. */
export const zoneProtocol = '202';
export const guestProtocol = '203';

/** Behind any route of the host's own; the last resort is the last of all. */
const metrics = { subnet: 4096, gateway: 20_000, lastResort: 4_294_967_294 };

/** Tables of ways out from here on, and the place of the rules that choose them. */
const firstTable = 20_200;
const place = { seen: 20_100, ownSent: 20_101, unseen: 20_102, passed: 20_150, neighbours: 20_200, wayOut: 20_201 };

/** What the filter marks packets with that it has looked at (the rules' `meta mark set`). */
const seenMark = '0xca150000';

type Zones = ZonesArgs['zones'];

export interface Route {
  type?: string;
  dst: string;
  dev?: string;
  gateway?: string;
  metric?: number;
  table?: string;
  protocol?: string;
}

export interface Rule {
  priority: number;
  src: string;
  srclen?: number;
  dst?: string;
  dstlen?: number;
  fwmark?: string;
  iif?: string;
  goto?: number;
  action?: string;
  nop?: null;
  table?: string;
  suppress_prefixlen?: number;
  protocol?: string;
}

/** Makes the routes and rules of one family those of the zones. */
export async function applyRoutes(namespace: GuestsNamespace, family: 4 | 6, zones: Zones, listened: readonly string[]): Promise<void> {
  const wanted = planRoutes(zones, family, namespace.isOwn, listened);
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

/** Pure. `listened` are published addresses that the host does not have itself. */
export function planRoutes(
  zones: Zones,
  family: 4 | 6,
  isOwn: boolean,
  listened: readonly string[] = [],
): { routes: Route[]; rules: Rule[] } {
  const ofFamily = (text: string) => text.includes(':') === (family === 6);
  const subnetsOf = (zone: Zones[number]) => zone.subnets.filter(ofFamily);
  const wayOf = ({ uplink }: Zones[number]): Route | undefined => {
    const gateway = family === 4 ? uplink?.gateway : uplink?.gateway6;
    return uplink && gateway !== undefined ? { dst: 'default', gateway, dev: uplink.interface, metric: metrics.gateway } : undefined;
  };
  const ways = [...new Map(zones.flatMap((zone) => wayOf(zone) ?? []).map((way) => [routeWords(way), way])).values()];
  const subnets = zones.flatMap((zone) =>
    subnetsOf(zone).map((dst): Route =>
      zone.uplink && !zone.masquerade
        ? { dst, dev: zone.uplink.interface, metric: metrics.subnet }
        : { type: 'prohibit', dst, metric: metrics.subnet },
    ),
  );
  const routes = [
    ...subnets,
    // ARP answers only for what is routed elsewhere; what is not published there goes no further. IPv6 needs no route for that.
    ...(family === 4 ? listened.filter(ofFamily) : []).map((dst) => ({ dst, dev: 'lo', metric: metrics.subnet })),
    ...(isOwn ? ways.slice(0, 1) : []),
    ...(isOwn ? [{ type: 'prohibit', dst: 'default', metric: metrics.lastResort }] : []),
  ];
  /** A zone without a router of its own leaves by the first; one that leaves with the host's address as the host does. */
  const indexOfWay = (zone: Zones[number]) => {
    const own = wayOf(zone);
    if (own) return ways.findIndex((way) => routeWords(way) === routeWords(own));
    return zone.masquerade ? undefined : 0;
  };
  const hasOneWay = ways.length === 0 || (isOwn && ways.length === 1);
  const wayRules = hasOneWay ? [] : zones.flatMap((zone) => subnetsOf(zone).flatMap((subnet) => rulesOfWay(subnet, indexOfWay(zone))));
  // Where there is one table, what has been looked at need not pass by another rule on its way there.
  const onward = isOwn && hasOneWay ? { table: 'main' } : { goto: place.passed };
  const unseen = isOwn
    ? stopUnseen({ src: 'all' }, onward)
    : zones.flatMap((zone) => subnetsOf(zone).flatMap((subnet) => stopSubnet(subnet, onward)));
  const target = 'goto' in onward ? [{ priority: place.passed, src: 'all', nop: null }] : [];
  const wayRoutes = hasOneWay ? [] : ways.map((way, index) => ({ ...way, table: String(firstTable + index) }));
  return { routes: [...routes, ...wayRoutes], rules: [...target, ...unseen, ...wayRules] };
}

function rulesOfWay(subnet: string, index: number | undefined): Rule[] {
  const from = prefixOf(subnet);
  if (index === undefined) return [];
  return [
    { priority: place.neighbours, src: from.address, srclen: from.length, table: 'main', suppress_prefixlen: 0 },
    { priority: place.wayOut, src: from.address, srclen: from.length, table: String(firstTable + index) },
  ];
}

/** On the host's own network only what concerns guests is stopped. */
function stopSubnet(subnet: string, onward: Onward): Rule[] {
  const { address, length } = prefixOf(subnet);
  return [...stopUnseen({ src: address, srclen: length }, onward), ...stopUnseen({ src: 'all', dst: address, dstlen: length }, onward)];
}

type Onward = Pick<Rule, 'table'> | Pick<Rule, 'goto'>;

function stopUnseen(which: Pick<Rule, 'src' | 'srclen' | 'dst' | 'dstlen'>, onward: Onward): Rule[] {
  return [
    { ...which, priority: place.seen, fwmark: seenMark, ...onward },
    { ...which, priority: place.ownSent, iif: 'lo', ...onward },
    { ...which, priority: place.unseen, action: 'blackhole' },
  ];
}

function prefixOf(subnet: string): { address: string; length: number } {
  const [address = '', length] = subnet.split('/');
  return { address, length: Number(length) };
}

/** The words for `ip route`, the same for a wanted route and one read back. */
export function routeWords({ type = 'unicast', dst, dev, gateway, metric = 0, table = 'main' }: Route): string {
  const plain = dst.replace(/^([0-9.]+)\/32$|^([0-9a-f:]+)\/128$/, '$1$2');
  return `${type} ${plain}${gateway ? ` via ${gateway}` : ''}${type === 'unicast' && dev ? ` dev ${dev}` : ''} metric ${metric} table ${table}`;
}

export function ruleWords(rule: Rule): string {
  const prefix = (address: string, length?: number) =>
    address === 'all' ? address : `${address}/${length ?? (address.includes(':') ? 128 : 32)}`;
  const act =
    rule.action ??
    (rule.nop === null ? 'nop' : undefined) ??
    (rule.goto !== undefined
      ? `goto ${rule.goto}`
      : `lookup ${rule.table}${rule.suppress_prefixlen === undefined ? '' : ` suppress_prefixlength ${rule.suppress_prefixlen}`}`);
  return [
    `from ${prefix(rule.src, rule.srclen)}`,
    ...(rule.dst === undefined ? [] : [`to ${prefix(rule.dst, rule.dstlen)}`]),
    ...(rule.fwmark === undefined ? [] : [`fwmark ${rule.fwmark}`]),
    ...(rule.iif === undefined ? [] : [`iif ${rule.iif}`]),
    `pref ${rule.priority}`,
    act,
  ].join(' ');
}
