// Reading the rules back from the kernel.
import type { GuestsNamespace } from './guests-namespace.ts';

const list = ['list', 'table', 'inet', 'caisson'];

/** As nft says it in JSON; null without our table. */
export async function readRules(namespace: GuestsNamespace, terse: boolean): Promise<string | null> {
  if (terse) return readTerse(namespace);
  const { code, stdout } = await namespace.run(['nft', '-j', ...list], { okCodes: [0, 1], maxOutputBytes: 64 * 1024 * 1024 });
  return code === 0 ? stdout : null;
}

/** nft fetches the elements of all sets to list one table, but not to list them all: 15 ms instead of 400 with 20,000 elements. */
async function readTerse(namespace: GuestsNamespace): Promise<string | null> {
  const { stdout } = await namespace.run(['nft', '-j', '-t', 'list', 'ruleset', 'inet']);
  const { nftables } = JSON.parse(stdout) as { nftables: Record<string, { table?: string; name?: string }>[] };
  const ours = nftables.filter((entry) =>
    Object.entries(entry).some(([kind, object]) => (kind === 'table' ? object.name : object.table) === 'caisson'),
  );
  return ours.length === 0 ? null : JSON.stringify({ nftables: ours });
}
