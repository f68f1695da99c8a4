// What one attempt of the filtering check means. Apart from its schema, so that the command line need not make schemas to tell.
import type { ZoneCheckLine } from './zone-check.ts';

/**
 * What was found is what the flows say. An allowed datagram need not be answered, nor anything that left for the world: silence there
 * says nothing of the filter, which answers when it refuses.
 */
export function asTheFlowsSay({ to, port, expected, got, detail }: ZoneCheckLine): boolean {
  const isSilence = got === 'unknown' && expected === 'open' && detail === silent;
  return got === expected || (isSilence && (to === 'world' || port.startsWith('udp/')));
}

/** The detail of an attempt that nobody answered. */
export const silent = 'no answer';
