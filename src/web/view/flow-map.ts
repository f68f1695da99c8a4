// The map of zones: which arrows there are between world, host, zones and guests, and what is near what. Pure.
import type { FlowView } from '../../model/flow-view.ts';
import type { ZoneCheck, ZoneView } from '../../model/zone-check.ts';

/** `world`, `host`, a guest’s name. */
export type Node = string;

export interface Arrow {
  from: Node;
  to: Node;
  ports: string[];
  /** The flows of the site file that make it, as they are written there. */
  by: string[];
}

/** One arrow for each pair of ends, whatever the number of flows. */
export function arrowsOf(flows: readonly FlowView[], zones: readonly ZoneView[]): Arrow[] {
  const arrows = new Map<string, Arrow>();
  const add = (from: Node, to: Node, ports: readonly string[], by: string) => {
    if (from === to) return;
    const key = `${from}\n${to}`;
    const arrow = arrows.get(key) ?? { from, to, ports: [], by: [] };
    for (const port of ports) if (!arrow.ports.includes(port)) arrow.ports.push(port);
    if (!arrow.by.includes(by)) arrow.by.push(by);
    arrows.set(key, arrow);
  };
  for (const flow of flows) {
    const by = `${flow.from} → ${flow.to}: ${flow.allow.join(', ')}`;
    const sources = flow.sources.length > 0 ? flow.sources : isOutside(flow.from) ? [outsideOf(flow.from)] : [];
    const targets = flow.targets.length > 0 ? flow.targets : isOutside(flow.to) ? [outsideOf(flow.to)] : [];
    for (const from of sources) for (const to of targets) add(from, to, flow.allow, by);
  }
  for (const zone of zones) {
    for (const publication of zone.publications) {
      const [, protocol, , guest, port] = /^(tcp|udp) (\S+) → ([^:\s]+):(\d+(?:-\d+)?)/.exec(publication) ?? [];
      if (guest !== undefined) add('world', guest, [`${protocol}/${port}`], publication);
    }
  }
  return [...arrows.values()];
}

function isOutside(end: string): boolean {
  return end === 'world' || end === 'host' || /[./:]\d/.test(end);
}

/** A range of addresses beyond the zones is a part of the world. */
function outsideOf(end: string): Node {
  return end === 'host' ? 'host' : 'world';
}

/** Ways on which the last proof found another thing than the flows say. */
export function differencesOf(check: Pick<ZoneCheck, 'checks'> | undefined): Arrow[] {
  const wrong = new Map<string, Arrow>();
  for (const { from, to, port, expected, got } of check?.checks ?? []) {
    if (got === 'unknown' || got === expected) continue;
    const key = `${from}\n${to}`;
    const arrow = wrong.get(key) ?? { from, to, ports: [], by: [] };
    arrow.ports.push(port);
    wrong.set(key, arrow);
  }
  return [...wrong.values()];
}

/** What a node reaches, and what reaches it, itself included. */
export function neighbours(node: Node, arrows: readonly Arrow[]): ReadonlySet<Node> {
  return new Set([node, ...arrows.flatMap(({ from, to }) => (from === node ? [to] : to === node ? [from] : []))]);
}

/** A port to ask about between two: one that a flow allows, else one that the target’s service has, else the web’s. */
export function portToAsk(from: Node, to: Node, arrows: readonly Arrow[], servicePorts: readonly string[]): string {
  const arrow = arrows.find((each) => each.from === from && each.to === to);
  const port = arrow?.ports[0] ?? servicePorts[0] ?? 'tcp/80';
  return port.replace(/-\d+$/, '');
}
