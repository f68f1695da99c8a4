// Which guests a filter means, and their order. Pure; with a thousand guests it runs at each key.
import type { Guest } from '../../model/guest-status.ts';
import { type StateWord, stateOf } from './guest-state.ts';

/** All that a filter looks at in one guest, in small letters. */
function wordsOf(guest: Guest): string {
  const { spec, status } = guest;
  return [
    guest.name,
    stateOf(guest).word.replace('-', ' '),
    ...spec.nics.map(({ zone }) => zone),
    ...status.nics.flatMap(({ addresses }) => addresses),
    ...Object.entries(spec.labels).map(([key, value]) => `${key}=${value}`),
    ...(spec.service?.ports ?? []),
    spec.image,
    spec.description ?? '',
  ]
    .join('\n')
    .toLowerCase();
}

const known = new WeakMap<Guest, string>();

/** Every word must be found somewhere; `state:ready` and `zone:dmz` mean that exactly. */
export function filterGuests(guests: readonly Guest[], filter: string): Guest[] {
  const terms = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (terms.length === 0) return [...guests];
  return guests.filter((guest) => {
    let text = known.get(guest);
    if (text === undefined) known.set(guest, (text = wordsOf(guest)));
    const found = text;
    return terms.every((term) => {
      if (term.startsWith('state:')) return stateOf(guest).word === (term.slice(6) as StateWord);
      if (term.startsWith('zone:')) return guest.spec.nics.some(({ zone }) => zone === term.slice(5));
      return found.includes(term);
    });
  });
}

export const guestColumns = ['state', 'name', 'zone', 'memory', 'cost', 'cpus'] as const;
export type GuestColumn = (typeof guestColumns)[number];

export interface GuestOrder {
  column: GuestColumn;
  descending: boolean;
}

/** Names with numbers in them are in the order of the numbers. */
export const byName = new Intl.Collator('en', { numeric: true }).compare;

export function sortGuests(guests: readonly Guest[], { column, descending }: GuestOrder): Guest[] {
  const value = (guest: Guest): number | string => {
    switch (column) {
      case 'state':
        return stateOf(guest).rank;
      case 'name':
        return guest.name;
      case 'zone':
        return guest.spec.nics[0]?.zone ?? '';
      case 'memory':
        return guest.spec.memoryMib;
      case 'cost':
        return guest.status.memoryBytes ?? 0;
      case 'cpus':
        return guest.spec.cpus;
    }
  };
  const sign = descending ? -1 : 1;
  return guests
    .map((guest) => ({ guest, of: value(guest) }))
    .toSorted((a, b) => {
      const order = typeof a.of === 'number' && typeof b.of === 'number' ? a.of - b.of : byName(String(a.of), String(b.of));
      return order === 0 ? byName(a.guest.name, b.guest.name) : sign * order;
    })
    .map(({ guest }) => guest);
}
