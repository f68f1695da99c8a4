// In which order guests start and stop, from what they start after. Pure.
import { CaissonError } from '../lib/errors.ts';
import { type Dependency, dependencyName } from '../model/guest.ts';

type Dependent = { readonly after: readonly Dependency[] };

/** Waves: every guest is in a later wave than all that it starts after. Names that are not among the guests do not matter. */
export function startOrder(guests: Readonly<Record<string, Dependent>>): string[][] {
  const left = new Map(
    Object.entries(guests).map(([name, { after }]) => [name, new Set(after.map(dependencyName).filter((on) => on in guests))]),
  );
  const waves: string[][] = [];
  while (left.size > 0) {
    const wave = [...left].filter(([, on]) => on.size === 0).map(([name]) => name);
    if (wave.length === 0)
      throw new CaissonError('invalid', `these guests wait for each other in a circle: ${[...left.keys()].join(', ')}`);
    for (const name of wave) left.delete(name);
    for (const on of left.values()) for (const name of wave) on.delete(name);
    waves.push(wave.toSorted());
  }
  return waves;
}

/** The reverse: nobody stops before all that start after it have stopped. */
export function stopOrder(guests: Readonly<Record<string, Dependent>>): string[][] {
  return startOrder(guests).toReversed();
}

/** Who starts after a guest, directly or through others. */
export function followers(guests: readonly ({ readonly name: string } & Dependent)[], name: string): Set<string> {
  const after = new Map<string, string[]>();
  for (const guest of guests) {
    for (const on of guest.after.map(dependencyName)) after.set(on, [...(after.get(on) ?? []), guest.name]);
  }
  const found = new Set<string>();
  const open = [name];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const follower of after.get(next) ?? []) {
      if (found.has(follower)) continue;
      found.add(follower);
      open.push(follower);
    }
  }
  return found;
}
