// Zones as they are shown: with their guests, and the flows that touch them.
import { CaissonError } from '../lib/errors.ts';
import { describeWholeFlow, parseFlowEnd } from '../model/flow.ts';
import { describePublication } from '../model/publication.ts';
import type { ZoneView } from '../model/zone-check.ts';
import { type Zone, zoneAddressesOfHost } from '../model/zone.ts';
import type { SiteStore } from './site-store.ts';

export function viewZones(site: SiteStore): ZoneView[] {
  return [...site.zones.keys()].toSorted().map((name) => viewZone(site, name));
}

/** What is wanted of it. Throws `not-found`. */
export function zoneOf(site: SiteStore, name: string): Zone {
  const record = site.zones.get(name);
  if (!record) throw new CaissonError('not-found', `no zone is called “${name}”; “caisson zone list” shows all`);
  return record.zone;
}

/** Throws `not-found`. */
export function viewZone(site: SiteStore, name: string): ZoneView {
  const zone = zoneOf(site, name);
  const { subnets, uplink, masquerade = false, bridged = false, publish = [] } = zone;
  const guests = [...site.guests.values()].filter((guest) => guest.spec.nics.some((nic) => nic.zone === name));
  const touches = (text: string) => {
    const end = parseFlowEnd(text);
    if (end?.kind === 'zone') return end.name === name;
    if (end?.kind === 'guest') return guests.some((guest) => guest.name === end.name);
    if (end?.kind === 'label') return guests.some((guest) => guest.spec.labels[end.key] === end.value);
    return end?.kind === 'all';
  };
  return {
    name,
    subnets,
    gateways: zoneAddressesOfHost(zone),
    ...(uplink ? { uplink } : {}),
    masquerade,
    bridged,
    guests: guests.map((guest) => guest.name).toSorted(),
    flows: site.flows.filter((flow) => touches(flow.from) || touches(flow.to)).map(describeWholeFlow),
    publications: publish.map(describePublication),
  };
}
