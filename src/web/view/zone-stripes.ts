// The stripe of a zone: the same one wherever the zone is drawn. They repeat after six. Pure.
import type { Guest } from '../../model/guest-status.ts';

const stripes = 6;

/** The zones that guests are in, in the order of their names. */
export function zonesOf(guests: Iterable<Pick<Guest, 'spec'>>): string[] {
  return [...new Set([...guests].map(({ spec }) => spec.nics[0]?.zone ?? ''))].toSorted();
}

/** By their number; one without guests comes after all that have some. */
export function stripeOf(zone: string, zones: readonly string[]): number {
  const at = zones.indexOf(zone);
  return (at === -1 ? zones.length : at) % stripes;
}
