// What changed since a moment, out of the events: what people did and what went wrong, not every coming and going. Pure.
import type { Event, EventKind } from '../../model/event.ts';

/** Told by what it led to, or of interest to nobody who was away. */
const left: ReadonlySet<EventKind> = new Set([
  'job-started',
  'job-succeeded',
  'guest-started',
  'guest-ready',
  'network-applied',
  'guest-adopted',
  'site-applied',
]);

const mark: Partial<Record<EventKind, string>> = {
  'guest-created': '+',
  'guest-deleted': '−',
  'image-built': '+',
  'image-imported': '+',
  'image-deleted': '−',
  'zone-checked': '✓',
};

export interface Change {
  event: Event;
  mark: string;
  /** How many of the kind happened to the same object; the event is the last. */
  count: number;
  /** To how many other objects the same happened, told by this one. */
  others: number;
}

/** More of a kind than this are told by one of them. */
const mostOfAKind = 3;

/** Newest first. The same happening again and again to one object is told once. */
export function changesSince(events: readonly Event[], sinceMs: number): Change[] {
  const changes = new Map<string, Change>();
  for (const event of events.toReversed()) {
    if (Date.parse(event.time) < sinceMs) break;
    if (left.has(event.kind)) continue;
    const key = `${event.kind} ${event.object ?? event.id}`;
    const known = changes.get(key);
    if (known) known.count++;
    else
      changes.set(key, {
        event,
        mark: event.severity === 'info' ? (mark[event.kind] ?? '·') : event.severity === 'warning' ? '▲' : '■',
        count: 1,
        others: 0,
      });
  }
  const ofKind = Map.groupBy(changes.values(), ({ event }) => event.kind);
  return [...changes.values()].flatMap((change) => {
    const same = ofKind.get(change.event.kind) ?? [];
    if (same.length <= mostOfAKind || change.event.severity === 'error') return [change];
    return same[0] === change ? [{ ...change, others: same.length - 1 }] : [];
  });
}
