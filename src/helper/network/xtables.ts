// Tables of the older filters (iptables-legacy, ip6tables-legacy), which nft does not see and whose rules packets pass all the same. The kernel
// names those that somebody has used; what they say only their own program tells. Nothing tells of changes, so they are looked at from time to time.
import type { OtherTable } from '../../model/host.ts';
import { CaissonError } from '../../lib/errors.ts';
import type { GuestsNamespace } from './guests-namespace.ts';

type Place = Pick<GuestsNamespace, 'run'>;

const programs = { 'iptables-legacy': 'ip_tables_names', 'ip6tables-legacy': 'ip6_tables_names' } as const;
type Program = keyof typeof programs;

/** As long as nobody would notice. */
const freshMs = 5000;
const known = new WeakMap<Place, { at: number; found: Promise<OtherTable[]> }>();

/** In the guests' network, as `findOthers` tells those of nft; read again after five seconds. */
export function readXtables(namespace: Place, now = performance.now()): Promise<OtherTable[]> {
  const seen = known.get(namespace);
  if (seen && now - seen.at < freshMs) return seen.found;
  const found = lookAtXtables(namespace);
  found.catch(() => known.delete(namespace));
  known.set(namespace, { at: now, found });
  return found;
}

/** As `readXtables`, at once. */
export async function lookAtXtables(namespace: Place): Promise<OtherTable[]> {
  const files = Object.values(programs).map((name) => `/proc/net/${name}`);
  // A kernel without them has no such file.
  const { stdout } = await namespace.run(['head', '-v', '-n', '100', ...files], { okCodes: [0, 1] });
  const used = parseNames(stdout);
  const tables = (Object.keys(programs) as Program[]).map(async (program) => {
    const names = used.get(programs[program]) ?? [];
    return names.length === 0 ? [] : ((await readSaved(namespace, program)) ?? names.map((name) => unknown(program, name)));
  });
  return (await Promise.all(tables)).flat();
}

/** What `head -v` says of the kernel's lists of names. */
export function parseNames(text: string): Map<string, string[]> {
  const parts = text.split(/^==> \/proc\/net\/(\w+) <==$/m).slice(1);
  const found = new Map<string, string[]>();
  for (let at = 0; at + 1 < parts.length; at += 2)
    found.set(
      parts[at] ?? '',
      (parts[at + 1] ?? '').split('\n').filter((line) => line !== ''),
    );
  return found;
}

/** Undefined where the program that tells is not there. */
async function readSaved(namespace: Place, program: Program): Promise<OtherTable[] | undefined> {
  try {
    const { stdout } = await namespace.run([`${program}-save`]);
    return parseSaved(program, stdout);
  } catch (error) {
    if (error instanceof CaissonError && (error.code === 'missing' || error.details?.['code'] === 127)) return undefined;
    throw error;
  }
}

/** What `iptables-save` says. */
export function parseSaved(program: string, text: string): OtherTable[] {
  const tables = text.split(/^\*/m).slice(1);
  return tables.map((table) => {
    const [name = ''] = table.split('\n');
    const all = /^:\S+ DROP /m.test(table);
    const some = /^-A .* -[jg] (?:DROP|REJECT)\b/m.test(table);
    return { name: `${program} ${name.trim()}`, refuses: all ? 'all' : some ? 'some' : 'nothing' };
  });
}

function unknown(program: string, name: string): OtherTable {
  return { name: `${program} ${name}`, refuses: 'unknown' };
}
