// What a guest's seed says about its nics: every address fixed, the host's routers and name servers, nothing asked for. Pure.
//
// Of several nics, for each family the first one whose zone has it is the way to everywhere else. What is said from an address of a nic leaves by
// that nic, whichever way it goes (a routing table for each): the host takes a packet from the nic that has its sender's address, and
// from no other.
import { type Cidr, cidrContains, familyOf, formatCidr, parseCidr } from '../model/address.ts';
import type { GuestRecord } from '../model/guest-status.ts';
import type { NetworkZone } from '../model/network-state.ts';
import type { SeedNic } from '../model/seed-nic.ts';
import { type GuestNic, guestNics } from './machine.ts';

/** Of a nic's own routing table. */
const firstTable = 101;

type Record = Pick<GuestRecord, 'uid' | 'spec' | 'hardware' | 'addresses'>;

/** Zones without which the guest has no network are left out; the caller looks that none is missing. */
export function seedNics(record: Record, zones: readonly NetworkZone[], siteName: string): SeedNic[] {
  const nics = guestNics(record).flatMap((nic) => {
    const zone = zones.find(({ name }) => name === nic.zone);
    return zone ? [{ nic, zone }] : [];
  });
  const hasFamily = ({ addresses }: GuestNic, family: 4 | 6) => addresses.some((address) => familyOf(address) === family);
  return nics.map(({ nic, zone }, index) => {
    const cidrs = zone.subnets.map((text) => parseCidr(text) as Cidr);
    const isFirst = (family: 4 | 6) => nics.findIndex((each) => hasFamily(each.nic, family)) === index;
    const gateways = zone.gateways.filter((gateway) => hasFamily(nic, familyOf(gateway)));
    const table = firstTable + index;
    return {
      mac: nic.mac,
      dhcp4: false,
      acceptRa: false,
      addresses: nic.addresses.map((address) => withLength(address, cidrs)),
      routes: [
        ...gateways.flatMap((via) => {
          const family = familyOf(via);
          // An IPv6 address stands alone: its zone's other addresses are beyond the router too.
          const beside = cidrs
            .filter((cidr) => cidr.family === 6 && family === 6)
            .map((cidr) => ({ to: formatCidr(cidr), via, onLink: true }));
          return isFirst(family) ? [{ to: everywhere(family), via, onLink: true }] : beside;
        }),
        ...(nics.length > 1 ? ownTable(gateways, cidrs, table) : []),
      ],
      rules: nics.length > 1 ? nic.addresses.map((from) => ({ from, table })) : [],
      nameServers: zone.hostAddresses.filter((address) => hasFamily(nic, familyOf(address))),
      searchDomains: [`${zone.name}.${siteName}`],
    };
  });
}

function ownTable(gateways: readonly string[], cidrs: readonly Cidr[], table: number): SeedNic['routes'] {
  return gateways.flatMap((via) => {
    const neighbours = cidrs
      .filter(({ family }) => family === 4 && familyOf(via) === 4)
      .map((cidr) => ({ to: formatCidr(cidr), onLink: false, table }));
    return [...neighbours, { to: everywhere(familyOf(via)), via, onLink: true, table }];
  });
}

function everywhere(family: 4 | 6): string {
  return family === 4 ? '0.0.0.0/0' : '::/0';
}

/** An IPv6 address stands alone: with its prefix the guest would look for its neighbours on a wire that is not there. */
function withLength(address: string, cidrs: readonly Cidr[]): string {
  if (familyOf(address) === 6) return `${address}/128`;
  return `${address}/${cidrs.find((cidr) => cidrContains(cidr, address))?.prefixLength ?? 32}`;
}
