// A guest gets another name, and whatever speaks of it follows: flows, publications, dependencies. Pure.
import { formatPorts, parsePublished } from '../model/publication.ts';
import type { Site } from '../model/site.ts';
import type { Zone } from '../model/zone.ts';

export function renameGuest(site: Site, before: string, after: string): Site {
  const follow = (text: string) => (text === before ? after : text);
  return {
    ...site,
    zones: Object.fromEntries(Object.entries(site.zones).map(([name, zone]) => [name, publishRenamed(zone, follow)])),
    flows: site.flows.map((flow) => ({ ...flow, from: follow(flow.from), to: follow(flow.to) })),
    guests: Object.fromEntries(
      Object.entries(site.guests).map(([name, spec]) => [
        follow(name),
        {
          ...spec,
          after: spec.after.map((dependency) =>
            'requires' in dependency ? { requires: follow(dependency.requires) } : { wants: follow(dependency.wants) },
          ),
        },
      ]),
    ),
  };
}

function publishRenamed(zone: Zone, follow: (text: string) => string): Zone {
  if (!zone.publish) return zone;
  const publish = zone.publish.map((publication) => {
    const target = parsePublished(publication.to);
    return target ? { ...publication, to: `${follow(target.guest)}:${formatPorts(target.ports)}` } : publication;
  });
  return { ...zone, publish };
}
