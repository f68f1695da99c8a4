// The data directory: its folders, owners and modes, and host.json, which says whose it is. Root owns the directory itself and
// the folders in it, with the sticky bit, so that the daemon may add files there but not put another folder in their place: the
// way to D/guests never leads through something that the daemon could exchange.
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { writeDurably } from '../lib/durable-file.ts';
import { CaissonError } from '../lib/errors.ts';
import { newUid, systemRandom } from '../lib/ids.ts';
import type { SystemUser } from './system-user.ts';
import { claimUserIds } from './user-id-range.ts';

/** Raised when an older helper could no longer read what a newer one writes. */
const schema = 1;
const pathPattern = /^(\/[A-Za-z0-9._+@-]+)+$/;

export interface HostFile {
  schema: number;
  hostId: string;
  userIdBase: number;
  userIdCount: number;
  runDirectory: string;
}

/**
 * Makes the directory when it is missing and gives its canonical path; refuses what is somebody else's, and places where others
 * could exchange it.
 */
export function openDataDirectory(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o755 });
  const real = realpathSync(path);
  if (!pathPattern.test(real) || real.length > 200) {
    throw new CaissonError(
      'invalid',
      `the data directory ${JSON.stringify(real)} has characters that are not allowed in it (or more than 200): letters, digits and ._+@- are`,
    );
  }
  for (let at = dirname(real); ; at = dirname(at)) {
    const stat = statSync(at);
    if ((stat.mode & 0o001) === 0)
      throw new CaissonError('invalid', `the data directory ${real} cannot be reached by the daemon's user: ${at} lets only some users in`);
    const othersWrite = (stat.mode & 0o022) !== 0 && (stat.mode & 0o1000) === 0;
    if (othersWrite || stat.uid !== 0)
      throw new CaissonError('invalid', `the data directory ${real} is not safe: others than root may rename what is in ${at}`);
    if (at === '/') break;
  }
  const own = statSync(real);
  if (!existsSync(`${real}/host.json`)) refuseForeign(real);
  if (own.uid !== 0) throw new CaissonError('invalid', `the data directory ${real} must belong to root`);
  return real;
}

/** `/run/caisson/<8 hexadecimal digits>`: short, because the path of a socket ends at 107 bytes. */
export function runDirectoryOf(dataDirectory: string): string {
  return `/run/caisson/${createHash('sha256').update(dataDirectory).digest('hex').slice(0, 8)}`;
}

/** Folders and host.json of a data directory that is locked. `too-new` when a newer version has written it. */
export async function prepareDataDirectory(path: string, user: SystemUser): Promise<HostFile> {
  const file = `${path}/host.json`;
  const known = existsSync(file) ? parseHostFile(readFileSync(file, 'utf8'), file) : undefined;
  const userIds = await claimUserIds(path, known && { base: known.userIdBase, count: known.userIdCount });
  const host: HostFile = {
    schema,
    hostId: known?.hostId ?? newUid('h', systemRandom),
    userIdBase: userIds.base,
    userIdCount: userIds.count,
    runDirectory: runDirectoryOf(path),
  };
  if (JSON.stringify(known) !== JSON.stringify(host)) await writeDurably(file, `${JSON.stringify(host, null, 2)}\n`, 0o644);
  setFolder(path, user, 0o1770);
  for (const name of ['guests', 'images', 'network']) setFolder(`${path}/${name}`, user, 0o2770);
  return host;
}

/** A folder of root's that the daemon's group may write. */
export function setFolder(path: string, user: SystemUser, mode: number): void {
  mkdirSync(path, { recursive: true });
  const stat = lstatSync(path);
  if (!stat.isDirectory()) throw new CaissonError('invalid', `${path} should be a folder and is not`);
  if (stat.uid !== 0 || stat.gid !== user.groupId) chownSync(path, 0, user.groupId);
  if ((stat.mode & 0o7777) !== mode) chmodSync(path, mode);
}

export function parseHostFile(text: string, path: string): HostFile {
  let value: Partial<HostFile>;
  try {
    value = JSON.parse(text) as Partial<HostFile>;
  } catch (cause) {
    throw new CaissonError('failed', `${path} is damaged; restore it from a backup`, { cause });
  }
  if (typeof value?.schema === 'number' && value.schema > schema) {
    throw new CaissonError(
      'too-new',
      `${path} was written by a newer version of Caisson (schema ${value.schema}, this one knows ${schema}); update Caisson`,
    );
  }
  const { hostId, userIdBase, userIdCount, runDirectory } = value ?? {};
  if (
    value?.schema !== schema ||
    typeof hostId !== 'string' ||
    !Number.isSafeInteger(userIdBase) ||
    !Number.isSafeInteger(userIdCount) ||
    typeof runDirectory !== 'string'
  ) {
    throw new CaissonError('failed', `${path} is damaged; restore it from a backup`);
  }
  return { schema, hostId, userIdBase: userIdBase as number, userIdCount: userIdCount as number, runDirectory };
}

/** A directory with content but without host.json is somebody else's, or ours with its heart lost: neither may be taken as new. */
function refuseForeign(path: string): void {
  const others = readdirSync(path).filter((name) => name !== 'lost+found' && name !== 'lock');
  if (others.length > 0) {
    throw new CaissonError(
      'invalid',
      `${path} is not empty and has no host.json, so it is not a data directory of Caisson; give an empty one`,
      {
        details: { found: others.slice(0, 10) },
      },
    );
  }
}
