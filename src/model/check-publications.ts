// Publications: each leads from an address that can be listened on, by an uplink, to as many ports of a guest of its zone, and no port twice.
import { cidrContains, familyOf, formatCidr, parseCidr } from './address.ts';
import { deviceOf, isReservedInSubnet, specialRangeOf, subnetsOf, type ZoneSubnet } from './check-zones.ts';
import { didYouMean } from './did-you-mean.ts';
import { countPorts, formatPorts, type Listen, mostShifted, parseListen, parsePublished, type Ports, targetPorts } from './publication.ts';
import { quote } from './quote.ts';
import {
  type DocumentPath,
  entries,
  isWhole,
  nicsOfGuest,
  type PublicationSketch,
  type SiteProblem,
  type SiteSketch,
  type ZoneSketch,
  zonesOfGuest,
} from './site-sketch.ts';
import { zoneAddressesOfHost } from './zone.ts';

interface Facts {
  site: SiteSketch;
  /** Of every zone that is known. */
  subnets: readonly (ZoneSubnet & { zone: string })[];
  /** Whose a fixed address is, or a router's. */
  owners: ReadonlyMap<string, string>;
}

export function checkPublications(site: SiteSketch): SiteProblem[] {
  const zones = entries(site.zones);
  const facts: Facts = {
    site,
    subnets: zones.flatMap(([zone, sketch]) => subnetsOf(sketch).map((subnet) => ({ ...subnet, zone }))),
    owners: ownersOf(site),
  };
  const seen: Seen[] = [];
  return zones.flatMap(([name, zone]) => {
    if (!zone.publish || zone.publish.length === 0) return [];
    if (zone.uplink === undefined) {
      const message = `zone ${quote(name)} has no uplink on which anything could be published: give it one, or take “publish” out`;
      return [{ path: ['zones', name, 'publish'], message }];
    }
    return zone.publish.flatMap((publication, index) => {
      if (!publication) return [];
      const path = ['zones', name, 'publish', index];
      return [
        ...checkTarget(publication, name, zone, facts, path),
        ...checkRange(publication, path),
        ...checkListen(publication, name, zone, facts, path),
        ...checkTwice(publication, seen, path, `publication ${index + 1} of zone ${quote(name)}`),
      ];
    });
  });
}

function checkTarget(
  { to, listen }: PublicationSketch,
  name: string,
  zone: ZoneSketch,
  { site }: Facts,
  path: DocumentPath,
): SiteProblem[] {
  const target = to === null ? undefined : parsePublished(to);
  if (!target || !site.guests) return [];
  const problem = (message: string) => [{ path: [...path, 'to'], message }];
  if (!Object.hasOwn(site.guests, target.guest))
    return problem(`no guest is called ${quote(target.guest)}${didYouMean(target.guest, Object.keys(site.guests))}`);
  const guest = site.guests[target.guest];
  const zones = guest ? zonesOfGuest(guest) : null;
  if (zones && !zones.includes(name))
    return problem(
      `guest ${quote(target.guest)} is in zone ${zones.map(quote).join(', ')}: a publication of zone ${quote(name)} leads to its own guests`,
    );
  const address = listen === null ? undefined : parseListen(listen)?.address;
  if (address === undefined || !isWhole(zone.subnets)) return [];
  const family = familyOf(address);
  return subnetsOf(zone).some(({ cidr }) => cidr.family === family)
    ? []
    : problem(`guest ${quote(target.guest)} has no IPv${family} address in zone ${quote(name)}, which ${address} could lead to`);
}

/** As many ports on one side as on the other. */
function checkRange({ listen, to }: PublicationSketch, path: DocumentPath): SiteProblem[] {
  const [listened, written] = [
    listen === null ? undefined : parseListen(listen)?.ports,
    to === null ? undefined : parsePublished(to)?.ports,
  ];
  if (!listened || !written) return [];
  const problem = (message: string) => [{ path: [...path, 'to'], message }];
  const ports = targetPorts(listened, written);
  const count = (range: Ports) => (countPorts(range) === 1 ? 'one port' : `${countPorts(range)} ports`);
  const several = count(listened);
  if (!ports && written.from === written.to) return problem(`${several} from ${written.from} on would go beyond 65535, the last one`);
  if (!ports)
    return problem(
      `${formatPorts(listened)} is ${several}, ${formatPorts(written)} ${count(written)}: both must be as many, or “to” name the first port alone`,
    );
  return ports.from !== listened.from && countPorts(ports) > mostShifted
    ? problem(
        `${several} would lead to others: at most ${mostShifted} can; a range of any length can keep its ports (${quote(formatPorts(listened))})`,
      )
    : [];
}

function checkListen({ listen, from }: PublicationSketch, name: string, zone: ZoneSketch, facts: Facts, path: DocumentPath): SiteProblem[] {
  const parsed = listen === null ? undefined : parseListen(listen);
  if (!parsed) return [];
  const message = listenProblem(parsed, name, zone, facts);
  const wrongSources = (from ?? []).flatMap((text, index) => {
    const cidr = text === null ? undefined : parseCidr(text);
    if (!cidr) return [];
    const inside = facts.subnets.find((subnet) => cidrContains(subnet.cidr, cidr.base) && subnet.cidr.prefixLength <= cidr.prefixLength);
    const said =
      cidr.family !== familyOf(parsed.address)
        ? `nobody comes to ${parsed.address} from ${formatCidr(cidr)}: one is IPv4, the other IPv6`
        : inside && `${formatCidr(cidr)} lies in zone ${quote(inside.zone)}: a publication is for the world, guests have flows`;
    return said ? [{ path: [...path, 'from', index], message: said }] : [];
  });
  return [...(message === undefined ? [] : [{ path: [...path, 'listen'], message }]), ...wrongSources];
}

function listenProblem({ address }: Listen, name: string, zone: ZoneSketch, { site, subnets, owners }: Facts): string | undefined {
  const cannot = `${address} cannot be listened on`;
  const special = specialRangeOf({ family: familyOf(address), base: address, prefixLength: familyOf(address) === 4 ? 32 : 128 });
  if (special) return `${cannot}: ${formatCidr(special.cidr)} is ${special.meaning}; an address on the uplink’s network is expected`;
  const owner = owners.get(address);
  if (owner !== undefined) return `${cannot}: it is taken by ${owner}`;
  const subnet = subnets.find(({ cidr }) => cidrContains(cidr, address));
  if (!subnet) return undefined;
  if (isReservedInSubnet(subnet, address))
    return `${cannot}: it is the first or last address of ${formatCidr(subnet.cidr)}, which is reserved`;
  const around = site.zones?.[subnet.zone];
  if (!around || around.uplink === null || around.masquerade === null) return undefined;
  const [device, other] = [deviceOf(zone), deviceOf(around)];
  if (around.uplink === undefined || around.masquerade)
    return `${cannot}: it lies in zone ${quote(subnet.zone)} (${formatCidr(subnet.cidr)}), whose addresses the world does not know`;
  return device !== undefined && other !== undefined && device !== other
    ? `${cannot}: it lies in zone ${quote(subnet.zone)} (${formatCidr(subnet.cidr)}), which is on ${other}; zone ${quote(name)} is on ${device}`
    : undefined;
}

interface Seen {
  protocol: 'tcp' | 'udp';
  address: string;
  ports: Ports;
  what: string;
}

function checkTwice({ listen, protocol }: PublicationSketch, seen: Seen[], path: DocumentPath, what: string): SiteProblem[] {
  const parsed = listen === null ? undefined : parseListen(listen);
  if (!parsed || protocol === null) return [];
  const { address, ports } = parsed;
  const before = seen.find(
    (each) => each.protocol === protocol && each.address === address && each.ports.from <= ports.to && ports.from <= each.ports.to,
  );
  seen.push({ protocol, address, ports, what });
  if (!before) return [];
  const both = formatPorts({ from: Math.max(ports.from, before.ports.from), to: Math.min(ports.to, before.ports.to) });
  return [{ path: [...path, 'listen'], message: `${protocol}/${both} of ${address} is published already: ${before.what}` }];
}

/** Those that have an address for good: guests with a fixed one, routers, and the host as a router. */
function ownersOf({ zones, guests }: SiteSketch): Map<string, string> {
  const owners = new Map<string, string>();
  for (const [name, guest] of entries(guests))
    for (const address of (nicsOfGuest(guest) ?? []).flatMap((nic) => nic?.addresses ?? []))
      if (address !== null) owners.set(address, `guest ${quote(name)}`);
  for (const [name, zone] of entries(zones)) {
    const { uplink, masquerade } = zone;
    for (const gateway of [uplink?.gateway, uplink?.gateway6])
      if (gateway !== undefined && gateway !== null) owners.set(gateway, `the router of zone ${quote(name)}`);
    const isKnown = isWhole(zone.subnets) && uplink !== null && masquerade !== null;
    if (isKnown && (uplink === undefined || masquerade))
      for (const address of zoneAddressesOfHost({ subnets: zone.subnets as readonly string[] }))
        owners.set(address, `the host, the router of zone ${quote(name)}`);
  }
  return owners;
}
