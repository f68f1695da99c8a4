// What rules are rendered from, with every string checked: nothing of a state reaches nft that is not exactly of its kind.
import { CaissonError } from '../../lib/errors.ts';
import { rememberedOf } from '../../lib/remembered.ts';
import { type Family, familyOf } from '../../model/address.ts';
import { type NetworkNic, type NetworkPublication, type NetworkState, type NetworkZone, uplinkDevice } from '../../model/network-state.ts';
import { type AddressRange, AddressRanges } from './address-range.ts';
import { checkAddress, checkWord } from './safe-text.ts';

/** The link-local address of the host on every nic: the IPv6 router of every guest. */
export const routerLinkLocal = 'fe80::1';

export interface CheckedNic {
  tap: string;
  /** What its packets arrive by: its tap, or its zone's bridge. */
  device: string;
  bridged: boolean;
  mac: string;
  addresses: string[];
}

export interface CheckedState {
  ranges: AddressRanges;
  uplinks: string[];
  nics: CheckedNic[];
  /** Where the host answers guests. */
  own: string[];
  /** What is no address of the world: of nics, of the host, and of zones that the world does not know. */
  inside: AddressRange[];
  /** Subnets whose guests leave with the host's address. */
  masked: AddressRange[];
  publications: NetworkPublication[];
}

/** The bridge of a bridged zone. */
export function bridgeName(zone: Pick<NetworkZone, 'index'>): string {
  return `csb${zone.index}`;
}

/** Pure. Throws `invalid`. */
export function checkState(state: NetworkState): CheckedState {
  const ranges = new AddressRanges();
  const zones = new Map(state.zones.map((zone) => [zone.name, zone]));
  // Zones whose addresses are the institution's own, with a router of its own.
  const isPublic = (zone: NetworkZone) => zone.uplink !== undefined && !zone.masquerade;
  const subnetsOf = (list: NetworkZone[]) => list.flatMap((zone) => zone.subnets.map((subnet) => ranges.ofCidr(subnet)));
  const own = [
    routerLinkLocal,
    ...state.zones.flatMap((zone) => (isPublic(zone) ? zone.hostAddresses : [...zone.hostAddresses, ...zone.gateways])),
  ].map(checkAddress);
  const nics = state.nics.map((nic): CheckedNic => {
    const zone = zones.get(nic.zone);
    return zone?.bridged ? { ...checkNic(nic), bridged: true, device: checkWord('bridge', bridgeName(zone)) } : checkNic(nic);
  });
  const singles = [...own.filter((address) => address !== routerLinkLocal), ...nics.flatMap((nic) => nic.addresses)];
  return {
    ranges,
    uplinks: [
      ...new Set(state.zones.flatMap((zone) => (zone.uplink ? [checkWord('interface', uplinkDevice(zone.uplink))] : []))),
    ].toSorted(),
    nics,
    own,
    inside: [...singles.map((address) => ranges.ofAddress(address)), ...subnetsOf(state.zones.filter((zone) => !isPublic(zone)))],
    masked: subnetsOf(state.zones.filter((zone) => zone.masquerade)),
    publications: state.publications.map(checkPublication),
  };
}

/** As if on a wire of its own. Most of a large site's are there again at the next change. */
const checkNic = rememberedOf(({ tap, mac, addresses }: NetworkNic): CheckedNic => {
  const device = checkWord('tap', tap);
  return { tap: device, device, bridged: false, mac: checkWord('mac', mac), addresses: addresses.map(checkAddress) };
});

function checkPublication(publication: NetworkPublication): NetworkPublication {
  const { protocol, listen, ports, to } = publication;
  const isPort = (value: unknown) => typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65_535;
  checkWord('interface', publication.uplink);
  if (
    (protocol !== 'tcp' && protocol !== 'udp') ||
    !isPort(ports.from) ||
    !isPort(ports.to) ||
    ports.from > ports.to ||
    !isPort(to.port) ||
    !isPort(to.port + ports.to - ports.from) ||
    familyOf(checkAddress(listen)) !== familyOf(checkAddress(to.address))
  )
    throw new CaissonError('invalid', `${JSON.stringify(publication).slice(0, 120)} is not a publication that network rules can make`);
  return publication;
}

export function ofFamily(family: Family, addresses: readonly string[]): string[] {
  return addresses.filter((address) => familyOf(address) === family);
}
