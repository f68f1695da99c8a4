// How much of the host’s processors the guests take, from two looks at their counters. Pure.
import type { GuestStats } from '../../model/guest-stats.ts';

/** A part of all processors: 1 is all of them. Undefined when no guest is in both looks. */
export function hostLoad(before: readonly GuestStats[], after: readonly GuestStats[], cpus: number): number | undefined {
  const earlier = new Map(before.map((stats) => [stats.uid, stats]));
  let load = 0;
  let seen = 0;
  for (const now of after) {
    const was = earlier.get(now.uid);
    const ms = was ? Date.parse(now.at) - Date.parse(was.at) : 0;
    if (!was || ms <= 0) continue;
    seen++;
    // A counter that has gone back is that of a guest that was started anew.
    load += Math.max(0, now.cpuMs - was.cpuMs) / ms;
  }
  return seen === 0 ? undefined : load / Math.max(1, cpus);
}
