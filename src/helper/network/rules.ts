// What the kernel has of rules, and whether nft can do what they ask.
import { CaissonError } from '../../lib/errors.ts';
import type { OtherTable } from '../../model/host.ts';
import type { GuestsNamespace } from './guests-namespace.ts';
import { readXtables } from './xtables.ts';

export const families = ['arp', 'bridge', 'inet'] as const;

/** As nft says them in JSON, with numbers for names of protocols; null without our table for IPv4 and IPv6. */
export async function readRules(namespace: GuestsNamespace): Promise<string | null> {
  const read = await Promise.all(
    families.map((family) =>
      namespace.runBeside(['nft', '-j', '-n', 'list', 'table', family, 'caisson'], { okCodes: [0, 1], maxOutputBytes: 64 * 1024 * 1024 }),
    ),
  );
  if (read.at(-1)?.code !== 0) return null;
  const lists = read.filter(({ code }) => code === 0).map(({ stdout }) => stdout.slice(stdout.indexOf('[') + 1, stdout.lastIndexOf(']')));
  return `{"nftables":[${lists.join(',')}]}`;
}

interface Entry {
  family?: string;
  table?: string;
  name?: string;
  hook?: string;
  policy?: string;
  expr?: unknown[];
}

/**
 * Without the elements of sets, and which tables others have. nft fetches the elements of all sets to list one table, but not to list them
 * all: 15 ms instead of 400 with 20,000 elements.
 */
export async function readRulesTerse(namespace: GuestsNamespace): Promise<{ json: string | null; others: OtherTable[] }> {
  const [{ stdout }, older] = await Promise.all([
    namespace.run(['nft', '-j', '-t', 'list', 'ruleset'], { maxOutputBytes: 64 * 1024 * 1024 }),
    readXtables(namespace),
  ]);
  const { nftables } = JSON.parse(stdout) as { nftables: Record<string, Entry>[] };
  const ours = nftables.filter((entry) =>
    Object.entries(entry).some(([kind, { family, name, table }]) => isOurs(kind === 'table' ? name : table, family)),
  );
  const hasInet = ours.some(({ table }) => table?.family === 'inet');
  return { json: hasInet ? JSON.stringify({ nftables: ours }) : null, others: [...findOthers(nftables), ...older] };
}

function isOurs(table: string | undefined, family: string | undefined): boolean {
  return table === 'caisson' && families.some((ours) => ours === family);
}

/** Tables of other programs that packets pass, and whether they may stop there. Pure. */
export function findOthers(nftables: readonly Record<string, Entry>[]): OtherTable[] {
  const refusing = new Map<string, OtherTable['refuses']>();
  for (const { chain } of nftables) {
    if (chain?.hook === undefined || isOurs(chain.table, chain.family)) continue;
    const name = `${chain.family} ${chain.table}`;
    if (chain.policy === 'drop') refusing.set(name, 'all');
    else if (!refusing.has(name)) refusing.set(name, 'nothing');
  }
  for (const { rule } of nftables) {
    const name = `${rule?.family} ${rule?.table}`;
    const stops = rule?.expr?.some(
      (statement) => typeof statement === 'object' && statement !== null && ('drop' in statement || 'reject' in statement),
    );
    if (stops && refusing.get(name) === 'nothing') refusing.set(name, 'some');
  }
  return [...refusing].map(([name, refuses]) => ({ name, refuses })).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Of Debian 12. Older ones read some of the sets and maps wrongly, or not at all. */
const oldest = [1, 0, 6] as const;
const known = new WeakMap<GuestsNamespace, true>();

/** Throws `missing` for a nft that is too old; asks once. */
export async function checkNft(namespace: GuestsNamespace): Promise<void> {
  if (known.has(namespace)) return;
  const { stdout } = await readVersion(namespace);
  if (isTooOld(stdout))
    throw new CaissonError(
      'missing',
      `${stdout.trim()} is too old for the guests’ network: nftables ${oldest.join('.')} or newer is needed`,
    );
  known.set(namespace, true);
}

async function readVersion(namespace: GuestsNamespace): Promise<{ stdout: string }> {
  try {
    return await namespace.run(['nft', '--version']);
  } catch (cause) {
    if (!(cause instanceof CaissonError && cause.code === 'missing')) throw cause;
    throw new CaissonError(
      'missing',
      'nft is not installed, and without it no guest’s network can be filtered: apt-get install --no-install-recommends nftables',
    );
  }
}

/** Pure. A version that cannot be read is taken for a new one. */
export function isTooOld(said: string): boolean {
  const match = /v(\d+)\.(\d+)(?:\.(\d+))?/.exec(said);
  if (!match) return false;
  const version = match.slice(1).map((part) => Number(part ?? 0));
  const differs = oldest.findIndex((part, index) => version[index] !== part);
  return differs >= 0 && (version[differs] ?? 0) < (oldest[differs] ?? 0);
}
