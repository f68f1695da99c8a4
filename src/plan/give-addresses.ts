// Which addresses every guest of a site has: the wished ones, and for each family of a nic's zone without one an address from the zone's pool,
// which the guest keeps for its life. Pure.
import { CaissonError } from '../lib/errors.ts';
import { addressFromBigInt, type Cidr, cidrBounds, cidrContains, familyOf, parseCidr } from '../model/address.ts';
import { parseListen } from '../model/publication.ts';
import type { Site } from '../model/site.ts';
import { type Zone, zoneAddressesOfHost } from '../model/zone.ts';

/** A nic's share of its zone's pool in one family. */
interface Share {
  guest: string;
  nic: number;
  zone: string;
  cidr: Cidr;
}

/**
 * For each guest the addresses of each nic. `before`: what each has now, by its name. Throws `conflict` when an address that a guest
 * keeps is wished for something else, and `no-capacity` when a pool is empty.
 */
export function giveAddresses(site: Site, before: ReadonlyMap<string, readonly string[]>): Map<string, string[][]> {
  const given = new Map(Object.entries(site.guests).map(([name, { nics }]) => [name, nics.map(({ addresses }) => [...addresses])]));
  const owners = wishedAddresses(site);
  const give = ({ guest, nic }: Share, address: string) => {
    owners.set(address, `guest “${guest}”`);
    given.get(guest)?.[nic]?.push(address);
  };
  const left: Share[] = [];
  for (const share of sharesOf(site)) {
    const kept = before.get(share.guest)?.find((address) => isOf(share.cidr, address));
    const owner = kept === undefined ? undefined : owners.get(kept);
    if (kept === undefined) left.push(share);
    else if (owner === undefined) give(share, kept);
    else
      throw new CaissonError(
        'conflict',
        `${kept} cannot be for ${owner}: guest “${share.guest}” has it from the pool of zone “${share.zone}”; choose another address, or give guest “${share.guest}” a fixed one`,
      );
  }
  for (const share of left)
    give(
      share,
      lowestFree(share, (address) => owners.has(address)),
    );
  return given;
}

/** What a guest keeps cannot be the first or last address of a subnet that has become smaller. */
function isOf(cidr: Cidr, address: string): boolean {
  const { first, last } = cidrBounds(cidr);
  return (
    cidrContains(cidr, address) &&
    address !== addressFromBigInt(cidr.family, first) &&
    (cidr.family === 6 || address !== addressFromBigInt(4, last))
  );
}

/** Whatever has an address for good, by what it is for. */
function wishedAddresses({ guests, zones }: Site): Map<string, string> {
  const owners = new Map<string, string>();
  for (const [name, zone] of Object.entries(zones)) {
    for (const address of zoneAddressesOfHost(zone)) owners.set(address, `the router of zone “${name}”`);
    for (const gateway of [zone.uplink?.gateway, zone.uplink?.gateway6])
      if (gateway !== undefined) owners.set(gateway, `the router of zone “${name}”`);
    for (const { listen } of zone.publish ?? []) owners.set(parseListen(listen)?.address ?? '', `a publication of zone “${name}”`);
  }
  for (const [name, { nics }] of Object.entries(guests))
    for (const address of nics.flatMap(({ addresses }) => addresses)) owners.set(address, `guest “${name}”`);
  return owners;
}

function sharesOf({ guests, zones }: Site): Share[] {
  return Object.entries(guests).flatMap(([guest, { nics }]) =>
    nics.flatMap(({ zone, addresses }, nic) =>
      subnetsOf(zones[zone])
        .filter(({ family }) => !addresses.some((address) => familyOf(address) === family))
        .map((cidr) => ({ guest, nic, zone, cidr })),
    ),
  );
}

function subnetsOf(zone: Zone | undefined): Cidr[] {
  return (zone?.subnets ?? []).flatMap((text) => parseCidr(text) ?? []);
}

function lowestFree({ guest, zone, cidr }: Share, isTaken: (address: string) => boolean): string {
  const { first, last } = cidrBounds(cidr);
  // Below .10 people expect routers and the like; small subnets use what there is.
  const start = last - first > 32n ? first + 10n : first + 1n;
  for (let value = start; value < last; value++) {
    const address = addressFromBigInt(cidr.family, value);
    if (!isTaken(address)) return address;
  }
  for (let value = first + 1n; value < start; value++) {
    const address = addressFromBigInt(cidr.family, value);
    if (!isTaken(address)) return address;
  }
  throw new CaissonError(
    'no-capacity',
    `zone “${zone}” has no free IPv${cidr.family} address for guest “${guest}” (${cidr.base}/${cidr.prefixLength} is full)`,
  );
}
