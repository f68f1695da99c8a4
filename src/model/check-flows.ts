// Flows: both ends exist, can be reached, stand for somebody; and no two flows say the same, or the opposite.
import { didYouMean } from './did-you-mean.ts';
import { describeFlow, isSpecialFlow, parseFlowEnd } from './flow.ts';
import { type EndMeaning, endContains, FlowEnds } from './flow-ends.ts';
import { parseFlowService, serviceContains } from './flow-service.ts';
import type { NetworkService } from './network-state.ts';
import { quote } from './quote.ts';
import { entries, type FlowSketch, isWhole, type Known, type SiteProblem, type SiteSketch } from './site-sketch.ts';

/** Each of them is a rule of its own, which every new connection passes. */
const mostSpecialFlows = 256;

export function checkFlows(site: SiteSketch): SiteProblem[] {
  const ends = new FlowEnds(site);
  const flows = site.flows ?? [];
  const problems: SiteProblem[] = [];
  for (const [index, flow] of flows.entries()) {
    if (!flow) continue;
    const wrong = (['from', 'to'] as const).flatMap((side) => {
      const message = endProblem(flow[side], side, site, ends);
      return message === undefined ? [] : [{ path: ['flows', index, side], message }];
    });
    problems.push(...wrong);
    if (wrong.length > 0) continue;
    const message = wayProblem(flow, site, ends);
    if (message !== undefined) problems.push({ path: ['flows', index], message });
    const uncounted = sharedWireProblem(flow, site, ends);
    if (uncounted) problems.push({ path: ['flows', index, uncounted.field], message: uncounted.message });
  }
  return [...problems, ...checkRepeats(flows), ...checkRates(flows, ends)];
}

function endProblem(text: Known<string>, side: 'from' | 'to', site: SiteSketch, ends: FlowEnds): string | undefined {
  const end = text === null ? undefined : parseFlowEnd(text);
  const meaning = text === null ? undefined : ends.meaningOf(text);
  const isEmpty = meaning && !meaning.outside && !meaning.isHost && meaning.guests.size + meaning.perhaps.size === 0;
  switch (end?.kind) {
    case 'guest':
      if (!site.guests || Object.hasOwn(site.guests, end.name)) return undefined;
      if (site.zones && Object.hasOwn(site.zones, end.name))
        return `no guest is called ${quote(end.name)}, but a zone is; did you mean ${quote(`zone:${end.name}`)}?`;
      return `no guest is called ${quote(end.name)}${didYouMean(end.name, [...Object.keys(site.guests), 'world', 'all', 'host'])}`;
    case 'zone':
      if (!site.zones) return undefined;
      if (!Object.hasOwn(site.zones, end.name))
        return `no zone is called ${quote(end.name)}${didYouMean(end.name, Object.keys(site.zones))}`;
      return isEmpty ? `zone ${quote(end.name)} has no guest: this flow allows nothing` : undefined;
    case 'label': {
      const label = `${end.key}=${end.value}`;
      return isEmpty ? `no guest has the label ${label}: this flow allows nothing${didYouMean(label, ends.labels ?? [])}` : undefined;
    }
    case 'all':
      return isEmpty ? 'there is no guest: this flow allows nothing' : undefined;
    case 'world':
      return ends.hasUplink === false ? 'no zone has an uplink, so there is no way to the world' : undefined;
    case 'host':
      return side === 'from' ? 'the host reaches every guest without a flow: leave this one out' : undefined;
    case 'range':
      if (isEmpty) return `no guest has an address in ${end.cidr}: this flow allows nothing`;
      return meaning?.outside && ends.hasUplink === false && meaning.guests.size + meaning.perhaps.size === 0
        ? `${end.cidr} lies outside every zone, and no zone has an uplink, so there is no way there`
        : undefined;
    case undefined:
      return undefined;
  }
}

/** What both ends are sound for and the way between them is not. */
function wayProblem(flow: FlowSketch, site: SiteSketch, ends: FlowEnds): string | undefined {
  const [from, to] = [flow.from, flow.to].map((text) => (text === null ? undefined : ends.meaningOf(text)));
  if (!from || !to || !isOutside(from)) return undefined;
  if (isOutside(to)) return `a flow from ${flow.from} to ${flow.to} does not pass through this site`;
  if (to.isHost)
    return `who comes to the host from ${flow.from} passes no flow: this is for the host’s own firewall; a flow to host is for guests`;
  const hidden = [...to.guests, ...to.perhaps].flatMap((name): readonly (string | undefined)[] => ends.zonesOf(name) ?? [undefined]);
  if (hidden.length === 0 || !hidden.every((zone) => zone !== undefined && site.zones?.[zone]?.masquerade === true)) return undefined;
  const zones = [...new Set(hidden)].map((zone) => quote(String(zone))).join(', ');
  return `the world does not reach ${flow.to}: zone ${zones} has “masquerade”, and is entered by what it publishes only; write it there`;
}

/** On a shared wire connections are neither counted nor written down, so a flow that asks for it would allow nothing there. */
function sharedWireProblem(flow: FlowSketch, site: SiteSketch, ends: FlowEnds): { field: 'rate' | 'log'; message: string } | undefined {
  const field = typeof flow.rate === 'string' ? 'rate' : flow.log === true ? 'log' : undefined;
  const [from, to] = [flow.from, flow.to].map((text) => (text === null ? undefined : ends.meaningOf(text)));
  if (!field || !from || !to) return undefined;
  for (const [zone, { bridged }] of entries(site.zones)) {
    if (bridged !== true) continue;
    const inZone = ({ guests, perhaps }: EndMeaning) => [...guests, ...perhaps].filter((name) => ends.zonesOf(name)?.includes(zone));
    const [senders, receivers] = [inZone(from), inZone(to)];
    if (senders.length === 0 || receivers.every((name) => senders.length === 1 && name === senders[0])) continue;
    const message = `guests of zone ${quote(zone)} share one wire (bridged), on which nothing is counted or written down: leave “${field}” out, or write a flow of its own for those that do not share it`;
    return { field, message };
  }
  return undefined;
}

/** Beyond the uplinks, and no guest. */
function isOutside({ outside, guests, perhaps }: EndMeaning): boolean {
  return outside !== undefined && guests.size + perhaps.size === 0;
}

interface Permission {
  index: number;
  /** In `allow`. */
  at: number;
  text: string;
  service: NetworkService;
  limits: string;
}

/** Of flows between the same ends nothing is allowed twice: if alike it is a mistake, if not nobody knows which one was meant. */
function checkRepeats(flows: readonly Known<FlowSketch>[]): SiteProblem[] {
  const problems: SiteProblem[] = [];
  const seen = new Set<string>();
  const groups = new Map<string, Permission[]>();
  for (const [index, flow] of flows.entries()) {
    if (!flow || flow.from === null || flow.to === null || flow.rate === null || flow.log === null) continue;
    const ends = `${canonicalEnd(flow.from)} → ${canonicalEnd(flow.to)}`;
    const limits = limitsInWords(flow);
    if (isWhole(flow.allow)) {
      const whole = `${ends}: ${flow.allow.join(', ')} ${limits}`;
      if (seen.has(whole)) {
        const text = describeFlow({ from: flow.from, to: flow.to, allow: [...flow.allow] });
        problems.push({ path: ['flows', index], message: `this flow stands twice: ${text}` });
        continue;
      }
      seen.add(whole);
    }
    const permissions = (flow.allow ?? []).flatMap((text, at): Permission[] => {
      const service = text === null ? undefined : parseFlowService(text);
      return service && text !== null ? [{ index, at, text, service, limits }] : [];
    });
    groups.set(ends, [...(groups.get(ends) ?? []), ...permissions]);
  }
  for (const [ends, permissions] of groups) {
    const told = new Set<number>();
    for (const [a, b] of overlaps(permissions)) {
      const [first, second] = a.index < b.index || (a.index === b.index && a.at < b.at) ? [a, b] : [b, a];
      if (told.has(second.index)) continue;
      told.add(second.index);
      problems.push({ path: ['flows', second.index, 'allow', second.at], message: repeatInWords(first, second, ends) });
    }
  }
  return problems;
}

function repeatInWords(first: Permission, second: Permission, ends: string): string {
  const already = `${second.text} from ${ends.replace(' → ', ' to ')}`;
  if (first.index === second.index)
    return first.text === second.text
      ? `${second.text} stands twice in this flow`
      : `${first.text} and ${second.text} of this flow overlap`;
  const number = first.index + 1;
  return first.limits === second.limits
    ? `flow ${number} allows ${already} already (${first.text})`
    : `this flow contradicts flow ${number}, which allows ${already} too (${first.text}): ${first.limits} there, ${second.limits} here`;
}

/** Pairs of permissions that have something in common: at least one for each that has. */
function overlaps(permissions: readonly Permission[]): [Permission, Permission][] {
  const pairs: [Permission, Permission][] = [];
  const byKind = Map.groupBy(permissions, ({ service }) => ('ports' in service ? service.protocol : JSON.stringify(service)));
  const bounds = ({ service }: Permission) => ('ports' in service ? service.ports : { from: 0, to: 0 });
  for (const kind of byKind.values()) {
    let furthest: Permission | undefined;
    for (const permission of kind.toSorted((a, b) => bounds(a).from - bounds(b).from || a.index - b.index || a.at - b.at)) {
      if (furthest && bounds(permission).from <= bounds(furthest).to) pairs.push([furthest, permission]);
      if (!furthest || bounds(permission).to > bounds(furthest).to) furthest = permission;
    }
  }
  return pairs;
}

function limitsInWords({ rate, log }: FlowSketch): string {
  const limits = [...(rate === undefined ? [] : [`at most ${rate}`]), ...(log ? ['logged'] : [])];
  return limits.join(', ') || 'without a rate or a log';
}

function canonicalEnd(text: string): string {
  const end = parseFlowEnd(text);
  return end?.kind === 'range' ? end.cidr : text;
}

/** A rate counts only what no other flow allows without one. */
function checkRates(flows: readonly Known<FlowSketch>[], ends: FlowEnds): SiteProblem[] {
  const problems: SiteProblem[] = [];
  const special = flows.flatMap((flow, index) => (flow && isSpecialFlow(flow) ? [{ flow, index }] : []));
  const tooMany = special[mostSpecialFlows];
  if (tooMany)
    problems.push({
      path: ['flows', tooMany.index],
      message: `a site has at most ${mostSpecialFlows} flows with a rate or a log: each is a rule of its own, which every new connection passes`,
    });
  const sound = flows.flatMap((flow, index) => {
    if (!flow || !isWhole(flow.allow)) return [];
    const [from, to] = [flow.from, flow.to].map((text) => (text === null ? undefined : ends.meaningOf(text)));
    const services = flow.allow.flatMap((text) => parseFlowService(text) ?? []);
    return from && to ? [{ flow, index, from, to, services }] : [];
  });
  const unlimited = sound.filter(({ flow }) => flow.rate === undefined);
  const limited = sound.filter(({ flow }) => flow.rate !== undefined && flow.rate !== null).slice(0, mostSpecialFlows);
  for (const { flow, index, from, to, services } of limited) {
    const other = unlimited.find(
      (each) =>
        // Between the same ends it is a contradiction, and said already.
        !(each.flow.from === flow.from && each.flow.to === flow.to) &&
        services.every((service) => each.services.some((outer) => serviceContains(outer, service))) &&
        endContains(each.from, from) &&
        endContains(each.to, to),
    );
    if (!other) continue;
    const { from: source, to: target, allow } = other.flow;
    const text = describeFlow({ from: source ?? '', to: target ?? '', allow: (allow ?? []).map(String) });
    problems.push({
      path: ['flows', index, 'rate'],
      message: `this rate has no effect: flow ${other.index + 1} allows the same without one (${text})`,
    });
  }
  return problems;
}
