// Who may speak at all: what comes from a nic carries its MAC and one of its addresses and is an ordinary packet, or is gone before
// fragments are put together and connections tracked. What comes from an uplink never carries an address from inside.
//
// Gone with it: options of IPv4 (source routing), extension headers of IPv6 other than a fragment's (their lengths and orders are where
// filters and receivers differ), broadcast and multicast but for DHCP and neighbour discovery, redirects. What can be asked of the host
// in vain (fragments of nothing, greetings of addresses that are nobody's) is counted for each nic: none takes the others' share.
import { rememberedOf } from '../../lib/remembered.ts';
import { addressToBigInt, familyOf } from '../../model/address.ts';
import { mergeRanges } from './address-range.ts';
import { type CheckedNic, type CheckedState, ofFamily } from './checked-state.ts';
import type { Chain, RuleSet, Table } from './table.ts';

const dropped = 'counter drop';
const overRate = (set: string, rate: number) =>
  `update @${set} { iifname limit rate over ${rate}/second burst ${4 * rate} packets } ${dropped}`;
/** Without this mark nothing is routed: should the rules be gone, packets stop. The kernel's routing rules ask for it. */
const seen = 'meta mark set 0xca150000';
const passed = `${seen} accept`;
/** What a packet arrives by, its MAC and its address of IPv4, by their places: nothing is asked of the packet before they are read. */
const byPlace = 'iifname . @ll,48,48 . @nh,96,32';
/** Filled by packets: one element for each nic that has sent such. */
export const countedByNic = (name: string): RuleSet => ({ name, type: 'ifname', flags: 'dynamic', size: 65_535, elements: [] });

/** Hop-by-hop, routing, authentication, destination options, mobility, HIP, shim6, two for trials; and the fragment's. */
const extensions = '0, 43, 51, 60, 135, 139, 140, 253, 254';
const fragment = '44';

/** Pure. Sets and chains of the table for IPv4 and IPv6, in its hook before everything else. */
export function renderGuard(state: CheckedState): { sets: RuleSet[]; chains: Chain[] } {
  const addresses = state.nics.flatMap((nic) => nic.addresses);
  const hasMasked = (family: 4 | 6) => state.masked.some((range) => range.family === family);
  return {
    sets: [
      uplinkSet(state),
      ...guardSets(state.nics),
      { name: 'addresses4', type: 'ipv4_addr', elements: sorted(ofFamily(4, addresses)) },
      { name: 'addresses6', type: 'ipv6_addr', elements: sorted(ofFamily(6, addresses)) },
      { name: 'own4', type: 'ipv4_addr', elements: sorted(ofFamily(4, state.own)) },
      { name: 'own6', type: 'ipv6_addr', elements: sorted(ofFamily(6, state.own)) },
      { name: 'inside4', type: 'ipv4_addr', flags: 'interval', elements: mergeRanges(4, state.inside) },
      { name: 'inside6', type: 'ipv6_addr', flags: 'interval', elements: mergeRanges(6, state.inside) },
      countedByNic('fragments'),
      countedByNic('greetings'),
    ],
    chains: [
      {
        name: 'arrival',
        // Before fragments are put together, at -400. Most packets are a guest's, of IPv4: these pay for the fewest questions.
        hook: 'filter hook prerouting priority -450',
        rules: [
          `${byPlace} @senders4 goto spoken4`,
          `iifname @uplinks ${seen} goto wire`,
          'iifname "csg*" goto source',
          'iifname "csb*" goto source',
        ],
      },
      {
        name: 'wire',
        rules: [
          `ip saddr @inside4 ${dropped}`,
          `ip6 saddr @inside6 ${dropped}`,
          ...(hasMasked(4) ? [`ip daddr @masked4 ${dropped}`] : []),
          ...(hasMasked(6) ? [`ip6 daddr @masked6 ${dropped}`] : []),
          // Inside, but no guest: the host's own, or free, which the route to nowhere would answer.
          `ip daddr @inside4 ip daddr != @addresses4 ${dropped}`,
          `ip6 daddr @inside6 ip6 daddr != @addresses6 ${dropped}`,
          // To groups the wire's own protocols need them, and what is sent to a group goes no further than the host.
          `ip hdrlength > 5 ip daddr < 224.0.0.0 ${dropped}`,
          `ip6 nexthdr { ${extensions} } ip6 daddr != ff00::/8 ${dropped}`,
        ],
      },
      {
        name: 'source',
        rules: ['iifname . ether saddr . ip6 saddr @guests6 goto spoken6', 'iifname . ether saddr @macs goto unaddressed', dropped],
      },
      {
        name: 'spoken4',
        rules: [
          // In turn: version and length of the header, offset and more of a fragment, the first byte of the destination.
          '@nh,0,8 != 0x45 goto odd4',
          `@nh,48,16 & 0x3fff != 0 ${overRate('fragments', 500)}`,
          `icmp type redirect ${dropped}`,
          '@nh,128,8 >= 224 goto shouted4',
          passed,
        ],
      },
      // The sender's address of IPv6 has the guest's of IPv4 in it, where that stands in a header of IPv4.
      { name: 'odd4', rules: ['meta nfproto ipv6 goto source', dropped] },
      { name: 'shouted4', rules: [`ip daddr 255.255.255.255 udp sport 68 udp dport 67 ${passed}`, dropped] },
      {
        name: 'spoken6',
        rules: [
          `ip6 nexthdr { ${extensions} } ${dropped}`,
          `ip6 nexthdr ${fragment} goto fragment6`,
          `icmpv6 type nd-redirect ${dropped}`,
          'ip6 daddr ff00::/8 goto shouted6',
          passed,
        ],
      },
      {
        name: 'fragment6',
        rules: [
          `frag nexthdr { ${extensions}, ${fragment} } ${dropped}`,
          `icmpv6 type nd-redirect ${dropped}`,
          `ip6 daddr ff00::/8 ${dropped}`,
          overRate('fragments', 500),
          passed,
        ],
      },
      {
        name: 'shouted6',
        rules: [
          overRate('greetings', 10),
          `icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } ${passed}`,
          `ip6 daddr ff02::1:2 udp sport 546 udp dport 547 ${passed}`,
          dropped,
        ],
      },
      // Before a guest has its address, and what IPv6 says from link-local addresses.
      {
        name: 'unaddressed',
        rules: [
          overRate('greetings', 10),
          `ip hdrlength 5 ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 ${passed}`,
          `ip6 nexthdr != { 17, 58 } ${dropped}`,
          `ip6 saddr fe80::/64 icmpv6 type { echo-request, nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } ${passed}`,
          `ip6 saddr fe80::/64 udp sport 546 udp dport 547 ${passed}`,
          `ip6 saddr :: icmpv6 type { nd-router-solicit, nd-neighbor-solicit } ${passed}`,
          dropped,
        ],
      },
    ],
  };
}

function uplinkSet({ uplinks }: CheckedState): RuleSet {
  return { name: 'uplinks', type: 'ifname', elements: uplinks.map((name) => `"${name}"`) };
}

/** As those of `senderSets`; those of IPv4 as they are looked up by their places. */
function guardSets(nics: readonly CheckedNic[]): RuleSet[] {
  return [macSet(nics), { name: 'senders4', declared: 'typeof', type: byPlace, elements: elements(nics, 'sender4') }, guestSet(6, nics)];
}

/** Pure. A nic's questions and answers about addresses (ARP) are its own: the host learns of no neighbour that is not there. */
export function renderArp(state: CheckedState): Table {
  return {
    family: 'arp',
    limits: [],
    sets: [macSet(state.nics), guestSet(4, state.nics), uplinkSet(state)],
    chains: [
      {
        name: 'arrival',
        hook: 'filter hook input priority filter',
        // Whether a question is answered depends on a route, too.
        rules: [`iifname "csg*" ${seen} goto source`, `iifname "csb*" ${seen} goto source`, `iifname @uplinks ${seen} accept`],
      },
      {
        name: 'source',
        rules: [
          'iifname . arp saddr ether . arp saddr ip @guests4 accept',
          // Asks before it takes an address: nothing is learned from that.
          'arp saddr ip 0.0.0.0 arp operation request iifname . arp saddr ether @macs accept',
          dropped,
        ],
      },
    ],
  };
}

/** Pure. Whose an address and a card are, for what is asked or said about them in the middle of a packet. */
export function renderOwners({ nics }: CheckedState): RuleSet[] {
  return [
    { name: 'owners4', type: 'ifname . ipv4_addr', elements: elements(nics, 'owner4') },
    { name: 'owners6', type: 'ifname . ipv6_addr', elements: elements(nics, 'owner6') },
    // As DHCP has them: the client's card and address.
    { name: 'cards', declared: 'typeof', type: 'iifname . @th,288,48', elements: renderCards(nics) },
    { name: 'clients4', declared: 'typeof', type: 'iifname . @th,160,32', elements: elements(nics, 'client4') },
  ];
}

export function renderCards(nics: readonly Sender[]): string[] {
  return elements(nics, 'card');
}

function macAsNumber(mac: string): string {
  return `0x${mac.replaceAll(':', '')}`;
}

/** An address as nft reads a plain number of its length. */
export function asNumber(address: string): string {
  return `0x${addressToBigInt(address)
    .toString(16)
    .padStart(familyOf(address) === 4 ? 8 : 32, '0')}`;
}

type Sender = Pick<CheckedNic, 'device' | 'mac' | 'addresses'>;

/** What may come in by each device: MACs, and with which addresses. */
export function senderSets(nics: readonly Sender[]): [RuleSet, RuleSet, RuleSet] {
  return [macSet(nics), guestSet(4, nics), guestSet(6, nics)];
}

function macSet(nics: readonly Sender[]): RuleSet {
  return { name: 'macs', type: 'ifname . ether_addr', elements: elements(nics, 'mac') };
}

function guestSet(family: 4 | 6, nics: readonly Sender[]): RuleSet {
  return { name: `guests${family}`, type: `ifname . ether_addr . ipv${family}_addr`, elements: elements(nics, `guest${family}`) };
}

function elements(nics: readonly Sender[], which: keyof ReturnType<typeof elementsOf>): string[] {
  return sorted(elementsOfAll(nics).flatMap((each) => each[which]));
}

const elementsOfAll = rememberedOf((nics: readonly Sender[]) => nics.map(elementsOf));

/** Of one nic, in each of the sets. */
const elementsOf = rememberedOf(({ device, mac, addresses }: Sender) => {
  const [four, six] = [ofFamily(4, addresses), ofFamily(6, addresses)];
  const [own, card] = [`"${device}"`, macAsNumber(mac)];
  return {
    mac: [`${own} . ${mac}`],
    card: [`${own} . ${card}`],
    guest4: four.map((address) => `${own} . ${mac} . ${address}`),
    guest6: six.map((address) => `${own} . ${mac} . ${address}`),
    sender4: four.map((address) => `${own} . ${card} . ${asNumber(address)}`),
    owner4: four.map((address) => `${own} . ${address}`),
    owner6: six.map((address) => `${own} . ${address}`),
    client4: four.map((address) => `${own} . ${asNumber(address)}`),
  };
});

function sorted(elements: string[]): string[] {
  const inOrder = elements.toSorted();
  return inOrder.filter((element, index) => element !== inOrder[index - 1]);
}
