// The flows of a state as sets of allowed connections and the matches that look packets up in them.
import type { Family } from '../../model/address.ts';
import type { NetworkEnd, NetworkFlow, NetworkState } from '../../model/network-state.ts';
import { type AddressRange, type AddressRanges, anyAddress, rangeContains, rangesOverlap } from './address-range.ts';
import { type FlowBox, layerBoxes } from './flow-boxes.ts';
import { checkService, quotable } from './safe-text.ts';

/** The ways a packet can go: tap to tap, uplink to tap, tap to uplink, tap to host. The sets are named after them. */
const paths = ['between', 'entering', 'leaving', 'hosted'] as const;
export type Path = (typeof paths)[number];

export interface FlowSet {
  path: Path;
  name: string;
  type: string;
  elements: string[];
  /** Match of a connection's packets in the direction of its first one, and in the other. */
  original: string;
  reply: string;
}

/** Pure. One set for each path, family and layer that has flows; throws `invalid` for a range that is none. */
export function renderFlows(state: NetworkState, ranges: AddressRanges): FlowSet[] {
  const subnets = state.zones.flatMap((zone) => zone.subnets.map((subnet) => ranges.ofCidr(subnet)));
  const ends = new EndRanges(ranges, subnets);
  return paths.flatMap((path) => {
    const boxes = state.flows.flatMap((flow) => boxesOf(flow, path, ends));
    return ([4, 6] as const).flatMap((family) => {
      const mine = boxes.filter((box) => box.from.family === family);
      return [
        ...layerBoxes(mine.filter((box) => box.protocol !== 'icmp')).map((layer, index) => portSet(path, family, index, layer)),
        ...layerBoxes(mine.filter((box) => box.protocol === 'icmp')).map((layer, index) => echoSet(path, family, index, layer)),
      ];
    });
  });
}

function portSet(path: Path, family: Family, index: number, layer: FlowBox[]): FlowSet {
  const name = `${path}${family}${layerName(index)}`;
  const [ip, type] = family === 4 ? ['ip', 'ipv4_addr'] : ['ip6', 'ipv6_addr'];
  return {
    path,
    name,
    type: `${type} . ${type} . inet_proto . inet_service`,
    elements: layer.map((box) => `${box.from.text} . ${box.to.text} . ${box.protocol} . ${renderPorts(box.ports)}${renderComment(box)}`),
    original: `${ip} saddr . ${ip} daddr . meta l4proto . th dport @${name}`,
    reply: `${ip} daddr . ${ip} saddr . meta l4proto . th sport @${name}`,
  };
}

/** A flow of `icmp` allows asking for an echo; errors about allowed connections pass with these. */
function echoSet(path: Path, family: Family, index: number, layer: FlowBox[]): FlowSet {
  const name = `${path}${family}_echo${layerName(index)}`;
  const [ip, icmp, type] = family === 4 ? ['ip', 'icmp', 'ipv4_addr'] : ['ip6', 'icmpv6', 'ipv6_addr'];
  return {
    path,
    name,
    type: `${type} . ${type}`,
    elements: layer.map((box) => `${box.from.text} . ${box.to.text}${renderComment(box)}`),
    original: `${icmp} type echo-request ${ip} saddr . ${ip} daddr @${name}`,
    reply: `${icmp} type echo-reply ${ip} daddr . ${ip} saddr @${name}`,
  };
}

function boxesOf(flow: NetworkFlow, path: Path, ends: EndRanges): FlowBox[] {
  const froms = path === 'entering' ? ends.beyondUplink(flow.from) : ends.onTap(flow.from);
  if (froms.length === 0) return [];
  const tos =
    path === 'leaving' ? ends.beyondUplink(flow.to) : path === 'hosted' ? (flow.to.kind === 'host' ? anyAddress : []) : ends.onTap(flow.to);
  const comment = quotable(flow.text);
  const services = flow.services
    .map(checkService)
    .map(({ protocol, ports }) => ({ protocol, ports: protocol === 'icmp' || !ports ? allPorts : ports }));
  return froms.flatMap((from) =>
    tos
      .filter((to) => to.family === from.family)
      .flatMap((to) => services.map(({ protocol, ports }) => ({ from, to, protocol, ports, comment }))),
  );
}

const allPorts = { from: 0, to: 65_535 };

class EndRanges {
  #ranges: AddressRanges;
  #subnets: AddressRange[];

  constructor(ranges: AddressRanges, subnets: AddressRange[]) {
    this.#ranges = ranges;
    this.#subnets = subnets;
  }

  /** The addresses of an end that guests can have. */
  onTap(end: NetworkEnd): readonly AddressRange[] {
    if (end.kind !== 'addresses') return [];
    return end.cidrs
      .map((cidr) => this.#ranges.ofCidr(cidr))
      .filter((range) => this.#subnets.some((subnet) => rangesOverlap(subnet, range)));
  }

  /** The addresses of an end that others can have: a range within a zone means its guests, never who else uses such addresses. */
  beyondUplink(end: NetworkEnd): readonly AddressRange[] {
    if (end.kind === 'world') return anyAddress;
    if (end.kind === 'host') return [];
    return end.cidrs
      .map((cidr) => this.#ranges.ofCidr(cidr))
      .filter((range) => !this.#subnets.some((subnet) => rangeContains(subnet, range)));
  }
}

function renderPorts({ from, to }: { from: number; to: number }): string {
  return from === to ? String(from) : `${from}-${to}`;
}

function renderComment(box: FlowBox): string {
  return box.comment === '' ? '' : ` comment "${box.comment}"`;
}

function layerName(index: number): string {
  return index === 0 ? '' : `_${index + 1}`;
}
