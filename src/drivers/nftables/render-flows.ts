// The flows of a state as sets of allowed connections and the matches that look packets up in them.
import { createHash } from 'node:crypto';
import type { Family } from '../../model/address.ts';
import type { NetworkFlow, NetworkService, NetworkState } from '../../model/network-state.ts';
import { EndRanges } from './end-ranges.ts';
import { type AddressRange, type AddressRanges, anyAddress, rangeContains, rangesOverlap } from './address-range.ts';
import { FlowBox, layerBoxes, sortBoxes } from './flow-boxes.ts';
import { checkRate, checkService, quotable } from './safe-text.ts';
import { type Chain, type RuleSet, type Table, withComment } from './table.ts';

/** The ways a packet can go: tap to tap, uplink to tap, tap to uplink, tap to host. The sets are named after them. */
const paths = ['between', 'entering', 'leaving', 'hosted'] as const;
export type Path = (typeof paths)[number];

export interface FlowSet extends RuleSet {
  path: Path | 'sharing';
  holds: 'ports' | 'echo' | 'type' | 'number';
  /** Match of a connection's packets in the direction of its first one, and in the other where they can be told. */
  original: string;
  reply?: string;
  /** Holds an ICMP type that connection tracking calls invalid, because it belongs to no question. */
  hasUntracked?: true;
  /** Where its new connections go to be counted or written down; else they are permitted at once. */
  chain?: string;
}

export interface RenderedFlows {
  sets: FlowSet[];
  limits: Table['limits'];
  chains: Chain[];
}

/**
 * Pure. A set of exact flows and one for each layer of the others, of each path, family and kind that has any; and again one for each flow
 * with a rate or a log. Throws `invalid`.
 */
export function renderFlows(state: NetworkState, ranges: AddressRanges): RenderedFlows {
  const ends = new EndRanges(ranges, state.zones);
  const plain = state.flows.filter((flow) => !isSpecial(flow));
  const special = [...new Map(state.flows.filter(isSpecial).map((flow) => [nameOf(flow), flow]))].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const setsOf = (flows: NetworkFlow[], name?: string) => {
    const boxes: Record<Path, FlowBox[]> = { between: [], entering: [], leaving: [], hosted: [] };
    for (const flow of flows) for (const { path, box } of boxesOf(flow, ends)) boxes[path].push(box);
    return paths.flatMap((path) => setsOfBoxes(boxes[path], path, name));
  };
  const rendered = special.map(([name, flow]) => ({ sets: setsOf([flow], name), ...renderSpecial(flow, name) }));
  return {
    // A connection of two flows is written down for the one that asks for it.
    sets: [...rendered.flatMap(({ sets }) => sets), ...setsOf(plain)],
    limits: rendered.flatMap(({ limits }) => limits),
    chains: rendered.flatMap(({ chains }) => chains),
  };
}

/**
 * Flows between guests of one bridged zone, as their bridge can tell them. A flow to a zone as a whole also allows what it says to all at
 * once. Nothing is counted there: a flow with a rate or a log is left out, and so refused.
 */
export function renderSharing(state: NetworkState, ranges: AddressRanges): FlowSet[] {
  const ends = new EndRanges(ranges, state.zones);
  const subnets = state.zones.filter(({ bridged }) => bridged).flatMap((zone) => zone.subnets.map((subnet) => ranges.ofCidr(subnet)));
  const boxes = state.flows
    .filter((flow) => !isSpecial(flow))
    .flatMap((flow) => boxesOf(flow, ends))
    .flatMap(({ path, box }) => {
      if (path !== 'between') return [];
      const shared = subnets.filter((subnet) => rangesOverlap(subnet, box.from));
      const inside = shared.some((subnet) => rangesOverlap(subnet, box.to)) ? [box] : [];
      const toAll = shared.filter((subnet) => rangeContains(box.to, subnet)).flatMap((subnet) => everybodyIn(subnet, ranges));
      return [...inside, ...toAll.map((to) => box.leadingTo(to))];
    });
  return setsOfBoxes(boxes, 'sharing');
}

/** Multicast, and in IPv4 broadcast. */
function everybodyIn(subnet: AddressRange, ranges: AddressRanges): AddressRange[] {
  if (subnet.family === 6) return [ranges.ofCidr('ff00::/8')];
  return [ranges.ofCidr('224.0.0.0/4'), ranges.ofAddress('255.255.255.255'), ranges.lastOf(subnet)];
}

function isSpecial({ rate, log }: NetworkFlow): boolean {
  return rate !== undefined || log === true;
}

/** The same for the same flow, whatever other flows there are. */
function nameOf(flow: NetworkFlow): string {
  const services = flow.services.map((service) => JSON.stringify(service)).toSorted();
  return createHash('sha256')
    .update(JSON.stringify([flow.from, flow.to, services, flow.rate, flow.log, flow.text]))
    .digest('hex')
    .slice(0, 12);
}

/** What is said to the kernel's log is bounded: a flood of connections is not one of lines. */
const logged = (text: string) => `limit rate 20/second burst 50 packets log prefix "caisson: ${quotable(text).slice(0, 100)} " level info`;

/** Connections of earlier rules go on; new ones are counted, then written down. More than the rate return to what other flows say. */
function renderSpecial(flow: NetworkFlow, name: string): Pick<RenderedFlows, 'limits' | 'chains'> {
  const earlier = 'ct state established,related goto permit';
  const written = flow.log ? [logged(flow.text)] : [];
  if (!flow.rate) return { limits: [], chains: [{ name: `flow_${name}`, rules: [earlier, ...written, 'goto permit'] }] };
  const { count, per } = checkRate(flow.rate);
  return {
    limits: [{ name: `rate_${name}`, rate: `rate ${count}/${per} burst ${count} packets` }],
    chains: [
      { name: `within_${name}`, rules: [...written, 'goto permit'] },
      { name: `flow_${name}`, rules: [earlier, `limit name "rate_${name}" goto within_${name}`] },
    ],
  };
}

function setsOfBoxes(boxes: FlowBox[], path: FlowSet['path'], special?: string): FlowSet[] {
  const chain = special === undefined ? {} : { chain: `flow_${special}` };
  const sorted = sortByKind(boxes);
  return ([4, 6] as const).flatMap((family) =>
    (['ports', 'echo', 'type', 'number'] as const).flatMap((holds) => {
      const ofKind = sorted[family][holds];
      // The few of a special flow need no second lookup.
      const { exact, layers } = special === undefined ? sortBoxes(ofKind) : { exact: [], layers: layerBoxes(ofKind) };
      const stem = `${path}${family}${holds === 'ports' ? '' : `_${holds}`}${special === undefined ? '' : `_${special}`}`;
      const setOf = (name: string, held: FlowBox[]) => ({ path, name, holds, ...lookUp[holds](name, family, held), ...chain });
      return [
        ...(exact.length > 0 ? [setOf(`${stem}_exact`, exact)] : []),
        ...layers.map((layer, index) => ({ ...setOf(`${stem}${layerName(index)}`, layer), flags: 'interval' as const })),
      ];
    }),
  );
}

function sortByKind(boxes: readonly FlowBox[]): Record<Family, Record<FlowSet['holds'], FlowBox[]>> {
  const none = () => ({ ports: [], echo: [], type: [], number: [] });
  const sorted: Record<Family, Record<FlowSet['holds'], FlowBox[]>> = { 4: none(), 6: none() };
  for (const box of boxes) sorted[box.from.family][box.kind === 'tcp' || box.kind === 'udp' ? 'ports' : box.kind].push(box);
  return sorted;
}

type LookUp = (
  name: string,
  family: Family,
  layer: FlowBox[],
) => Pick<FlowSet, 'type' | 'elements' | 'digest' | 'original' | 'reply' | 'hasUntracked'>;

const wordsOf = (family: Family) =>
  family === 4
    ? { ip: 'ip', type: 'ipv4_addr', icmp: 'icmp', icmpType: 'icmp_type' }
    : { ip: 'ip6', type: 'ipv6_addr', icmp: 'icmpv6', icmpType: 'icmpv6_type' };

const lookUp: Record<FlowSet['holds'], LookUp> = {
  ports(name, family, layer) {
    const { ip, type } = wordsOf(family);
    return {
      type: `${type} . ${type} . inet_proto . inet_service`,
      ...written(layer),
      original: `${ip} saddr . ${ip} daddr . meta l4proto . th dport @${name}`,
      reply: `${ip} daddr . ${ip} saddr . meta l4proto . th sport @${name}`,
    };
  },
  /** Asking for an echo; errors about allowed connections pass with these. */
  echo(name, family, layer) {
    const { ip, icmp, type } = wordsOf(family);
    return {
      type: `${type} . ${type}`,
      elements: layer.map((box) => element(box)),
      original: `${icmp} type echo-request ${ip} saddr . ${ip} daddr @${name}`,
      reply: `${icmp} type echo-reply ${ip} daddr . ${ip} saddr @${name}`,
    };
  },
  /** Answers of these pass while their question's rules are in force. */
  type(name, family, layer) {
    const { ip, icmp, type, icmpType } = wordsOf(family);
    const untracked = layer.some((box) => !trackedTypes[family].includes(box.values.from));
    return {
      type: `${type} . ${type} . ${icmpType}`,
      elements: layer.map((box) => element(box, String(box.values.from))),
      original: `${ip} saddr . ${ip} daddr . ${icmp} type @${name}`,
      ...(untracked && { hasUntracked: true }),
    };
  },
  number(name, family, layer) {
    const { ip, type } = wordsOf(family);
    return {
      type: `${type} . ${type} . inet_proto`,
      elements: layer.map((box) => element(box, String(box.values.from))),
      original: `${ip} saddr . ${ip} daddr . meta l4proto @${name}`,
      reply: `${ip} daddr . ${ip} saddr . meta l4proto @${name}`,
    };
  },
};

/** Questions: of other types connection tracking makes no connection. */
const trackedTypes = { 4: [8, 13, 15, 17], 6: [128, 139] };
const echoTypes = { 4: 8, 6: 128 };

interface PlacedBox {
  path: Path;
  box: FlowBox;
}

/** Of flows that are there again at the next rendering, most of a large site's, the boxes are too. A flow is never changed in place. */
const made = new WeakMap<NetworkFlow, { subnets: string; boxes: PlacedBox[] }>();

function boxesOf(flow: NetworkFlow, ends: EndRanges): PlacedBox[] {
  const known = made.get(flow);
  if (known?.subnets === ends.subnets) return known.boxes;
  const boxes = makeBoxes(flow, ends);
  made.set(flow, { subnets: ends.subnets, boxes });
  return boxes;
}

function makeBoxes(flow: NetworkFlow, ends: EndRanges): PlacedBox[] {
  const services = flow.services.map(checkService);
  const comment = quotable(flow.text);
  const every = (path: Path, froms: readonly AddressRange[], tos: readonly AddressRange[]) =>
    froms.flatMap((from) =>
      tos
        .filter((to) => to.family === from.family)
        .flatMap((to) =>
          services.flatMap((service) =>
            valuesOf(service, from.family).map((what) => ({ path, box: new FlowBox({ from, to, ...what, comment }) })),
          ),
        ),
    );
  const [fromTap, toTap] = [ends.onTap(flow.from), ends.onTap(flow.to)];
  return [
    ...every('between', fromTap, toTap),
    ...every('entering', ends.beyondUplink(flow.from), toTap),
    ...every('leaving', fromTap, ends.beyondUplink(flow.to)),
    ...(flow.to.kind === 'host' ? every('hosted', fromTap, anyAddress) : []),
  ];
}

function valuesOf(service: NetworkService, family: Family): Pick<FlowBox, 'kind' | 'values'>[] {
  const one = (kind: FlowBox['kind'], value: number) => [{ kind, values: { from: value, to: value } }];
  switch (service.protocol) {
    case 'tcp':
    case 'udp':
      return [{ kind: service.protocol, values: service.ports }];
    case 'other':
      return one('number', service.number);
    case 'icmp': {
      const type = service.types ? service.types[family === 4 ? 'v4' : 'v6'] : echoTypes[family];
      if (type === null) return [];
      return type === echoTypes[family] ? one('echo', 0) : one('type', type);
    }
  }
}

/** In one pass: these are the many. */
function written(layer: readonly FlowBox[]): Pick<FlowSet, 'elements' | 'digest'> {
  const elements: string[] = [];
  const digests: string[] = [];
  for (const box of layer) {
    elements.push(box.element(portsElement));
    digests.push(box.digest(portsElement));
  }
  return { elements, digest: digests.join('') };
}

const portsElement = (box: FlowBox) => element(box, box.kind, renderValues(box.values));

function element({ from, to, comment }: FlowBox, ...more: string[]): string {
  return withComment([from.text, to.text, ...more].join(' . '), comment);
}

function renderValues({ from, to }: { from: number; to: number }): string {
  return from === to ? String(from) : `${from}-${to}`;
}

function layerName(index: number): string {
  return index === 0 ? '' : `_${index + 1}`;
}
