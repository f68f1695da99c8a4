// The whole of the guests' network filter as the text of one nftables table, applied in one transaction.
//
// What it keeps true, for interfaces that are taps (`csg*`) or uplinks of the state, and for no other interface of the host:
// - A packet from a tap carries that nic's MAC and one of its addresses, or is dropped before connection tracking sees it.
// - A new connection passes only when a flow allows it; one made under earlier rules is judged again at its next packet,
//   because it carries the mark of the rules that let it pass, and only the present mark passes unasked.
// - The cost of a packet does not grow with guests or flows: every decision is a lookup in a set.
// - From taps the host itself is reached for DHCP, names, neighbour discovery, echo and what flows to `host` allow.
// - Refused: from taps answered with ICMP admin-prohibited, from the world dropped.
//
// World is whatever comes or goes by an uplink with an address that is not `inside`: no address of a nic or of the host,
// nor in a zone without uplink. The host may always speak to guests (readiness checks).
import { createHash } from 'node:crypto';
import { type Family, familyOf } from '../../model/address.ts';
import type { NetworkState } from '../../model/network-state.ts';
import { AddressRanges, mergeRanges } from './address-range.ts';
import { type Path, renderFlows } from './render-flows.ts';
import { checkAddress, checkWord } from './safe-text.ts';

/** The link-local address of the host on every tap: the IPv6 router of every guest. */
export const routerLinkLocal = 'fe80::1';

export interface RenderedRules {
  /** For `nft -f`: replaces the table in one transaction. */
  text: string;
  /** Name of an empty chain in the table, made from a hash of the rules: tells which rules are in force. */
  stateChain: string;
}

/** Pure. Throws `invalid` when a string of the state is not exactly what it should be. */
export function renderRules(state: NetworkState): RenderedRules {
  const ranges = new AddressRanges();
  const uplinks = [
    ...new Set(state.zones.flatMap((zone) => (zone.uplink ? [checkWord('interface', zone.uplink.interface)] : []))),
  ].toSorted();
  const own = [
    routerLinkLocal,
    ...state.zones.flatMap((zone) => (zone.uplink ? zone.hostAddresses : [...zone.hostAddresses, ...zone.gateways])),
  ].map(checkAddress);
  const nics = state.nics.map((nic) => ({
    tap: checkWord('tap', nic.tap),
    mac: checkWord('mac', nic.mac),
    addresses: nic.addresses.map(checkAddress),
  }));
  const addresses = nics.flatMap((nic) => nic.addresses);
  const inside = [
    ...[...own, ...addresses].filter((address) => address !== routerLinkLocal).map((address) => ranges.ofAddress(address)),
    ...state.zones.filter((zone) => !zone.uplink).flatMap((zone) => zone.subnets.map((subnet) => ranges.ofCidr(subnet))),
  ];
  const guests = (family: Family) =>
    nics.flatMap((nic) =>
      nic.addresses.filter((address) => familyOf(address) === family).map((address) => `"${nic.tap}" . ${nic.mac} . ${address}`),
    );
  const flows = renderFlows(state, ranges);
  const ofFamily = (family: Family, addresses: string[]) => addresses.filter((address) => familyOf(address) === family);

  const sets = [
    renderSet(
      'uplinks',
      'ifname',
      '',
      uplinks.map((name) => `"${name}"`),
    ),
    renderSet(
      'macs',
      'ifname . ether_addr',
      '',
      nics.map((nic) => `"${nic.tap}" . ${nic.mac}`),
    ),
    renderSet('guests4', 'ifname . ether_addr . ipv4_addr', '', guests(4)),
    renderSet('guests6', 'ifname . ether_addr . ipv6_addr', '', guests(6)),
    renderSet('addresses4', 'ipv4_addr', '', ofFamily(4, addresses)),
    renderSet('addresses6', 'ipv6_addr', '', ofFamily(6, addresses)),
    renderSet('own4', 'ipv4_addr', '', ofFamily(4, own)),
    renderSet('own6', 'ipv6_addr', '', ofFamily(6, own)),
    renderSet('inside4', 'ipv4_addr', 'interval', mergeRanges(4, inside)),
    renderSet('inside6', 'ipv6_addr', 'interval', mergeRanges(6, inside)),
    ...flows.map((set) => renderSet(set.name, set.type, 'interval', set.elements)),
  ];
  const lookups = (path: Path, direction: 'original' | 'reply') =>
    flows
      .filter((set) => set.path === path)
      .map((set) => `${direction === 'original' ? set.original : set.reply} goto ${path === 'hosted' ? 'admit' : 'permit'}`);

  const render = (stateChain: string, mark: string) => {
    const judged = [`ct state established,related ct mark ${mark} accept`, 'ct state invalid counter drop'];
    return [
      ...sets,
      renderChain(stateChain, []),
      renderChain('arrival', [
        'type filter hook prerouting priority raw; policy accept;',
        'iifname "csg*" goto source',
        'iifname @uplinks ip saddr @inside4 counter drop',
        'iifname @uplinks ip6 saddr @inside6 counter drop',
        // Inside, but no guest: the host's own, or free, which the route to nowhere would answer.
        'iifname @uplinks ip daddr @inside4 ip daddr != @addresses4 counter drop',
        'iifname @uplinks ip6 daddr @inside6 ip6 daddr != @addresses6 counter drop',
      ]),
      renderChain('source', [
        'icmp type redirect counter drop',
        'icmpv6 type nd-redirect counter drop',
        'iifname . ether saddr . ip saddr @guests4 accept',
        'iifname . ether saddr . ip6 saddr @guests6 accept',
        'iifname . ether saddr @macs goto unaddressed',
        'counter drop',
      ]),
      // Before a guest has its address, and what IPv6 says from link-local addresses.
      renderChain('unaddressed', [
        'ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept',
        'ip6 saddr fe80::/64 icmpv6 type { echo-request, nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } accept',
        'ip6 saddr fe80::/64 udp sport 546 udp dport 547 accept',
        'ip6 saddr :: icmpv6 type { nd-router-solicit, nd-neighbor-solicit } accept',
        'counter drop',
      ]),
      renderChain('input', ['type filter hook input priority filter; policy accept;', 'iifname "csg*" goto to_host']),
      renderChain('to_host', [
        'ct state established,related ct direction reply accept',
        'ip daddr { 255.255.255.255 } udp sport 68 udp dport 67 accept',
        'ip daddr @own4 udp sport 68 udp dport 67 accept',
        'ip daddr @own4 udp dport 53 accept',
        'ip daddr @own4 tcp dport 53 accept',
        'ip daddr @own4 icmp type echo-request limit rate 100/second accept',
        'icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept',
        'ip6 daddr { ff02::1:2 } udp sport 546 udp dport 547 accept',
        'ip6 daddr @own6 udp sport 546 udp dport 547 accept',
        'ip6 daddr @own6 udp dport 53 accept',
        'ip6 daddr @own6 tcp dport 53 accept',
        'ip6 daddr @own6 icmpv6 type echo-request limit rate 100/second accept',
        ...lookups('hosted', 'original'),
        'goto refuse',
      ]),
      renderChain('forward', [
        'type filter hook forward priority filter; policy accept;',
        'iifname "csg*" oifname "csg*" goto between',
        'iifname "csg*" oifname @uplinks goto leaving',
        'iifname @uplinks oifname "csg*" goto entering',
        'iifname "csg*" goto refuse',
        'oifname "csg*" goto refuse',
        'iifname @uplinks oifname @uplinks counter drop',
      ]),
      renderChain('between', [...judged, 'ct direction reply goto between_reply', ...lookups('between', 'original'), 'goto refuse']),
      renderChain('entering', [...judged, 'ct direction reply goto leaving_reply', ...lookups('entering', 'original'), 'goto refuse']),
      renderChain('leaving', [
        ...judged,
        'ct direction reply goto entering_reply',
        'ip daddr @inside4 goto refuse',
        'ip6 daddr @inside6 goto refuse',
        ...lookups('leaving', 'original'),
        'goto refuse',
      ]),
      // The reply direction of a connection that earlier rules let pass: looked up as its first packet went.
      renderChain('between_reply', [...lookups('between', 'reply'), 'goto refuse']),
      renderChain('entering_reply', [...lookups('entering', 'reply'), 'goto refuse']),
      renderChain('leaving_reply', [...lookups('leaving', 'reply'), 'goto refuse']),
      renderChain('permit', [`ct mark set ${mark} accept`]),
      renderChain('admit', ['accept']),
      renderChain('refuse', ['iifname "csg*" counter reject with icmpx admin-prohibited', 'counter drop']),
    ].join('\n');
  };

  const digest = createHash('sha256').update(render('state', '0')).digest('hex');
  const stateChain = `state_${digest.slice(0, 32)}`;
  // Never 0, the mark of a connection that nobody has marked.
  const mark = `0x${((Number.parseInt(digest.slice(32, 40), 16) | 1) >>> 0).toString(16).padStart(8, '0')}`;
  return { stateChain, text: `add table inet caisson\ndelete table inet caisson\ntable inet caisson {\n${render(stateChain, mark)}\n}\n` };
}

function renderSet(name: string, type: string, flags: string, elements: string[]): string {
  const unique = [...new Set(elements)];
  const sorted = flags === '' ? unique.toSorted() : unique;
  return `\tset ${name} {\n\t\ttype ${type}\n${flags && `\t\tflags ${flags}\n`}${sorted.length === 0 ? '' : `\t\telements = {\n\t\t\t${sorted.join(',\n\t\t\t')}\n\t\t}\n`}\t}`;
}

function renderChain(name: string, rules: string[]): string {
  return `\tchain ${name} {\n${rules.map((rule) => `\t\t${rule}\n`).join('')}\t}`;
}
