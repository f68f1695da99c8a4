// The whole of the guests' network filter as the text of nftables tables, applied in one transaction.
//
// What it keeps true, for interfaces that are taps (`csg*`), bridges of zones (`csb*`) or uplinks of the state, and for no other interface
// of the host:
// - A packet from a nic carries that nic's MAC and one of its addresses, or is dropped before connection tracking sees it (render-guard).
// - A new connection passes only when a flow or a publication allows it; one made under earlier rules is judged again at its next packet,
//   because it carries the mark of the rules that let it pass, and only the present mark passes unasked.
// - The cost of a packet does not grow with guests or flows: every decision is a lookup in a set. A flow with a rate or a log is a rule.
// - One nic has a bounded share of the table of connections, whoever opens them.
// - From nics the host itself is reached for DHCP, names, neighbour discovery, echo and what flows to `host` allow.
// - Refused: from guests answered with ICMP admin-prohibited, from the world dropped.
//
// World is whatever comes or goes by an uplink with an address that is not `inside`: no address of a nic or of the host,
// nor in a zone that the world does not know. The host may always speak to guests (readiness checks).
import { createHash } from 'node:crypto';
import type { NetworkState } from '../../model/network-state.ts';
import { type CheckedState, checkState } from './checked-state.ts';
import { renderBridge } from './render-bridge.ts';
import { type Path, type RenderedFlows, renderFlows } from './render-flows.ts';
import { countedByNic, renderArp, renderGuard, renderOwners } from './render-guard.ts';
import { type RenderedPublications, renderPublications } from './render-publications.ts';
import { type Chain, type Table, hashTable, writeTable } from './table.ts';

export interface RenderedRules {
  /** For `nft -f`: replaces the tables in one transaction. Written when it is asked for. */
  readonly text: string;
  tables: Table[];
  /** Name of an empty chain in the table, made from a hash of the rules: tells which rules are in force. */
  stateChain: string;
}

/** All there can be; those that are not rendered are taken away. */
const families = ['arp', 'bridge', 'inet'] as const;

/** Addresses that no router sends on: never the world. Behind one of them a cloud's host tells its secrets. */
const nowhere = {
  4: ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0-255.255.255.255'],
  6: ['::/96', '::ffff:0.0.0.0/96', 'fe80::/10', 'ff00::/8'],
};

/** Pure. Throws `invalid` when a string of the state is not exactly what it should be. */
export function renderRules(state: NetworkState): RenderedRules {
  const checked = checkState(state);
  const guard = renderGuard(checked);
  const flows = renderFlows(state, checked.ranges);
  const publications = renderPublications(checked);
  const bridge = renderBridge(checked, state);
  const inet: Table = {
    family: 'inet',
    limits: flows.limits,
    sets: [
      ...guard.sets,
      ...renderOwners(checked),
      { name: 'nowhere4', type: 'ipv4_addr', flags: 'interval', elements: nowhere[4] },
      { name: 'nowhere6', type: 'ipv6_addr', flags: 'interval', elements: nowhere[6] },
      ...['opened', 'visited', 'asking'].map(countedByNic),
      ...publications.sets,
      ...flows.sets,
    ],
    chains: [],
  };
  const tables = [renderArp(checked), ...(bridge ? [bridge] : [])];
  // Sets are large and do not depend on the mark.
  const hash = createHash('sha256');
  for (const table of [...tables, inet]) hashTable(table, hash);
  const chainsWith = (mark: string) => [...guard.chains, ...renderJudgement(checked, flows, publications, mark)];
  const digest = hash.update(JSON.stringify(chainsWith('0'))).digest('hex');
  const stateChain = `state_${digest.slice(0, 32)}`;
  // Never 0, the mark of a connection that nobody has marked.
  const mark = `0x${((Number.parseInt(digest.slice(32, 40), 16) | 1) >>> 0).toString(16).padStart(8, '0')}`;
  tables.push({ ...inet, chains: [{ name: stateChain, rules: [] }, ...chainsWith(mark)] });
  const cleared = families.map((family) => `add table ${family} caisson\ndelete table ${family} caisson\n`);
  return {
    stateChain,
    tables,
    get text() {
      return [...cleared, ...tables.map(writeTable)].join('');
    },
  };
}

function renderJudgement(checked: CheckedState, flows: RenderedFlows, publications: RenderedPublications, mark: string): Chain[] {
  const lookups = (path: Path, direction: 'original' | 'reply') =>
    flows.sets
      .filter((set) => set.path === path)
      .flatMap((set) => {
        if (direction === 'reply') return set.reply === undefined ? [] : [`${set.reply} goto permit`];
        return [`${set.original} ${set.chain === undefined ? 'goto permit' : `jump ${set.chain}`}`];
      });
  const untracked = (path: Path) =>
    flows.sets
      .filter((set) => set.path === path && set.hasUntracked)
      .map((set) => `ct state invalid ${set.original} ${set.chain === undefined ? 'goto permit' : `jump ${set.chain}`}`);
  const permitted = `ct state established,new ct mark ${mark} accept`;
  const judged = (path: Path, known: 'known' | 'known_wire', ...never: string[]) => [
    `jump ${known}`,
    ...never,
    ...untracked(path),
    'ct state invalid,related counter drop',
  ];
  const refuseMasked = (way: 'saddr' | 'daddr') =>
    ([4, 6] as const)
      .filter((family) => checked.masked.some((range) => range.family === family))
      .map((family) => `${family === 4 ? 'ip' : 'ip6'} ${way} @masked${family} goto refuse`);
  const share = shareOf(checked.nics.length);
  return [
    ...publications.chains,
    {
      name: 'input',
      hook: 'filter hook input priority filter',
      rules: ['iifname "csg*" goto to_host', 'iifname "csb*" goto to_host'],
    },
    {
      name: 'to_host',
      rules: [
        // First: an answer of DHCP to an address that its client does not have yet looks like a connection of the host's.
        'udp dport 67 goto lease4',
        'udp dport 547 goto lease6',
        'ct state established ct direction reply accept',
        'ct state related goto errors',
        'ip daddr @own4 udp dport 53 goto serve',
        'ip daddr @own4 tcp dport 53 goto serve',
        'ip daddr @own4 icmp type echo-request goto serve',
        'icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept',
        'ip6 daddr @own6 udp dport 53 goto serve',
        'ip6 daddr @own6 tcp dport 53 goto serve',
        'ip6 daddr @own6 icmpv6 type echo-request goto serve',
        'jump known',
        ...lookups('hosted', 'original'),
        'goto refuse',
      ],
    },
    // A client speaks for itself: of its own card and address, and nothing is sent on to others for it.
    {
      name: 'lease4',
      rules: [
        'udp sport != 68 counter drop',
        'iifname . @th,288,48 != @cards counter drop',
        '@th,256,32 != 0 counter drop',
        'ip daddr 255.255.255.255 goto lease4_own',
        'ip daddr @own4 goto lease4_own',
        'goto refuse',
      ],
    },
    { name: 'lease4_own', rules: ['@th,160,32 0 goto serve', 'iifname . @th,160,32 @clients4 goto serve', 'counter drop'] },
    {
      name: 'lease6',
      rules: [
        'udp sport != 546 counter drop',
        '@th,64,8 != { 1, 3, 4, 5, 6, 8, 11 } counter drop',
        'ip6 daddr ff02::1:2 goto serve',
        'ip6 daddr @own6 goto serve',
        'goto refuse',
      ],
    },
    // What the host does for all of them: no guest asks so much that others wait.
    { name: 'serve', rules: ['update @asking { iifname limit rate over 1000/second burst 2000 packets } counter drop', 'goto permit'] },
    {
      name: 'forward',
      hook: 'filter hook forward priority filter',
      rules: [
        // Of most packets nothing else is asked.
        `iifname "csg*" oifname "csg*" ${permitted}`,
        'iifname "csg*" goto from_guest',
        'iifname "csb*" goto from_guest',
        'iifname @uplinks goto from_wire',
        'oifname "csg*" goto refuse',
        'oifname "csb*" goto refuse',
      ],
    },
    {
      name: 'from_guest',
      rules: ['oifname "csg*" goto between', 'oifname @uplinks goto leaving', 'oifname "csb*" goto between', 'goto refuse'],
    },
    {
      name: 'from_wire',
      // An address that is listened on leads to lo when nothing is published there.
      rules: ['oifname "csg*" goto entering', 'oifname "csb*" goto entering', 'oifname @uplinks counter drop', 'oifname "lo" counter drop'],
    },
    {
      name: 'between',
      rules: [...judged('between', 'known'), 'ct direction reply goto between_reply', ...lookups('between', 'original'), 'goto refuse'],
    },
    {
      name: 'entering',
      rules: [
        'icmp type redirect counter drop',
        'icmpv6 type nd-redirect counter drop',
        ...judged('entering', 'known_wire', 'ip saddr @nowhere4 counter drop', 'ip6 saddr @nowhere6 counter drop'),
        'ct direction reply goto leaving_reply',
        ...publications.original,
        ...refuseMasked('daddr'),
        ...lookups('entering', 'original'),
        'goto refuse',
      ],
    },
    {
      name: 'leaving',
      rules: [
        ...judged('leaving', 'known'),
        'ct direction reply goto entering_reply',
        'ip daddr @inside4 goto refuse',
        'ip6 daddr @inside6 goto refuse',
        'ip daddr @nowhere4 goto refuse',
        'ip6 daddr @nowhere6 goto refuse',
        ...lookups('leaving', 'original'),
        'goto refuse',
      ],
    },
    // What the rules in force have let pass. Their mark stands here and in `forward` alone, so that a change of guests and flows writes no other chain.
    { name: 'known', rules: [permitted, `ct state related ct mark ${mark} goto errors`] },
    { name: 'known_wire', rules: [permitted, `ct state related ct mark ${mark} goto errors_wire`] },
    { name: 'marked', rules: [`ct mark set ${mark} accept`] },
    // Errors about a connection come from its end, not from somebody who has heard of it.
    {
      name: 'errors',
      rules: [
        'ct direction reply iifname . ct reply ip saddr @owners4 accept',
        'ct direction reply iifname . ct reply ip6 saddr @owners6 accept',
        'ct direction original iifname . ct original ip saddr @owners4 accept',
        'ct direction original iifname . ct original ip6 saddr @owners6 accept',
        'counter drop',
      ],
    },
    // From the world also from routers on its way; but about nothing that goes on between guests.
    {
      name: 'errors_wire',
      rules: [
        'ct original ip saddr @addresses4 ct reply ip saddr @addresses4 counter drop',
        'ct original ip6 saddr @addresses6 ct reply ip6 saddr @addresses6 counter drop',
        'accept',
      ],
    },
    // The reply direction of a connection that earlier rules let pass: looked up as its first packet went.
    { name: 'between_reply', rules: [...lookups('between', 'reply'), 'goto refuse'] },
    { name: 'entering_reply', rules: [...publications.reply, ...refuseMasked('saddr'), ...lookups('entering', 'reply'), 'goto refuse'] },
    { name: 'leaving_reply', rules: [...lookups('leaving', 'reply'), 'goto refuse'] },
    ...flows.chains,
    { name: 'permit', rules: ['ct state new goto admit', 'goto marked'] },
    // A nic's share of the table of connections: of those that its guest opens, and of those that others open to it.
    {
      name: 'admit',
      rules: [
        `iifname "csg*" add @opened { iifname ct count over ${share} } goto refuse`,
        `iifname "csb*" add @opened { iifname ct count over ${share} } goto refuse`,
        `iifname @uplinks add @visited { oifname ct count over ${share} } counter drop`,
        'goto marked',
      ],
    },
    {
      name: 'refuse',
      rules: [
        'iifname "csg*" counter reject with icmpx admin-prohibited',
        'iifname "csb*" counter reject with icmpx admin-prohibited',
        'counter drop',
      ],
    },
  ];
}

/**
 * Connections for each nic, and again for the world to each: together at most 262,144, what a kernel's table holds by default, up to 256
 * nics. A power of two, so that one nic more seldom changes it.
 */
function shareOf(nics: number): number {
  return Math.min(16_384, Math.max(512, 2 ** Math.floor(Math.log2(131_072 / Math.max(1, nics)))));
}
