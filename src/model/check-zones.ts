// Zones: their subnets do not overlap, mean nothing else, have room, and hold their routers; their uplinks can do what is asked of them.
import {
  addressToBigInt,
  cidrBounds,
  cidrContains,
  cidrsOverlap,
  familyOf,
  formatCidr,
  parseCidr,
  type Cidr,
  type Family,
} from './address.ts';
import { uplinkDevice } from './network-state.ts';
import { quote } from './quote.ts';
import { isWhole, type SiteProblem, type ZoneSketch } from './site-sketch.ts';

/** A subnet that is known, with its place in the zone and its first and last address as numbers. */
export interface ZoneSubnet {
  cidr: Cidr;
  index: number;
  first: bigint;
  last: bigint;
}

export function checkZones(zones: [string, ZoneSketch][]): SiteProblem[] {
  return [
    ...zones.flatMap(([name, zone]) => [...checkSubnets(name, zone), ...checkRouters(name, zone), ...checkUplink(name, zone, zones)]),
    ...checkOverlaps(zones),
  ];
}

export function subnetsOf(zone: ZoneSketch): ZoneSubnet[] {
  return (zone.subnets ?? []).flatMap((text, index) => {
    const cidr = text === null ? undefined : parseCidr(text);
    return cidr ? [{ cidr, index, ...cidrBounds(cidr) }] : [];
  });
}

/** The network’s own address, and the broadcast address of IPv4. */
export function isReservedInSubnet({ cidr, first, last }: ZoneSubnet, address: string): boolean {
  const value = addressToBigInt(address);
  return value === first || (cidr.family === 4 && value === last);
}

/** Ranges that no zone can have, because their addresses mean something else everywhere. */
const specialRanges = [
  ['0.0.0.0/8', 'this host'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local'],
  ['224.0.0.0/3', 'multicast and reserved'],
  ['::/8', 'loopback and reserved'],
  ['fe80::/10', 'link-local'],
  ['ff00::/8', 'multicast'],
].map(([range, meaning]) => ({ cidr: parseCidr(range as string) as Cidr, meaning }));

/** The range with a meaning of its own that a range touches. */
export function specialRangeOf(cidr: Cidr): (typeof specialRanges)[number] | undefined {
  return specialRanges.find((range) => cidrsOverlap(range.cidr, cidr));
}

function checkSubnets(name: string, zone: ZoneSketch): SiteProblem[] {
  const problems: SiteProblem[] = [];
  const families = new Set<Family>();
  for (const { cidr, index } of subnetsOf(zone)) {
    const path = ['zones', name, 'subnets', index];
    const text = formatCidr(cidr);
    const longest = cidr.family === 4 ? 30 : 126;
    const special = specialRangeOf(cidr);
    if (cidr.prefixLength > longest)
      problems.push({
        path,
        message: `${text} of zone ${quote(name)} has no room for guests: a prefix of at most /${longest} is expected`,
      });
    else if (special)
      problems.push({
        path,
        message: `${text} cannot be a subnet of zone ${quote(name)}: ${formatCidr(special.cidr)} is ${special.meaning}`,
      });
    else if (families.has(cidr.family))
      problems.push({ path, message: `zone ${quote(name)} has a second IPv${cidr.family} subnet: this version serves one of each family` });
    families.add(cidr.family);
  }
  return problems;
}

function checkRouters(name: string, zone: ZoneSketch): SiteProblem[] {
  const problems: SiteProblem[] = [];
  const subnets = subnetsOf(zone);
  for (const [key, family] of [
    ['gateway', 4],
    ['gateway6', 6],
  ] as const) {
    const gateway = zone.uplink?.[key];
    if (gateway === undefined || gateway === null) continue;
    const path = ['zones', name, 'uplink', key];
    if (familyOf(gateway) !== family)
      problems.push({ path, message: `${key} of zone ${quote(name)} is an IPv${family} address, ${gateway} is not` });
    else if (zone.masquerade === true) {
      const own = subnets.find(({ cidr }) => cidrContains(cidr, gateway));
      const message = `the router ${gateway} cannot lie in zone ${quote(name)} (${own && formatCidr(own.cidr)}): with “masquerade” these addresses are behind the host, and the router is on the uplink’s own network`;
      if (own) problems.push({ path, message });
    } else if (isWhole(zone.subnets) && zone.masquerade !== null && !isLinkLocal(gateway)) {
      const subnet = subnets.find(({ cidr }) => cidrContains(cidr, gateway));
      if (!subnet) problems.push({ path, message: `the router ${gateway} lies outside zone ${quote(name)} (${zone.subnets.join(', ')})` });
      else if (isReservedInSubnet(subnet, gateway))
        problems.push({
          path,
          message: `the router cannot have ${gateway}: it is the first or last address of ${formatCidr(subnet.cidr)}, which is reserved`,
        });
    }
  }
  return problems;
}

/** The interface that a zone's uplink goes by; undefined where there is none or it is not known. */
export function deviceOf({ uplink }: ZoneSketch): string | undefined {
  const { interface: name, vlan } = uplink ?? { interface: null };
  return name === null || vlan === null ? undefined : uplinkDevice({ interface: name, ...(vlan === undefined ? {} : { vlan }) });
}

/** Interface names of Linux. */
const longestDevice = 15;

function checkUplink(name: string, zone: ZoneSketch, zones: [string, ZoneSketch][]): SiteProblem[] {
  const { uplink, masquerade } = zone;
  const device = deviceOf(zone);
  if (uplink === undefined && masquerade === true) {
    const message = `zone ${quote(name)} has no uplink by which its guests could leave with the host’s address: give it one, or take “masquerade” out`;
    return [{ path: ['zones', name, 'masquerade'], message }];
  }
  if (device === undefined) return [];
  if (device.length > longestDevice) {
    const message = `the VLAN’s interface would be called ${quote(device)}: with its number a name has at most ${longestDevice} characters; rename the interface ${quote(uplink?.interface ?? '')}`;
    return [{ path: ['zones', name, 'uplink', 'interface'], message }];
  }
  const maker = zones.find(([, other]) => typeof other.uplink?.vlan === 'number' && deviceOf(other) === device);
  if (!maker || uplink?.vlan !== undefined) return [];
  const written = `{ interface: ${maker[1].uplink?.interface}, vlan: ${maker[1].uplink?.vlan} }`;
  return [
    {
      path: ['zones', name, 'uplink', 'interface'],
      message: `${device} is a VLAN that Caisson makes for zone ${quote(maker[0])}: write it as ${written} here too`,
    },
  ];
}

function isLinkLocal(address: string): boolean {
  return cidrContains({ family: 6, base: 'fe80::', prefixLength: 10 }, address);
}

function checkOverlaps(zones: [string, ZoneSketch][]): SiteProblem[] {
  const problems: SiteProblem[] = [];
  const all = zones.flatMap(([name, zone]) =>
    subnetsOf(zone)
      .filter(({ cidr }) => !specialRangeOf(cidr))
      .map((subnet) => ({ ...subnet, zone: name })),
  );
  for (const family of [4, 6] as const) {
    // In the order of their addresses a range overlaps one before it exactly when it begins before the furthest end so far.
    const ranges = all.map((range, order) => ({ ...range, order })).filter((range) => range.cidr.family === family);
    let furthest: (typeof ranges)[number] | undefined;
    for (const range of ranges.toSorted((a, b) => compare(a.first, b.first) || a.order - b.order)) {
      if (furthest && range.first <= furthest.last) {
        const [other, later] = range.order > furthest.order ? [furthest, range] : [range, furthest];
        const whose = other.zone === later.zone ? 'the same zone' : `zone ${quote(other.zone)}`;
        const message = `${formatCidr(later.cidr)} of zone ${quote(later.zone)} overlaps ${formatCidr(other.cidr)} of ${whose}`;
        problems.push({ path: ['zones', later.zone, 'subnets', later.index], message });
      }
      if (!furthest || range.last > furthest.last) furthest = range;
    }
  }
  return problems;
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
