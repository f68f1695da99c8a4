// What must hold between the objects of a site: names that exist, addresses that are free, dependencies that do not go round.
// Each problem has its place in the document. A sketch is enough: where the site file has something wrong, `null` stands for
// “there, but not known”, and nothing is said that could be wrong only because of it.
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
import { findCircles } from './dependency-circles.ts';
import { didYouMean } from './did-you-mean.ts';
import { parseFlowEnd } from './flow.ts';
import { builtInImages } from './image.ts';
import { isName } from './name.ts';
import { quote } from './quote.ts';
import { zoneAddressesOfHost } from './zone.ts';

export type DocumentPath = readonly (string | number)[];

export interface SiteProblem {
  path: DocumentPath;
  message: string;
}

/** A value of the site, or `null` where something is written that cannot be understood. */
type Known<T> = T | null;

export interface ZoneSketch {
  subnets: Known<readonly Known<string>[]>;
  uplink?: Known<{ gateway?: Known<string> | undefined; gateway6?: Known<string> | undefined }> | undefined;
}

export interface GuestSketch {
  image: Known<string>;
  zone: Known<string>;
  addresses: Known<readonly Known<string>[]>;
  labels: Known<Record<string, Known<string>>>;
  after: Known<readonly Known<{ requires?: Known<string> | undefined; wants?: Known<string> | undefined }>[]>;
  autostart: Known<boolean>;
}

export interface FlowSketch {
  from: Known<string>;
  to: Known<string>;
  allow: Known<readonly Known<string>[]>;
}

/** A `Site` is one, with everything known. */
export interface SiteSketch {
  zones: Known<Record<string, Known<ZoneSketch>>>;
  flows: Known<readonly Known<FlowSketch>[]>;
  images: Known<Record<string, unknown>>;
  guests: Known<Record<string, Known<GuestSketch>>>;
}

/** Everything wrong between the objects of a site; empty when nothing is. */
export function checkSite(site: SiteSketch): SiteProblem[] {
  const zones = entries(site.zones);
  const guests = entries(site.guests);
  return [
    ...zones.flatMap(([name, zone]) => checkZone(name, zone)),
    ...checkOverlaps(zones),
    ...guests.flatMap(([name, guest]) => [...checkNames(site, name, guest), ...checkInsideZone(site, name, guest)]),
    ...checkOwners(zones, guests),
    ...checkRoom(site),
    ...checkDependencies(site.guests),
    ...checkFlows(site),
  ];
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

function specialRangeOf(cidr: Cidr): (typeof specialRanges)[number] | undefined {
  return specialRanges.find((range) => cidrsOverlap(range.cidr, cidr));
}

function checkZone(name: string, zone: ZoneSketch): SiteProblem[] {
  const problems: SiteProblem[] = [];
  const families = new Set<Family>();
  const subnets = subnetsOf(zone);
  for (const { cidr, index } of subnets) {
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
  for (const [key, family] of [
    ['gateway', 4],
    ['gateway6', 6],
  ] as const) {
    const gateway = zone.uplink?.[key];
    if (gateway === undefined || gateway === null) continue;
    const path = ['zones', name, 'uplink', key];
    if (familyOf(gateway) !== family)
      problems.push({ path, message: `${key} of zone ${quote(name)} is an IPv${family} address, ${gateway} is not` });
    else if (isWhole(zone.subnets) && !isLinkLocal(gateway) && !subnets.some(({ cidr }) => cidrContains(cidr, gateway))) {
      problems.push({ path, message: `the router ${gateway} lies outside zone ${quote(name)} (${zone.subnets.join(', ')})` });
    }
  }
  return problems;
}

function isLinkLocal(address: string): boolean {
  return cidrContains({ family: 6, base: 'fe80::', prefixLength: 10 }, address);
}

function checkOverlaps(zones: [string, ZoneSketch][]): SiteProblem[] {
  const problems: SiteProblem[] = [];
  const all = zones.flatMap(([name, zone]) =>
    subnetsOf(zone)
      .filter(({ cidr }) => !specialRangeOf(cidr))
      .map(({ cidr, index }) => ({ zone: name, cidr, index, ...cidrBounds(cidr) })),
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

function checkNames(site: SiteSketch, name: string, guest: GuestSketch): SiteProblem[] {
  const problems: SiteProblem[] = [];
  if (site.zones && guest.zone !== null && !Object.hasOwn(site.zones, guest.zone)) {
    const message = `guest ${quote(name)} is in zone ${quote(guest.zone)}, which does not exist${didYouMean(guest.zone, Object.keys(site.zones))}`;
    problems.push({ path: ['guests', name, 'zone'], message });
  }
  if (site.images && guest.image !== null && !Object.hasOwn(site.images, guest.image) && !Object.hasOwn(builtInImages, guest.image)) {
    const known = [...Object.keys(site.images), ...Object.keys(builtInImages)];
    const message = `guest ${quote(name)} needs image ${quote(guest.image)}, which does not exist${didYouMean(guest.image, known)}`;
    problems.push({ path: ['guests', name, 'image'], message });
  }
  return problems;
}

function checkInsideZone(site: SiteSketch, name: string, guest: GuestSketch): SiteProblem[] {
  const zone = guest.zone === null ? undefined : own(site.zones, guest.zone);
  if (!zone || !guest.zone || !isWhole(zone.subnets)) return [];
  const subnets = subnetsOf(zone);
  return (guest.addresses ?? []).flatMap((address, index) => {
    if (address === null) return [];
    const path = ['guests', name, 'addresses', index];
    const subnet = subnets.find(({ cidr }) => cidrContains(cidr, address))?.cidr;
    if (!subnet)
      return [
        { path, message: `${address} of guest ${quote(name)} lies outside zone ${quote(guest.zone ?? '')} (${zone.subnets?.join(', ')})` },
      ];
    if (isReservedInSubnet(subnet, address)) {
      return [
        {
          path,
          message: `guest ${quote(name)} cannot have ${address}: it is the first or last address of ${formatCidr(subnet)}, which is reserved`,
        },
      ];
    }
    return [];
  });
}

function isReservedInSubnet(subnet: Cidr, address: string): boolean {
  const { first, last } = cidrBounds(subnet);
  const value = addressToBigInt(address);
  return value === first || (subnet.family === 4 && value === last);
}

function checkOwners(zones: [string, ZoneSketch][], guests: [string, GuestSketch][]): SiteProblem[] {
  const problems: SiteProblem[] = [];
  const owners = new Map<string, string>();
  for (const [name, zone] of zones) {
    for (const address of hostAddressesOf(zone)) owners.set(address, `is the router’s address in zone ${quote(name)}`);
  }
  for (const [name, guest] of guests) {
    for (const [index, address] of (guest.addresses ?? []).entries()) {
      if (address === null) continue;
      const owner = owners.get(address);
      const mine = `stands twice in guest ${quote(name)}`;
      const path = ['guests', name, 'addresses', index];
      if (owner === `is taken by guest ${quote(name)}`) problems.push({ path, message: `${address} ${mine}` });
      else if (owner) problems.push({ path, message: `guest ${quote(name)} cannot have ${address}: it ${owner}` });
      else owners.set(address, `is taken by guest ${quote(name)}`);
    }
  }
  return problems;
}

/** Every guest needs an address of each family that its zone has; those of the network, the router and the broadcast are not for guests. */
function checkRoom(site: SiteSketch): SiteProblem[] {
  const guests = entries(site.guests);
  if (!site.guests || guests.length < Object.keys(site.guests).length) return [];
  const wanted = new Map<string, { name: string; count: bigint }>();
  const problems: SiteProblem[] = [];
  for (const [name, guest] of guests) {
    if (guest.zone === null || !guest.addresses) return [];
    for (const family of [4, 6] as const) {
      const key = `${family} ${guest.zone}`;
      const fixed = guest.addresses.filter((address) => address !== null && familyOf(address) === family).length;
      const count = (wanted.get(key)?.count ?? 0n) + BigInt(Math.max(1, fixed));
      wanted.set(key, { name: wanted.get(key)?.name ?? name, count });
      const zone = own(site.zones, guest.zone);
      const cidr = zone && isWhole(zone.subnets) ? subnetsOf(zone).find((subnet) => subnet.cidr.family === family)?.cidr : undefined;
      if (!cidr) continue;
      const { first, last } = cidrBounds(cidr);
      const room = last - first + 1n - (family === 4 ? 3n : 2n);
      if (count > room && count - BigInt(Math.max(1, fixed)) <= room) {
        const message = `guest ${quote(name)} finds no free address in zone ${quote(guest.zone)}: ${formatCidr(cidr)} has room for ${room}`;
        problems.push({ path: ['guests', name, 'zone'], message });
      }
    }
  }
  return problems;
}

function checkDependencies(guests: SiteSketch['guests']): SiteProblem[] {
  if (!guests) return [];
  const problems: SiteProblem[] = [];
  const after = new Map<string, string[]>();
  for (const [name, guest] of entries(guests)) {
    const waitsFor: string[] = [];
    for (const [index, dependency] of (guest.after ?? []).entries()) {
      const on = dependency?.requires ?? dependency?.wants ?? null;
      if (on === null) continue;
      const path = ['guests', name, 'after', index];
      if (!Object.hasOwn(guests, on)) {
        problems.push({
          path,
          message: `guest ${quote(name)} starts after ${quote(on)}, which does not exist${didYouMean(on, Object.keys(guests))}`,
        });
      } else if (guests[on]?.autostart === false && guest.autostart === true && dependency?.requires === on) {
        problems.push({ path, message: `guest ${quote(name)} requires ${quote(on)}, which is not started by itself (autostart: false)` });
      }
      waitsFor.push(on);
    }
    after.set(name, waitsFor);
  }
  for (const circle of findCircles(after)) {
    const names = [...circle, circle[0] as string];
    const shown = names.length > 12 ? [...names.slice(0, 11), `… (${names.length - 12} more)`, names.at(-1) as string] : names;
    const message =
      names.length === 2
        ? `guest ${quote(names[0] as string)} waits for itself`
        : `the guests wait for each other in a circle: ${shown.join(' → ')}`;
    problems.push({ path: ['guests', circle[0] as string, 'after'], message });
  }
  return problems;
}

function checkFlows(site: SiteSketch): SiteProblem[] {
  const problems: SiteProblem[] = [];
  const seen = new Set<string>();
  const facts = flowFacts(site);
  for (const [index, flow] of (site.flows ?? []).entries()) {
    if (!flow) continue;
    if (isWhole(flow.allow) && flow.from !== null && flow.to !== null) {
      const text = `${flow.from} → ${flow.to}: ${flow.allow.join(', ')}`;
      if (seen.has(text)) problems.push({ path: ['flows', index], message: `this flow stands twice: ${text}` });
      seen.add(text);
    }
    for (const side of ['from', 'to'] as const) {
      const message = endProblem(flow[side], site, facts);
      if (message) problems.push({ path: ['flows', index, side], message });
    }
    if (flow.from === 'world' && flow.to === 'world')
      problems.push({ path: ['flows', index], message: 'a flow from world to world does not pass through this site' });
  }
  return problems;
}

interface FlowFacts {
  /** Undefined where a part of the site is not known. */
  zonesWithGuests: Set<string> | undefined;
  labels: Set<string> | undefined;
  hasUplink: boolean | undefined;
}

function flowFacts(site: SiteSketch): FlowFacts {
  const guests = site.guests ? Object.values(site.guests) : [null];
  const zones = site.zones ? Object.values(site.zones) : [null];
  const labels = (labelsOf: GuestSketch['labels'] | undefined) =>
    labelsOf && Object.entries(labelsOf).every(([key, value]) => isName(key) && value !== null)
      ? Object.entries(labelsOf).map(([key, value]) => `${key}=${value}`)
      : undefined;
  const allLabels = guests.map((guest) => labels(guest?.labels));
  return {
    zonesWithGuests: guests.every((guest) => guest && guest.zone !== null) ? new Set(guests.map((guest) => guest?.zone ?? '')) : undefined,
    labels: allLabels.every((list) => list !== undefined) ? new Set(allLabels.flat()) : undefined,
    hasUplink: zones.some((zone) => zone?.uplink) ? true : zones.every((zone) => zone && zone.uplink !== null) ? false : undefined,
  };
}

function endProblem(text: Known<string>, site: SiteSketch, facts: FlowFacts): string | undefined {
  const end = text === null ? undefined : parseFlowEnd(text);
  switch (end?.kind) {
    case 'guest':
      if (!site.guests || Object.hasOwn(site.guests, end.name)) return undefined;
      if (site.zones && Object.hasOwn(site.zones, end.name))
        return `no guest is called ${quote(end.name)}, but a zone is; did you mean ${quote(`zone:${end.name}`)}?`;
      return `no guest is called ${quote(end.name)}${didYouMean(end.name, [...Object.keys(site.guests), 'world', 'all'])}`;
    case 'zone':
      if (!site.zones) return undefined;
      if (!Object.hasOwn(site.zones, end.name))
        return `no zone is called ${quote(end.name)}${didYouMean(end.name, Object.keys(site.zones))}`;
      return facts.zonesWithGuests?.has(end.name) === false ? `zone ${quote(end.name)} has no guest: this flow allows nothing` : undefined;
    case 'label': {
      const label = `${end.key}=${end.value}`;
      return facts.labels?.has(label) === false
        ? `no guest has the label ${label}: this flow allows nothing${didYouMean(label, facts.labels)}`
        : undefined;
    }
    case 'all':
      return site.guests && Object.keys(site.guests).length === 0 ? 'there is no guest: this flow allows nothing' : undefined;
    case 'world':
      return facts.hasUplink === false ? 'no zone has an uplink, so there is no way to the world' : undefined;
    case 'host':
      return 'a flow from or to the host is not supported by this version';
    case 'range':
    case undefined:
      return undefined;
  }
}

/** What is known of the objects of a kind, by name. */
function entries<T>(record: Known<Record<string, Known<T>>>): [string, T][] {
  return Object.entries(record ?? {}).filter((entry): entry is [string, T & {}] => entry[1] !== null && entry[1] !== undefined);
}

function own<T>(record: Known<Record<string, Known<T>>>, name: string): T | undefined {
  return record && Object.hasOwn(record, name) ? (record[name] ?? undefined) : undefined;
}

function isWhole<T>(list: Known<readonly Known<T>[]> | undefined): list is readonly T[] {
  return list !== null && list !== undefined && list.every((item) => item !== null);
}

function subnetsOf(zone: ZoneSketch): { cidr: Cidr; index: number }[] {
  return (zone.subnets ?? []).flatMap((text, index) => {
    const cidr = text === null ? undefined : parseCidr(text);
    return cidr ? [{ cidr, index }] : [];
  });
}

function hostAddressesOf(zone: ZoneSketch): string[] {
  const { uplink } = zone;
  if (!isWhole(zone.subnets) || uplink === null || uplink?.gateway === null || uplink?.gateway6 === null) return [];
  return zoneAddressesOfHost({ subnets: zone.subnets, uplink: uplink as { gateway?: string; gateway6?: string } | undefined });
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
