// Dependencies: whom a guest starts after exists, starts as well, and does not wait for it.
import { findCircles } from './dependency-circles.ts';
import { didYouMean } from './did-you-mean.ts';
import { quote } from './quote.ts';
import { entries, type SiteProblem, type SiteSketch } from './site-sketch.ts';

export function checkDependencies(guests: SiteSketch['guests']): SiteProblem[] {
  if (!guests) return [];
  const problems: SiteProblem[] = [];
  const after = new Map<string, string[]>();
  for (const [name, guest] of entries(guests)) {
    const waitsFor: string[] = [];
    for (const [index, dependency] of (guest.after ?? []).entries()) {
      const on = dependency?.requires ?? dependency?.wants ?? null;
      if (on === null) continue;
      const path = ['guests', name, 'after', index];
      if (!Object.hasOwn(guests, on)) {
        problems.push({
          path,
          message: `guest ${quote(name)} starts after ${quote(on)}, which does not exist${didYouMean(on, Object.keys(guests))}`,
        });
      } else if (guests[on]?.autostart === false && guest.autostart === true && dependency?.requires === on) {
        problems.push({ path, message: `guest ${quote(name)} requires ${quote(on)}, which is not started by itself (autostart: false)` });
      }
      waitsFor.push(on);
    }
    after.set(name, waitsFor);
  }
  for (const circle of findCircles(after)) {
    const names = [...circle, circle[0] as string];
    const shown = names.length > 12 ? [...names.slice(0, 11), `… (${names.length - 12} more)`, names.at(-1) as string] : names;
    const message =
      names.length === 2
        ? `guest ${quote(names[0] as string)} waits for itself`
        : `the guests wait for each other in a circle: ${shown.join(' → ')}`;
    problems.push({ path: ['guests', circle[0] as string, 'after'], message });
  }
  return problems;
}
