// The site: the one document that says what should be. Checks that need more than one object (names that must exist, addresses
// that must be free, dependencies that must not go round) are here, each as a problem at its place in the document.
import { distance } from 'fastest-levenshtein';
import { z } from 'zod';
import { cidrContains, cidrsOverlap, parseCidr, type Cidr } from './address.ts';
import { describeFlow, type Flow, flowSchema, parseFlowEnd } from './flow.ts';
import { dependencyName, guestFileSchema, type GuestSpec, guestSpecSchema } from './guest.ts';
import { builtInImages, imageFileSchema, imageSchema } from './image.ts';
import { nameSchema } from './name.ts';
import { type Zone, zoneSchema } from './zone.ts';

const timezoneSchema = z.string().refine((name) => Intl.supportedValuesOf('timeZone').includes(name) || name === 'UTC', {
  error: (issue) => `“${String(issue.input)}” is not a time zone: expected is for example Europe/Paris or UTC`,
});

/** The site as stored and as the API has it. */
export const siteSchema = z.strictObject({
  version: z.literal(1),
  site: nameSchema,
  timezone: timezoneSchema,
  zones: z.record(nameSchema, zoneSchema),
  flows: z.array(flowSchema),
  images: z.record(nameSchema, imageSchema),
  guests: z.record(nameSchema, guestSpecSchema),
});
export type Site = z.output<typeof siteSchema>;

/** The site as the site file spells it. */
export const siteFileSchema = z.strictObject({
  version: z.literal(1, 'the version of the site file is expected: 1'),
  site: nameSchema,
  timezone: timezoneSchema.default('UTC'),
  zones: z.record(nameSchema, zoneSchema).default({}),
  flows: z.array(flowSchema).max(10_000).default([]),
  images: z.record(nameSchema, imageFileSchema).default({}),
  guests: z.record(nameSchema, guestFileSchema).default({}),
});

/** Known wishes of a site that this version cannot fulfil. */
export const siteUnsupported = ['hosts', 'secrets', 'repositories', 'backups', 'alerts', 'pools'] as const;

export type DocumentPath = readonly (string | number)[];

export interface SiteProblem {
  path: DocumentPath;
  message: string;
}

/** Everything wrong between the objects of a site whose objects are each right; empty when nothing is. */
export function checkSite(site: Site): SiteProblem[] {
  return [...checkZones(site.zones), ...checkGuests(site), ...checkDependencies(site.guests), ...checkFlows(site)];
}

/** `; did you mean “x”?` for the nearest candidate, or nothing when none is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const near = [...candidates]
    .map((candidate) => ({ candidate, far: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, far }) => far <= Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3)))
    .toSorted((a, b) => a.far - b.far)[0];
  return near ? `; did you mean “${near.candidate}”?` : '';
}

function checkZones(zones: Record<string, Zone>): SiteProblem[] {
  const problems: SiteProblem[] = [];
  const seen: { zone: string; text: string; cidr: Cidr }[] = [];
  for (const [name, zone] of Object.entries(zones)) {
    for (const [index, text] of zone.subnets.entries()) {
      const cidr = parseCidr(text) as Cidr;
      const other = seen.find((candidate) => cidrsOverlap(candidate.cidr, cidr));
      if (other) problems.push({ path: ['zones', name, 'subnets', index], message: `${text} overlaps ${other.text} of zone “${other.zone}”` });
      seen.push({ zone: name, text, cidr });
      const longest = cidr.family === 4 ? 30 : 126;
      if (cidr.prefixLength > longest) problems.push({ path: ['zones', name, 'subnets', index], message: `${text} has no room for guests: a prefix of at most /${longest} is expected` });
    }
    const families = new Set<number>();
    for (const [index, text] of zone.subnets.entries()) {
      const { family } = parseCidr(text) as Cidr;
      if (families.has(family)) problems.push({ path: ['zones', name, 'subnets', index], message: `zone “${name}” has two IPv${family} subnets; this version serves one of each family` });
      families.add(family);
    }
    for (const [key, family] of [['gateway', 4], ['gateway6', 6]] as const) {
      const gateway = zone.uplink?.[key];
      if (gateway === undefined) continue;
      const inside = zone.subnets.some((text) => cidrContains(parseCidr(text) as Cidr, gateway));
      const right = gateway.includes(':') === (family === 6);
      if (!right) problems.push({ path: ['zones', name, 'uplink', key], message: `${gateway} is not an IPv${family} address` });
      else if (!inside && !gateway.startsWith('fe80:')) problems.push({ path: ['zones', name, 'uplink', key], message: `the router ${gateway} lies outside the subnets of zone “${name}” (${zone.subnets.join(', ')})` });
    }
  }
  return problems;
}

function checkGuests(site: Site): SiteProblem[] {
  const problems: SiteProblem[] = [];
  const owners = new Map<string, string>();
  for (const [zoneName, zone] of Object.entries(site.zones)) {
    for (const address of zoneAddressesOfHost(zone)) owners.set(address, `the router of zone “${zoneName}”`);
  }
  for (const [name, guest] of Object.entries(site.guests)) {
    const zone = site.zones[guest.zone];
    if (!zone) {
      problems.push({ path: ['guests', name, 'zone'], message: `guest “${name}” is in zone “${guest.zone}”, which does not exist${didYouMean(guest.zone, Object.keys(site.zones))}` });
    }
    if (!site.images[guest.image] && !builtInImages[guest.image]) {
      const known = [...Object.keys(site.images), ...Object.keys(builtInImages)];
      problems.push({ path: ['guests', name, 'image'], message: `guest “${name}” needs image “${guest.image}”, which does not exist${didYouMean(guest.image, known)}` });
    }
    for (const [index, address] of guest.addresses.entries()) {
      const path = ['guests', name, 'addresses', index];
      const subnet = zone?.subnets.map((text) => parseCidr(text) as Cidr).find((cidr) => cidrContains(cidr, address));
      if (zone && !subnet) problems.push({ path, message: `${address} of guest “${name}” lies outside zone “${guest.zone}” (${zone.subnets.join(', ')})` });
      else if (subnet && isReservedInSubnet(subnet, address)) problems.push({ path, message: `${address} is the network or broadcast address of its subnet` });
      const owner = owners.get(address);
      if (owner) problems.push({ path, message: `${address} of guest “${name}” is taken by ${owner}` });
      owners.set(address, `guest “${name}”`);
    }
  }
  return problems;
}

/** The addresses of a zone that guests cannot have: the router's, or the host's where there is no router. */
export function zoneAddressesOfHost(zone: Zone): string[] {
  const cidrs = zone.subnets.map((text) => parseCidr(text) as Cidr);
  return (['gateway', 'gateway6'] as const).flatMap((key, index) => {
    const family = index === 0 ? 4 : 6;
    const configured = zone.uplink?.[key];
    if (configured !== undefined) return [configured];
    const cidr = cidrs.find((candidate) => candidate.family === family);
    return cidr ? [firstAddress(cidr)] : [];
  });
}

function firstAddress(cidr: Cidr): string {
  // The base has its host bits clear, so the next address differs in the last part only.
  if (cidr.family === 4) return cidr.base.replace(/\d+$/, (last) => String(Number(last) + 1));
  return cidr.base.endsWith('::') ? `${cidr.base}1` : cidr.base.replace(/[0-9a-f]+$/, (last) => (Number.parseInt(last, 16) + 1).toString(16));
}

function isReservedInSubnet(cidr: Cidr, address: string): boolean {
  if (cidr.family === 6) return address === cidr.base;
  const value = (text: string) => text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const base = value(cidr.base);
  return value(address) === base || value(address) === base + 2 ** (32 - cidr.prefixLength) - 1;
}

function checkDependencies(guests: Record<string, GuestSpec>): SiteProblem[] {
  const problems: SiteProblem[] = [];
  for (const [name, guest] of Object.entries(guests)) {
    for (const [index, dependency] of guest.after.entries()) {
      const on = dependencyName(dependency);
      if (!guests[on]) problems.push({ path: ['guests', name, 'after', index], message: `guest “${name}” starts after “${on}”, which does not exist${didYouMean(on, Object.keys(guests))}` });
      else if (guests[on].autostart === false && guest.autostart && 'requires' in dependency) {
        problems.push({ path: ['guests', name, 'after', index], message: `guest “${name}” requires “${on}”, which is not started by itself (autostart: false)` });
      }
    }
  }
  for (const cycle of findCycles(guests)) {
    problems.push({ path: ['guests', cycle[0] as string, 'after'], message: `the guests wait for each other in a circle: ${[...cycle, cycle[0]].join(' → ')}` });
  }
  return problems;
}

/** Each circle once, beginning with its guest that comes first in the document. */
function findCycles(guests: Record<string, GuestSpec>): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const visit = (name: string, path: string[]): void => {
    const at = path.indexOf(name);
    if (at !== -1) {
      cycles.push(path.slice(at));
      return;
    }
    if (done.has(name)) return;
    for (const dependency of guests[name]?.after ?? []) visit(dependencyName(dependency), [...path, name]);
    done.add(name);
  };
  for (const name of Object.keys(guests)) visit(name, []);
  return cycles;
}

function checkFlows(site: Site): SiteProblem[] {
  const problems: SiteProblem[] = [];
  const guests = Object.entries(site.guests);
  const seen = new Map<string, number>();
  for (const [index, flow] of site.flows.entries()) {
    const text = describeFlow(flow);
    if (seen.has(text)) problems.push({ path: ['flows', index], message: `this flow stands twice: ${text}` });
    seen.set(text, index);
    for (const side of ['from', 'to'] as const) {
      const problem = endProblem(flow, side, site, guests);
      if (problem) problems.push({ path: ['flows', index, side], message: problem });
    }
    if (flow.from === 'world' && flow.to === 'world') problems.push({ path: ['flows', index], message: 'a flow from world to world does not pass through this site' });
    if (flow.from === 'host' || flow.to === 'host') {
      problems.push({ path: ['flows', index, flow.from === 'host' ? 'from' : 'to'], message: 'flows from or to the host are not supported by this version' });
    }
  }
  return problems;
}

function endProblem(flow: Flow, side: 'from' | 'to', site: Site, guests: [string, GuestSpec][]): string | undefined {
  const end = parseFlowEnd(flow[side]);
  switch (end?.kind) {
    case 'guest':
      return site.guests[end.name] ? undefined : `no guest is called “${end.name}”${didYouMean(end.name, [...Object.keys(site.guests), 'world', 'host', 'all'])}`;
    case 'zone': {
      if (!site.zones[end.name]) return `no zone is called “${end.name}”${didYouMean(end.name, Object.keys(site.zones))}`;
      return guests.some(([, guest]) => guest.zone === end.name) ? undefined : `zone “${end.name}” has no guest: this flow allows nothing`;
    }
    case 'label':
      return guests.some(([, guest]) => guest.labels[end.key] === end.value) ? undefined : `no guest has the label ${end.key}=${end.value}: this flow allows nothing`;
    case 'all':
      return guests.length > 0 ? undefined : 'there is no guest: this flow allows nothing';
    case 'world':
      return Object.values(site.zones).some((zone) => zone.uplink) ? undefined : 'no zone has an uplink, so there is no way to the world';
    default:
      return undefined;
  }
}
