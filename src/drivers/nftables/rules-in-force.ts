// Whether the rules in the kernel are those that we put there. What the kernel says right after our rules were applied is remembered as a
// hash; a rule, set or element that somebody adds, changes or takes away later changes it, and counters do not. Pure.
import { createHash } from 'node:crypto';

/** A hash of `nft -j list table`; undefined without a table. */
export function fingerprintRules(json: string | null): string | undefined {
  if (json === null) return undefined;
  const still = json.replaceAll(/"(handle|packets|bytes)": ?\d+/g, '"$1":0');
  return createHash('sha256').update(still).digest('hex');
}

/** Why the rules of `stateChain` with that fingerprint are not in force; undefined when they are. */
export function explainDifference(
  json: string | null,
  expected: { stateChain: string; fingerprint: string | undefined },
): string | undefined {
  if (json === null) return 'the table inet caisson is gone';
  if (!json.includes(`"${expected.stateChain}"`)) return 'the table inet caisson holds other rules';
  if (fingerprintRules(json) !== expected.fingerprint) return 'somebody has changed the table inet caisson';
  return undefined;
}
