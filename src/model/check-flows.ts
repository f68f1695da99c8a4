// Flows: both ends exist, can be reached, and no flow stands twice.
import { didYouMean } from './did-you-mean.ts';
import { parseFlowEnd } from './flow.ts';
import { isName } from './name.ts';
import { quote } from './quote.ts';
import { type GuestSketch, isWhole, type Known, type SiteProblem, type SiteSketch } from './site-sketch.ts';

export function checkFlows(site: SiteSketch): SiteProblem[] {
  const problems: SiteProblem[] = [];
  const seen = new Set<string>();
  const facts = flowFacts(site);
  for (const [index, flow] of (site.flows ?? []).entries()) {
    if (!flow) continue;
    if (isWhole(flow.allow) && flow.from !== null && flow.to !== null) {
      const text = `${flow.from} → ${flow.to}: ${flow.allow.join(', ')}`;
      if (seen.has(text)) problems.push({ path: ['flows', index], message: `this flow stands twice: ${text}` });
      seen.add(text);
    }
    for (const side of ['from', 'to'] as const) {
      const message = endProblem(flow[side], site, facts);
      if (message) problems.push({ path: ['flows', index, side], message });
    }
    if (flow.from === 'world' && flow.to === 'world')
      problems.push({ path: ['flows', index], message: 'a flow from world to world does not pass through this site' });
  }
  return problems;
}

interface FlowFacts {
  /** Undefined where a part of the site is not known. */
  zonesWithGuests: Set<string> | undefined;
  labels: Set<string> | undefined;
  hasUplink: boolean | undefined;
}

function flowFacts(site: SiteSketch): FlowFacts {
  const guests = site.guests ? Object.values(site.guests) : [null];
  const zones = site.zones ? Object.values(site.zones) : [null];
  const labels = (labelsOf: GuestSketch['labels'] | undefined) =>
    labelsOf && Object.entries(labelsOf).every(([key, value]) => isName(key) && value !== null)
      ? Object.entries(labelsOf).map(([key, value]) => `${key}=${value}`)
      : undefined;
  const allLabels = guests.map((guest) => labels(guest?.labels));
  return {
    zonesWithGuests: guests.every((guest) => guest && guest.zone !== null) ? new Set(guests.map((guest) => guest?.zone ?? '')) : undefined,
    labels: allLabels.every((list) => list !== undefined) ? new Set(allLabels.flat()) : undefined,
    hasUplink: zones.some((zone) => zone?.uplink) ? true : zones.every((zone) => zone && zone.uplink !== null) ? false : undefined,
  };
}

function endProblem(text: Known<string>, site: SiteSketch, facts: FlowFacts): string | undefined {
  const end = text === null ? undefined : parseFlowEnd(text);
  switch (end?.kind) {
    case 'guest':
      if (!site.guests || Object.hasOwn(site.guests, end.name)) return undefined;
      if (site.zones && Object.hasOwn(site.zones, end.name))
        return `no guest is called ${quote(end.name)}, but a zone is; did you mean ${quote(`zone:${end.name}`)}?`;
      return `no guest is called ${quote(end.name)}${didYouMean(end.name, [...Object.keys(site.guests), 'world', 'all'])}`;
    case 'zone':
      if (!site.zones) return undefined;
      if (!Object.hasOwn(site.zones, end.name))
        return `no zone is called ${quote(end.name)}${didYouMean(end.name, Object.keys(site.zones))}`;
      return facts.zonesWithGuests?.has(end.name) === false ? `zone ${quote(end.name)} has no guest: this flow allows nothing` : undefined;
    case 'label': {
      const label = `${end.key}=${end.value}`;
      return facts.labels?.has(label) === false
        ? `no guest has the label ${label}: this flow allows nothing${didYouMean(label, facts.labels)}`
        : undefined;
    }
    case 'all':
      return site.guests && Object.keys(site.guests).length === 0 ? 'there is no guest: this flow allows nothing' : undefined;
    case 'world':
      return facts.hasUplink === false ? 'no zone has an uplink, so there is no way to the world' : undefined;
    case 'host':
      return 'a flow from or to the host is not supported by this version';
    case 'range':
    case undefined:
      return undefined;
  }
}
