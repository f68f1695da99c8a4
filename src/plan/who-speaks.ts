// What of a site speaks of a guest by its name, and would speak of nobody without it. Pure.
import { describeFlow } from '../model/flow.ts';
import { describePublication, parsePublished } from '../model/publication.ts';
import type { Site } from '../model/site.ts';

/** A sentence each. */
export function whoSpeaksOf(guest: string, { guests, flows, zones }: Pick<Site, 'guests' | 'flows' | 'zones'>): string[] {
  const followers = Object.entries(guests).filter(([, { after }]) => after.some((dependency) => Object.values(dependency).includes(guest)));
  const published = Object.values(zones).flatMap(({ publish = [] }) =>
    publish.filter((publication) => parsePublished(publication.to)?.guest === guest),
  );
  return [
    ...followers.map(([name]) => `guest ${name} starts after it`),
    ...flows.filter(({ from, to }) => from === guest || to === guest).map((flow) => `the flow ${describeFlow(flow)}`),
    ...published.map((publication) => `the publication ${describePublication(publication)}`),
  ];
}
