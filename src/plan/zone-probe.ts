// A probe of a zone: what a guest there would be that no flow names. Its addresses are free ones of the zone's. Pure.
import { type Cidr, addressFromBigInt, cidrBounds, familyOf, parseCidr } from '../model/address.ts';
import { type NetworkNic, type NetworkState, type NetworkZone, uplinkDevice } from '../model/network-state.ts';
import { tapName } from './machine.ts';

export interface ZoneProbe {
  nic: NetworkNic;
  /** With the length of their prefix, as a guest's seed has them. */
  addresses: string[];
  routers: string[];
  uplink?: string;
}

/** `taken`: further addresses that it must not have. Undefined when the zone has no free one. */
export function planProbe(
  state: NetworkState,
  zone: NetworkZone,
  identity: { uid: string; mac: string },
  taken: ReadonlySet<string>,
): ZoneProbe | undefined {
  const used = new Set([...taken, ...addressesInUse(state)]);
  const chosen = zone.subnets.flatMap((text) => {
    const cidr = parseCidr(text) as Cidr;
    const address = freeAddress(cidr, used);
    return address === undefined ? [] : [{ address, length: cidr.family === 6 ? 128 : cidr.prefixLength }];
  });
  if (chosen.length === 0) return undefined;
  const addresses = chosen.map(({ address }) => address);
  return {
    nic: {
      guest: identity.uid,
      guestName: `probe-${identity.uid}`,
      zone: zone.name,
      tap: tapName(identity.uid, 0),
      mac: identity.mac,
      addresses,
    },
    addresses: chosen.map(({ address, length }) => `${address}/${length}`),
    routers: zone.gateways.filter((gateway) => addresses.some((address) => familyOf(address) === familyOf(gateway))),
    // Behind the host's address nobody on the uplink's wire can have one of these.
    ...(zone.uplink && !zone.masquerade ? { uplink: uplinkDevice(zone.uplink) } : {}),
  };
}

function addressesInUse({ nics, zones, publications }: NetworkState): string[] {
  return [
    ...nics.flatMap((nic) => nic.addresses),
    ...zones.flatMap(({ gateways, hostAddresses, uplink }) => [
      ...gateways,
      ...hostAddresses,
      uplink?.gateway ?? '',
      uplink?.gateway6 ?? '',
    ]),
    ...publications.map(({ listen }) => listen),
  ];
}

/** Far from where people and pools begin to count: somewhere within a wide range, else from its end. */
function freeAddress(cidr: Cidr, used: ReadonlySet<string>): string | undefined {
  const { first, last } = cidrBounds(cidr);
  const isWide = last - first > 0xffff_ffffn;
  const [start, step] = isWide ? [first + 0x9e0b_e000n, 1n] : [last - (last - first > 32n ? 10n : 1n), -1n];
  for (let value = start; value > first && value < last; value += step) {
    const address = addressFromBigInt(cidr.family, value);
    if (!used.has(address)) return address;
  }
  return undefined;
}
