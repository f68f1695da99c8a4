// The shared wire of bridged zones: what is asked of a nic of its own is asked here of each port of the bridge, as far as that goes.
//
// - A frame is IPv4, IPv6 or ARP, without a VLAN's tag, from the port's own MAC and address; addresses are claimed by their owners only.
// - Nobody but the host advertises routes, hands out addresses or redirects.
// - Between two ports only what a flow allows passes. Connections are not tracked here: answers are told by their ports alone, so whoever
//   may be asked on a port can speak from that port to whoever may ask. That, and the wire itself, is what makes these zones weaker.
import type { NetworkState } from '../../model/network-state.ts';
import { type CheckedState, ofFamily, routerLinkLocal } from './checked-state.ts';
import { type FlowSet, renderSharing } from './render-flows.ts';
import { asNumber, renderCards, senderSets } from './render-guard.ts';
import type { Table } from './table.ts';

const dropped = 'counter drop';
const extensions = '0, 43, 44, 51, 60, 135, 139, 140, 253, 254';

/** Pure. Undefined without bridged zones. */
export function renderBridge(checked: CheckedState, state: NetworkState): Table | undefined {
  if (!state.zones.some((zone) => zone.bridged)) return undefined;
  const nics = checked.nics.filter((nic) => nic.bridged).map((nic) => ({ ...nic, device: nic.tap }));
  const flows = renderSharing(state, checked.ranges);
  return {
    family: 'bridge',
    limits: [],
    sets: [
      ...senderSets(nics),
      {
        name: 'claims6',
        declared: 'typeof',
        type: 'iifname . ether saddr . @th,64,128',
        elements: nics
          .flatMap((nic) => ofFamily(6, nic.addresses).map((address) => `"${nic.device}" . ${nic.mac} . ${asNumber(address)}`))
          .toSorted(),
      },
      { name: 'cards', declared: 'typeof', type: 'iifname . @th,288,48', elements: renderCards(nics) },
      ...flows,
    ],
    chains: [
      { name: 'arrival', hook: 'filter hook prerouting priority -300', rules: ['iifname "csg*" goto source'] },
      {
        name: 'source',
        rules: [
          `iifname . ether saddr != @macs ${dropped}`,
          'ether type ip goto said4',
          'ether type ip6 goto said6',
          'ether type arp iifname . arp saddr ether . arp saddr ip @guests4 accept',
          'ether type arp arp saddr ip 0.0.0.0 arp operation request iifname . arp saddr ether @macs accept',
          dropped,
        ],
      },
      {
        name: 'said4',
        rules: [
          `ip hdrlength > 5 ${dropped}`,
          `udp sport 67 ${dropped}`,
          `icmp type redirect ${dropped}`,
          `udp dport 67 iifname . @th,288,48 != @cards ${dropped}`,
          'iifname . ether saddr . ip saddr @guests4 accept',
          'ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept',
          dropped,
        ],
      },
      {
        name: 'said6',
        rules: [
          `ip6 nexthdr { ${extensions} } ${dropped}`,
          `udp sport 547 ${dropped}`,
          `icmpv6 type { nd-router-advert, nd-redirect } ${dropped}`,
          `ip6 saddr ${routerLinkLocal} ${dropped}`,
          'icmpv6 type nd-neighbor-advert jump claimed6',
          'iifname . ether saddr . ip6 saddr @guests6 accept',
          'ip6 saddr fe80::/64 icmpv6 type { echo-request, echo-reply, nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } accept',
          'ip6 saddr fe80::/64 udp sport 546 udp dport 547 accept',
          'ip6 saddr :: icmpv6 type { nd-router-solicit, nd-neighbor-solicit } accept',
          dropped,
        ],
      },
      {
        name: 'claimed6',
        rules: [
          'iifname . ether saddr . @th,64,128 @claims6 return',
          `@th,64,128 ${asNumber(routerLinkLocal)} ${dropped}`,
          '@th,64,64 0xfe80000000000000 return',
          dropped,
        ],
      },
      {
        name: 'crossing',
        hook: 'filter hook forward priority filter',
        rules: ['iifname "csg*" goto shared', 'oifname "csg*" goto shared'],
      },
      {
        name: 'shared',
        rules: [
          `iifname != "csg*" ${dropped}`,
          `oifname != "csg*" ${dropped}`,
          'ether type arp accept',
          'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept',
          ...flows.map((set) => `${set.original} accept`),
          // A connection's first packet is no answer.
          `tcp flags & (syn | ack) == syn ${dropped}`,
          ...flows.flatMap((set: FlowSet) => (set.reply === undefined ? [] : [`${set.reply} accept`])),
          dropped,
        ],
      },
    ],
  };
}
