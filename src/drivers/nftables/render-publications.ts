// Publications and masquerade: addresses that are exchanged on the way between an uplink and guests.
//
// A published port leads to its guest only for who comes by that address: the filter looks at the address that a connection was first sent
// to, so the same guest's port is not open by its own address. A range that keeps its ports is one entry of a map that exchanges addresses only;
// a port that becomes another one is an entry by itself, as the kernel cannot count.
import { CaissonError } from '../../lib/errors.ts';
import { familyOf } from '../../model/address.ts';
import { type AddressRange, anyAddress, mergeRanges } from './address-range.ts';
import type { CheckedState } from './checked-state.ts';
import { FlowBox, layerBoxes } from './flow-boxes.ts';
import { quotable } from './safe-text.ts';
import { type Chain, type RuleSet, withComment } from './table.ts';

type Publication = CheckedState['publications'][number];

export interface RenderedPublications {
  sets: RuleSet[];
  chains: Chain[];
  /** Rules on the way in and on the way of answers. */
  original: string[];
  reply: string[];
}

/** Pure; throws `invalid` when one port of an address is published twice. */
export function renderPublications(state: CheckedState): RenderedPublications {
  const parts = ([4, 6] as const).map((family) => renderFamily(state, family));
  return {
    sets: parts.flatMap(({ sets }) => sets),
    chains: renderNat(parts),
    original: parts.flatMap(({ original }) => original),
    reply: parts.flatMap(({ reply }) => reply),
  };
}

interface Part extends Omit<RenderedPublications, 'chains'> {
  destination: string[];
  source: string[];
}

/** Only what is there gets a chain: a connection is not looked up for exchanges that nobody asks for. */
function renderNat(parts: Part[]): Chain[] {
  const destination = parts.flatMap((part) => part.destination);
  const source = parts.flatMap((part) => part.source);
  return [
    ...(destination.length > 0 ? [{ name: 'publish', hook: 'nat hook prerouting priority dstnat', rules: destination }] : []),
    ...(source.length > 0 ? [{ name: 'departure', hook: 'nat hook postrouting priority srcnat', rules: source }] : []),
  ];
}

function renderFamily(state: CheckedState, family: 4 | 6): Part {
  const [ip, type] = family === 4 ? (['ip', 'ipv4_addr'] as const) : (['ip6', 'ipv6_addr'] as const);
  const mine = state.publications
    .filter(({ listen }) => familyOf(listen) === family)
    .toSorted((a, b) => compare(placeOf(a), placeOf(b)) || a.ports.from - b.ports.from);
  checkTwice(mine);
  const part: Part = { sets: [], original: [], reply: [], destination: [], source: [] };
  const masked = mergeRanges(family, state.masked);
  if (masked.length > 0) {
    part.sets.push({ name: `masked${family}`, type, flags: 'interval', elements: masked });
    part.source.push(`oifname @uplinks ${ip} saddr @masked${family} masquerade`);
  }
  if (mine.length === 0) return part;
  const key = `ifname . ${type} . inet_proto . inet_service`;
  const [kept, moved] = [mine.filter(isKept), mine.filter((one) => !isKept(one))];
  if (moved.length > 0)
    part.sets.push({ name: `published${family}`, kind: 'map', type: `${key} : ${type} . inet_service`, elements: moved.flatMap(eachPort) });
  if (kept.length > 0)
    part.sets.push({
      name: `published${family}_kept`,
      kind: 'map',
      type: `${key} : ${type}`,
      flags: 'interval',
      elements: kept.map((one) => `${placeOf(one)} . ${formatPorts(one.ports)} : ${one.to.address}`),
    });
  const maps = part.sets.filter(({ kind }) => kind === 'map').map(({ name }) => name);
  const at = (one: Publication, address: string, first: number) =>
    sourcesOf(one, state).map((from) => {
      const to = state.ranges.ofAddress(address);
      const values = { from: first, to: first + one.ports.to - one.ports.from };
      return new FlowBox({ from, to, kind: one.protocol, values, comment: quotable(one.text) });
    });
  const asked = layerBoxes(mine.flatMap((one) => at(one, one.listen, one.ports.from)));
  for (const [index, layer] of asked.entries()) {
    const name = `asked${family}${index === 0 ? '' : `_${index + 1}`}`;
    part.sets.push({
      name,
      type: `${type} . ${type} . inet_proto . inet_service`,
      flags: 'interval',
      elements: layer.map((box) =>
        withComment(`${box.from.text} . ${box.to.text} . ${box.kind} . ${formatPorts(box.values)}`, box.comment),
      ),
    });
    // What a map does not hold goes on to the next rule.
    for (const map of maps)
      part.destination.push(
        `${ip} saddr . ${ip} daddr . meta l4proto . th dport @${name} dnat ${ip} to iifname . ${ip} daddr . meta l4proto . th dport map @${map}`,
      );
  }
  // Publications of one address that lead to one port may have senders in common.
  const byListen = Map.groupBy(mine, ({ listen }) => listen);
  const layers = [...byListen].flatMap(([listen, ones]) =>
    layerBoxes(ones.flatMap((one) => at(one, one.to.address, one.to.port))).map((boxes, index) => ({ listen, boxes, index })),
  );
  for (let index = 0; index <= Math.max(...layers.map((layer) => layer.index)); index++) {
    const name = `exposed${family}${index === 0 ? '' : `_${index + 1}`}`;
    part.sets.push({
      name,
      type: `${type} . ${type} . inet_proto . ${type} . inet_service`,
      flags: 'interval',
      elements: layers
        .filter((layer) => layer.index === index)
        .flatMap(({ listen, boxes }) =>
          boxes.map((box) =>
            withComment(`${box.from.text} . ${listen} . ${box.kind} . ${box.to.text} . ${formatPorts(box.values)}`, box.comment),
          ),
        ),
    });
    const listened = `ct original ${ip} daddr . meta l4proto`;
    part.original.push(`${ip} saddr . ${listened} . ${ip} daddr . th dport @${name} goto permit`);
    part.reply.push(`${ip} daddr . ${listened} . ${ip} saddr . th sport @${name} goto permit`);
  }
  return part;
}

/** A range that is the same on both sides. */
function isKept({ ports, to }: Publication): boolean {
  return ports.from < ports.to && ports.from === to.port;
}

function eachPort({ ports, to, ...where }: Publication): string[] {
  return Array.from(
    { length: ports.to - ports.from + 1 },
    (_, index) => `${placeOf(where)} . ${ports.from + index} : ${to.address} . ${to.port + index}`,
  );
}

/** In order. */
function checkTwice(publications: readonly Publication[]): void {
  for (const [index, one] of publications.entries()) {
    const before = publications[index - 1];
    if (before && placeOf(before) === placeOf(one) && one.ports.from <= before.ports.to)
      throw new CaissonError('invalid', `port ${one.ports.from}/${one.protocol} of ${one.listen} is published twice`);
  }
}

function placeOf({ uplink, listen, protocol }: Pick<Publication, 'uplink' | 'listen' | 'protocol'>): string {
  return `"${uplink}" . ${listen} . ${protocol}`;
}

function formatPorts({ from, to }: Publication['ports']): string {
  return from === to ? String(from) : `${from}-${to}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function sourcesOf({ from, listen }: Publication, state: CheckedState): AddressRange[] {
  const family = familyOf(listen);
  const ranges = from.length === 0 ? [...anyAddress] : from.map((cidr) => state.ranges.ofCidr(cidr));
  return ranges.filter((range) => range.family === family);
}
