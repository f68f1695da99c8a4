// The time that is left for a host to go down, divided among the levels of its guests, so that those that stop last, which others rest
// on, still get their share. Asked anew before each level: what an earlier one did not need is the later ones'. Pure.

/** For cutting the power of one level, whatever happens. */
const cutMs = 2000;

/**
 * How long the first of the levels may take to go by itself. `wishesMs`: how long each level would like to have, this one first;
 * `leftMs`: all the time that there is, cutting included. 0: its power is to be cut at once.
 */
export function levelLimit(wishesMs: readonly number[], leftMs: number): number {
  const [wish = 0] = wishesMs;
  const total = wishesMs.reduce((sum, each) => sum + each, 0);
  const toShare = leftMs - wishesMs.length * cutMs;
  if (toShare <= 0 || total === 0) return 0;
  return Math.floor(Math.min(wish, (toShare * wish) / total));
}
