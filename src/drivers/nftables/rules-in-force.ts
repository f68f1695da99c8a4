// Whether the rules in the kernel are those that we put there. What the kernel says after our rules were applied is remembered as a
// hash; a rule, set or element that somebody adds, changes or takes away later changes it, and what packets do does not. Pure.
import { createHash } from 'node:crypto';
import type { RulesetEntry } from './read-elements.ts';
import type { Table } from './table.ts';

/** The entries of what nft says in JSON. */
export function parseRuleset(json: string): RulesetEntry[] {
  return (JSON.parse(json) as { nftables: RulesetEntry[] }).nftables;
}

/** A hash of what nft says, without what packets change: counters, and elements of sets that they fill. */
export function fingerprintRules(ruleset: readonly RulesetEntry[], tables: readonly Table[]): string {
  const filled = new Set(
    tables.flatMap(({ family, sets }) => sets.filter(({ flags }) => flags === 'dynamic').map(({ name }) => `${family} ${name}`)),
  );
  const hash = createHash('sha256');
  for (const entry of ruleset) {
    const { set } = entry;
    const still = set && filled.has(`${set.family} ${set.name}`) ? { set: { ...set, elem: [] } } : entry;
    hash.update(JSON.stringify(still).replaceAll(/"(handle|packets|bytes)":\d+/g, '"$1":0'));
  }
  return hash.digest('hex');
}

/** Why rules of that name are not in force, as far as that can be seen at once; undefined when they may be. */
export function explainAbsence(json: string | null, stateChain: string): string | undefined {
  if (json === null) return 'the table inet caisson is gone';
  return json.includes(`"${stateChain}"`) ? undefined : 'the table inet caisson holds other rules';
}
