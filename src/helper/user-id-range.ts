// Each data directory owns a range of Unix user ids, so that guests of two directories never share one. Ranges are claimed by
// files made exclusively in one folder for the whole machine; the first range tried comes from the path, so that a directory that
// gave its range back mostly finds it free again.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { syncFolder } from '../lib/durable-file.ts';
import { CaissonError } from '../lib/errors.ts';

export interface UserIdRange {
  base: number;
  count: number;
}

/** Far above what distributions, directories (LDAP) and containers hand out. */
const firstId = 1_900_000_000;
const count = 4096;
const ranges = 50_000;
/** The last ids of a range are not guests': DHCP and names, the image builder. */
export const reservedIds = 64;

export const registryFolder = '/var/lib/caisson-uid-ranges';

/** Claims the range that the directory has had before, or a free one. `conflict` when somebody else has it now. */
export async function claimUserIds(dataDirectory: string, known: UserIdRange | undefined, registry = registryFolder): Promise<UserIdRange> {
  mkdirSync(registry, { recursive: true, mode: 0o755 });
  if (known) {
    if (claim(registry, known.base, dataDirectory)) return known;
    const holder = readFileSync(`${registry}/${known.base}`, 'utf8').trim();
    throw new CaissonError('conflict', `the user ids of ${dataDirectory} (${known.base} and on) are claimed by ${holder}`, {
      details: { file: `${registry}/${known.base}` },
    });
  }
  const start = createHash('sha256').update(dataDirectory).digest().readUInt32BE(0) % ranges;
  for (let index = 0; index < ranges; index++) {
    const base = firstId + ((start + index) % ranges) * count;
    if (!claim(registry, base, dataDirectory)) continue;
    await syncFolder(registry);
    return { base, count };
  }
  throw new CaissonError('no-capacity', `no range of user ids is free in ${registry}`);
}

/** Gives the directory's ranges back. */
export async function releaseUserIds(dataDirectory: string, registry = registryFolder): Promise<void> {
  if (!existsSync(registry)) return;
  for (const name of readdirSync(registry)) {
    if (readFileSync(`${registry}/${name}`, 'utf8').trim() === dataDirectory) await rm(`${registry}/${name}`);
  }
}

/** True when the range is the directory's now. */
function claim(registry: string, base: number, dataDirectory: string): boolean {
  const path = `${registry}/${base}`;
  try {
    writeFileSync(path, `${dataDirectory}\n`, { flag: 'wx', mode: 0o644 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return readFileSync(path, 'utf8').trim() === dataDirectory;
  }
}
