// The configuration of dnsmasq for all zones: fixed addresses by DHCP and DHCPv6, router advertisements, and the names
// `GUEST.ZONE.SITE`. It hands out what is listed and nothing else, keeps no lease file (an address is its guest's whether asked for or
// not), and asks nobody else for names unless resolvers are given: names could carry data out of a zone that reaches nothing.
//
// A tap, or the bridge of a bridged zone, carries its zone's host address with the length of the subnet, from which dnsmasq knows what may be given there. Where the
// institution's router has the subnet's usual address the host serves from a link-local one, joined to the subnet by `shared-network`.
import { rememberedOf } from '../../lib/remembered.ts';
import { type Cidr, cidrContains, familyOf } from '../../model/address.ts';
import type { NetworkNic, NetworkState, NetworkZone } from '../../model/network-state.ts';
import { checkAddress, checkCidr, checkWord } from './safe-text.ts';

export interface DnsmasqTexts {
  /** Changes seldom; a change needs a restart. */
  config: string;
  /** Nics; read again on request. */
  dhcpHosts: string;
  names: string;
}

/** Pure. Throws `invalid` when a string of the state is not exactly what it should be. */
/**
 * Who hands out addresses in IPv6, the same on every host, under the number that is reserved for examples (RFC 5612). Else it is made of some
 * interface's MAC, at each start perhaps of another one; and without any, in a namespace that has no guest yet, dnsmasq does not start.
 */
const serverId = '32473,ca:15:50:00:00:01';

export function renderDnsmasq(state: NetworkState, resolvers: readonly string[]): DnsmasqTexts {
  const site = checkWord('label', state.site);
  const zones = state.zones.toSorted((a, b) => a.index - b.index);
  const hasIpv6 = zones.some((zone) => zone.subnets.some((subnet) => familyOf(subnet) === 6));
  const config = [
    'port=53',
    'interface=csg*',
    ...(zones.some((zone) => zone.bridged) ? ['interface=csb*'] : []),
    'except-interface=lo',
    'bind-dynamic',
    'no-hosts',
    'no-resolv',
    'no-poll',
    'no-ping',
    'leasefile-ro',
    'dhcp-authoritative',
    'quiet-dhcp',
    'quiet-dhcp6',
    'quiet-ra',
    `local=/${site}/`,
    ...resolvers.map((address) => `server=${checkAddress(address)}`),
    ...(hasIpv6 ? ['enable-ra', `dhcp-duid=${serverId}`] : []),
    ...zones.flatMap((zone) =>
      renderZone(
        zone,
        site,
        state.nics.some((nic) => nic.aside && nic.zone === zone.name),
      ),
    ),
  ];
  return { config: toText(config), ...renderNics(state, site) };
}

function renderZone(zone: NetworkZone, site: string, hasAside: boolean): string[] {
  const domain = `${checkWord('label', zone.name)}.${site}`;
  return zone.subnets.map(checkCidr).flatMap((subnet, number) => {
    const tag = `z${zone.index}n${number}`;
    const addresses = zone.hostAddresses.map(checkAddress).filter((address) => familyOf(address) === subnet.family);
    const own = addresses.find((address) => cidrContains(subnet, address)) ?? addresses[0];
    const search = `${domain},${site}`;
    if (subnet.family === 6) {
      return [
        `domain=${domain},${subnet.base}/${subnet.prefixLength}`,
        `dhcp-range=set:${tag},${subnet.base},static,off-link,${subnet.prefixLength},1h`,
        ...(own ? [`dhcp-option=tag:${tag},option6:dns-server,[${own}]`] : []),
        `dhcp-option=tag:${tag},option6:domain-search,${search}`,
      ];
    }
    const gateways = zone.gateways.map(checkAddress).filter((address) => familyOf(address) === 4);
    const gateway = gateways.find((address) => cidrContains(subnet, address)) ?? gateways[0];
    return [
      `domain=${domain},${subnet.base}/${subnet.prefixLength}`,
      ...(own && !cidrContains(subnet, own) ? [`shared-network=${own},${subnet.base}`] : []),
      `dhcp-range=set:${tag},${subnet.base},static,${maskOf(subnet)},1h`,
      ...(gateway ? [`dhcp-option=tag:${tag},${hasAside ? 'tag:!aside,' : ''}option:router,${gateway}`] : []),
      // Without a value: else dnsmasq names itself.
      ...(hasAside ? [`dhcp-option=tag:${tag},tag:aside,option:router`] : []),
      ...(own ? [`dhcp-option=tag:${tag},option:dns-server,${own}`] : []),
      `dhcp-option=tag:${tag},option:domain-search,${search}`,
    ];
  });
}

function renderNics(state: NetworkState, site: string): { dhcpHosts: string; names: string } {
  const nics = state.nics.toSorted((a, b) => (a.tap < b.tap ? -1 : 1)).map(linesOf);
  return {
    dhcpHosts: toText(nics.map(({ host }) => host)),
    names: nics.map(({ names }) => names.map((name) => `${name}.${site}\n`).join('')).join(''),
  };
}

/** Of one nic; most of a large site's are there again at the next change. */
const linesOf = rememberedOf((nic: NetworkNic): { host: string; names: string[] } => {
  const guest = checkWord('label', nic.guestName);
  const addresses = nic.addresses.map(checkAddress);
  const ipv4 = addresses.find((address) => familyOf(address) === 4);
  const ipv6 = addresses.filter((address) => familyOf(address) === 6).map((address) => `[${address}]`);
  return {
    host: [checkWord('mac', nic.mac), ...(nic.aside ? ['set:aside'] : []), ...(ipv4 ? [ipv4] : []), ...ipv6, guest].join(','),
    names: addresses.map((address) => `${address} ${guest}.${checkWord('label', nic.zone)}`),
  };
});

function maskOf({ prefixLength }: Cidr): string {
  return [0, 8, 16, 24].map((before) => 256 - 2 ** (8 - Math.min(8, Math.max(0, prefixLength - before)))).join('.');
}

function toText(lines: string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}
