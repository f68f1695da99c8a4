// What a state asks of the kernel beside rules: zones, nics, and what dnsmasq reads. Pure.
import { CaissonError } from '../../lib/errors.ts';
import { cidrContains, familyOf } from '../../model/address.ts';
import type { NetworkHelper, NicUpArgs, ZonesArgs } from '../../model/network-helper.ts';
import { type NetworkNic, type NetworkState, type NetworkZone, uplinkDevice } from '../../model/network-state.ts';
import { bridgeName, routerLinkLocal } from './checked-state.ts';
import { type DnsmasqTexts, renderDnsmasq } from './render-dnsmasq.ts';
import { type RenderedRules, renderRules } from './render-rules.ts';
import { checkCidr } from './safe-text.ts';

export interface WantedNetwork {
  rules: RenderedRules;
  zones: ZonesArgs['zones'];
  listened: ZonesArgs['listened'];
  names: DnsmasqTexts;
  nics: Map<string, NicUpArgs>;
}

const mtu = 1500;

/** Throws `invalid` when a string of the state is not exactly what it should be, and for a nic of no zone. */
export function renderNetwork(state: NetworkState, resolvers: readonly string[]): WantedNetwork {
  const places = new Map(state.zones.map((zone) => [zone.name, { zone, hostAddresses: zone.bridged ? [] : hostAddressesOf(zone) }]));
  const listened = state.publications.map(({ uplink, listen }) => ({ interface: uplink, address: listen }));
  return {
    rules: renderRules(state),
    names: renderDnsmasq(state, resolvers),
    zones: state.zones.map(zoneArgs),
    listened: [...new Map(listened.map((one) => [`${one.interface} ${one.address}`, one])).values()],
    nics: new Map(state.nics.map((nic) => [nic.tap, nicArgs(nic, places.get(nic.zone))])),
  };
}

/** Where a nic's addresses are answered for: on the wire of a zone whose addresses the institution knows. */
export function nicPlace(nic: NicUpArgs): Omit<Parameters<NetworkHelper['nicDown']>[0], 'uid' | 'tap'> {
  const { guestAddresses, uplink, bridge } = nic;
  return { guestAddresses, ...(uplink !== undefined && { uplink }), ...(bridge !== undefined && { bridge }) };
}

function zoneArgs(zone: NetworkZone): ZonesArgs['zones'][number] {
  const { subnets, uplink, masquerade, bridged } = zone;
  return {
    subnets,
    ...(uplink && {
      uplink: {
        interface: uplinkDevice(uplink),
        ...(uplink.vlan !== undefined && { parent: uplink.interface, vlan: uplink.vlan }),
        ...(uplink.gateway !== undefined && { gateway: uplink.gateway }),
        ...(uplink.gateway6 !== undefined && { gateway6: uplink.gateway6 }),
      },
    }),
    ...(masquerade && { masquerade }),
    ...(bridged && { bridge: { name: bridgeName(zone), mtu, hostAddresses: hostAddressesOf(zone) } }),
  };
}

function nicArgs(nic: NetworkNic, place: { zone: NetworkZone; hostAddresses: string[] } | undefined): NicUpArgs {
  if (!place) throw new CaissonError('invalid', `nic ${nic.tap} is in zone ${JSON.stringify(nic.zone)}, which the network does not have`);
  const { zone, hostAddresses } = place;
  return {
    uid: nic.guest,
    tap: nic.tap,
    mtu,
    mac: nic.mac,
    hostAddresses,
    guestAddresses: nic.addresses,
    ...(zone.uplink && !zone.masquerade && { uplink: uplinkDevice(zone.uplink) }),
    ...(zone.bridged && { bridge: bridgeName(zone) }),
  };
}

/** With their prefixes, and the router of IPv6. */
function hostAddressesOf(zone: NetworkZone): string[] {
  const subnets = zone.subnets.map(checkCidr);
  const addresses = zone.hostAddresses.map((address) => {
    const subnet = subnets.find((candidate) => cidrContains(candidate, address));
    return `${address}/${subnet?.prefixLength ?? (familyOf(address) === 4 ? 32 : 128)}`;
  });
  const hasIpv6 = subnets.some(({ family }) => family === 6);
  return [...new Set(hasIpv6 ? [...addresses, `${routerLinkLocal}/64`] : addresses)];
}
