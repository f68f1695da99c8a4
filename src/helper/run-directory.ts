// The run directory: sockets and what else ends with the machine. Made anew at each start, because /run may have been wiped.
import { existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, symlinkSync, unlinkSync } from 'node:fs';
import { run } from '../lib/exec.ts';
import { setFolder } from './data-directory.ts';
import { prepareSkeleton } from './jail.ts';
import type { SystemUser } from './system-user.ts';

export async function prepareRunDirectory(runDirectory: string, dataDirectory: string, user: SystemUser): Promise<void> {
  mkdirSync('/run/caisson', { recursive: true, mode: 0o755 });
  setFolder(runDirectory, user, 0o1771);
  mkdirSync(`${runDirectory}/network`, { recursive: true, mode: 0o755 });
  await prepareSkeleton(`${runDirectory}/jail`);
  // Of starts that did not come to their end: the lock says that nobody starts anything now.
  for (const name of readdirSync(`${runDirectory}/jail`)) if (name.endsWith('.fstab')) unlinkSync(`${runDirectory}/jail/${name}`);
  const link = `${dataDirectory}/run`;
  if (!isLinkTo(link, runDirectory)) {
    if (lstatSync(link, { throwIfNoEntry: false })) unlinkSync(link);
    symlinkSync(runDirectory, link);
  }
}

/** rm opens each step from the one before, so that it cannot be led away by a link put there meanwhile. */
export async function removeRunDirectory(runDirectory: string, dataDirectory: string): Promise<void> {
  await run(['rm', '-rf', '--one-file-system', runDirectory]);
  await run(['rmdir', '--ignore-fail-on-non-empty', '/run/caisson'], { okCodes: [0, 1] });
  const link = `${dataDirectory}/run`;
  if (isLinkTo(link, runDirectory)) unlinkSync(link);
}

function isLinkTo(link: string, target: string): boolean {
  const stat = lstatSync(link, { throwIfNoEntry: false });
  return stat !== undefined && stat.isSymbolicLink() && readlinkSync(link) === target && existsSync(dirnameOf(link));
}

function dirnameOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}
