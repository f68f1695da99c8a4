// Publications and masquerade: addresses that are exchanged on the way between an uplink and guests.
//
// A published port leads to its guest only for who comes by that address: the filter looks at the address that a connection was first sent
// to, so the same guest's port is not open by its own address.
import { CaissonError } from '../../lib/errors.ts';
import { familyOf } from '../../model/address.ts';
import { type AddressRange, anyAddress, mergeRanges } from './address-range.ts';
import type { CheckedState } from './checked-state.ts';
import { type FlowBox, layerBoxes } from './flow-boxes.ts';
import { quotable } from './safe-text.ts';
import { type Chain, type RuleSet, withComment } from './table.ts';

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
  const mine = state.publications.filter(({ listen }) => familyOf(listen) === family).toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const twice = mine.find((one, index) => index > 0 && keyOf(mine[index - 1] as typeof one) === keyOf(one));
  if (twice) throw new CaissonError('invalid', `port ${twice.port}/${twice.protocol} of ${twice.listen} is published twice`);
  const part: Part = { sets: [], original: [], reply: [], destination: [], source: [] };
  const masked = mergeRanges(family, state.masked);
  if (masked.length > 0) {
    part.sets.push({ name: `masked${family}`, type, flags: 'interval', elements: masked });
    part.source.push(`oifname @uplinks ${ip} saddr @masked${family} masquerade`);
  }
  if (mine.length === 0) return part;
  part.sets.push({
    name: `published${family}`,
    kind: 'map',
    type: `ifname . ${type} . inet_proto . inet_service : ${type} . inet_service`,
    elements: mine.map((one) => `${keyOf(one)} : ${one.to.address} . ${one.to.port}`),
  });
  const at = (one: (typeof mine)[number], address: string, port: number) =>
    sourcesOf(one, state).map((from): FlowBox => {
      const to = state.ranges.ofAddress(address);
      return { from, to, kind: one.protocol, values: { from: port, to: port }, comment: quotable(one.text) };
    });
  const asked = layerBoxes(mine.flatMap((one) => at(one, one.listen, one.port)));
  for (const [index, layer] of asked.entries()) {
    const name = `asked${family}${index === 0 ? '' : `_${index + 1}`}`;
    part.sets.push({
      name,
      type: `${type} . ${type} . inet_proto . inet_service`,
      flags: 'interval',
      elements: layer.map((box) => withComment(`${box.from.text} . ${box.to.text} . ${box.kind} . ${box.values.from}`, box.comment)),
    });
    part.destination.push(
      `${ip} saddr . ${ip} daddr . meta l4proto . th dport @${name} dnat ${ip} to iifname . ${ip} daddr . meta l4proto . th dport map @published${family}`,
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
          boxes.map((box) => withComment(`${box.from.text} . ${listen} . ${box.kind} . ${box.to.text} . ${box.values.from}`, box.comment)),
        ),
    });
    const listened = `ct original ${ip} daddr . meta l4proto`;
    part.original.push(`${ip} saddr . ${listened} . ${ip} daddr . th dport @${name} goto permit`);
    part.reply.push(`${ip} daddr . ${listened} . ${ip} saddr . th sport @${name} goto permit`);
  }
  return part;
}

function keyOf({ uplink, listen, protocol, port }: CheckedState['publications'][number]): string {
  return `"${uplink}" . ${listen} . ${protocol} . ${port}`;
}

function sourcesOf({ from, listen }: CheckedState['publications'][number], state: CheckedState): AddressRange[] {
  const family = familyOf(listen);
  const ranges = from.length === 0 ? [...anyAddress] : from.map((cidr) => state.ranges.ofCidr(cidr));
  return ranges.filter((range) => range.family === family);
}
