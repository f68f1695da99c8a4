// Addresses of guests: each lies in its zone, belongs to one guest, and every guest finds one.
import { addressToBigInt, familyOf, formatCidr } from './address.ts';
import { checkZones, isReservedInSubnet, subnetsOf, type ZoneSubnet } from './check-zones.ts';
import { quote } from './quote.ts';
import {
  addressesOfGuest,
  type DocumentPath,
  entries,
  type GuestSketch,
  isWhole,
  type Known,
  nicsOfGuest,
  type SiteProblem,
  type SiteSketch,
  type ZoneSketch,
  zonesOfGuest,
} from './site-sketch.ts';
import { zoneAddressesOfHost } from './zone.ts';

export function checkAddresses(site: SiteSketch): SiteProblem[] {
  const zones = entries(site.zones);
  const guests = entries(site.guests);
  // Of zones that are wholly known only: nothing is outside of a zone of which a part is not.
  const subnets = new Map(zones.filter(([, zone]) => isWhole(zone.subnets)).map(([name, zone]) => [name, subnetsOf(zone)]));
  return [
    ...checkZones(zones),
    ...guests.flatMap(([name, guest]) => checkInside(name, guest, subnets)),
    ...checkOwners(zones, guests),
    ...checkRoom(site, guests, subnets),
  ];
}

function checkInside(name: string, guest: GuestSketch, subnets: Map<string, ZoneSubnet[]>): SiteProblem[] {
  return fixedAddresses(name, guest).flatMap(({ address, zone, path }) => {
    const ofZone = zone === null ? undefined : subnets.get(zone);
    if (!ofZone) return [];
    const family = familyOf(address);
    const value = addressToBigInt(address);
    const subnet = ofZone.find(({ cidr, first, last }) => cidr.family === family && value >= first && value <= last);
    if (!subnet) {
      const ranges = ofZone.map(({ cidr }) => formatCidr(cidr)).join(', ');
      return [{ path, message: `${address} of guest ${quote(name)} lies outside zone ${quote(zone ?? '')} (${ranges})` }];
    }
    if (!isReservedInSubnet(subnet, address)) return [];
    const message = `guest ${quote(name)} cannot have ${address}: it is the first or last address of ${formatCidr(subnet.cidr)}, which is reserved`;
    return [{ path, message }];
  });
}

interface FixedAddress {
  address: string;
  zone: Known<string>;
  path: DocumentPath;
}

function fixedAddresses(name: string, guest: GuestSketch): FixedAddress[] {
  return (nicsOfGuest(guest) ?? []).flatMap((nic, index) =>
    (nic?.addresses ?? []).flatMap((address, at): FixedAddress[] =>
      address === null ? [] : [{ address, zone: nic?.zone ?? null, path: ['guests', name, 'nics', index, 'addresses', at] }],
    ),
  );
}

function checkOwners(zones: [string, ZoneSketch][], guests: [string, GuestSketch][]): SiteProblem[] {
  const problems: SiteProblem[] = [];
  const routers = new Map(zones.flatMap(([name, zone]) => hostAddressesOf(zone).map((address) => [address, name] as const)));
  const owners = new Map<string, string>();
  for (const [name, guest] of guests) {
    for (const { address, path } of fixedAddresses(name, guest)) {
      const router = routers.get(address);
      const owner = owners.get(address);
      if (router !== undefined)
        problems.push({
          path,
          message: `guest ${quote(name)} cannot have ${address}: it is the router’s address in zone ${quote(router)}`,
        });
      else if (owner === name) problems.push({ path, message: `${address} stands twice in guest ${quote(name)}` });
      else if (owner !== undefined)
        problems.push({ path, message: `guest ${quote(name)} cannot have ${address}: it is taken by guest ${quote(owner)}` });
      else owners.set(address, name);
    }
  }
  return problems;
}

function hostAddressesOf(zone: ZoneSketch): string[] {
  const { subnets, uplink, masquerade } = zone;
  if (!isWhole(subnets) || masquerade === null || uplink === null || uplink?.gateway === null || uplink?.gateway6 === null) return [];
  return zoneAddressesOfHost({ subnets, uplink: uplink as { gateway?: string; gateway6?: string } | undefined, masquerade });
}

/** Every guest needs an address of each family that its zone has; those of the network, the router and the broadcast are not for guests. */
function checkRoom(site: SiteSketch, guests: [string, GuestSketch][], subnets: Map<string, ZoneSubnet[]>): SiteProblem[] {
  const allKnown =
    site.guests &&
    guests.length === Object.keys(site.guests).length &&
    guests.every(([, guest]) => zonesOfGuest(guest) && addressesOfGuest(guest));
  if (!allKnown) return [];
  const problems: SiteProblem[] = [];
  const taken = new Map<ZoneSubnet, number>();
  for (const [name, guest] of guests) {
    for (const [index, nic] of (nicsOfGuest(guest) ?? []).entries()) {
      for (const subnet of subnets.get(nic?.zone ?? '') ?? []) {
        const { cidr, first, last } = subnet;
        const fixed = (nic?.addresses ?? []).filter((address) => address !== null && familyOf(address) === cidr.family).length;
        const before = taken.get(subnet) ?? 0;
        const count = before + Math.max(1, fixed);
        taken.set(subnet, count);
        const room = last - first + 1n - (cidr.family === 4 ? 3n : 2n);
        // Said once, of the first guest that finds none.
        if (BigInt(count) <= room || BigInt(before) > room) continue;
        const message = `guest ${quote(name)} finds no free address in zone ${quote(nic?.zone ?? '')}: ${formatCidr(cidr)} has room for ${room}`;
        problems.push({ path: ['guests', name, 'nics', index, 'zone'], message });
      }
    }
  }
  return problems;
}
