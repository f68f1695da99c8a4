// What must hold between the objects of a site: names that exist, addresses that are free, dependencies that do not go round. Each problem
// has its place in the document.
import { checkAddresses } from './check-addresses.ts';
import { checkDependencies } from './check-dependencies.ts';
import { checkPublications } from './check-publications.ts';
import { checkFlows } from './check-flows.ts';
import { didYouMean } from './did-you-mean.ts';
import { builtInImages } from './image.ts';
import { quote } from './quote.ts';
import { entries, type GuestSketch, nicsOfGuest, type SiteProblem, type SiteSketch } from './site-sketch.ts';

/** Everything wrong between the objects of a site; empty when nothing is. */
export function checkSite(site: SiteSketch): SiteProblem[] {
  return [
    ...entries(site.guests).flatMap(([name, guest]) => checkNames(site, name, guest)),
    ...checkAddresses(site),
    ...checkPublications(site),
    ...checkDependencies(site.guests),
    ...checkFlows(site),
  ];
}

function checkNames(site: SiteSketch, name: string, guest: GuestSketch): SiteProblem[] {
  const problems: SiteProblem[] = [];
  const seen = new Set<string>();
  for (const [index, nic] of (nicsOfGuest(guest) ?? []).entries()) {
    const zone = nic?.zone ?? null;
    if (zone === null) continue;
    const path = ['guests', name, 'nics', index, 'zone'];
    if (site.zones && !Object.hasOwn(site.zones, zone)) {
      const message = `guest ${quote(name)} is in zone ${quote(zone)}, which does not exist${didYouMean(zone, Object.keys(site.zones))}`;
      problems.push({ path, message });
    } else if (seen.has(zone)) {
      const message = `guest ${quote(name)} has a nic in zone ${quote(zone)} already: one nic can have several addresses`;
      problems.push({ path, message });
    }
    seen.add(zone);
  }
  if (site.images && guest.image !== null && !Object.hasOwn(site.images, guest.image) && !Object.hasOwn(builtInImages, guest.image)) {
    const known = [...Object.keys(site.images), ...Object.keys(builtInImages)];
    const message = `guest ${quote(name)} needs image ${quote(guest.image)}, which does not exist${didYouMean(guest.image, known)}`;
    problems.push({ path: ['guests', name, 'image'], message });
  }
  return problems;
}
