// Folders of builds whose builder is gone: after a power cut or a kill they hold a half-made tree that belongs to the build's
// user namespace, which its own user can only remove from inside such a namespace.
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../lib/exec.ts';

/** Name of the folder of the build that process `pid` does. */
export function buildFolderName(pid: number): string {
  return `build-${pid}`;
}

/** Removes what processes that are gone have left in the work folder. */
export async function removeStaleBuilds(workFolder: string): Promise<void> {
  const names = await readdir(workFolder);
  for (const name of names) {
    const pid = /^build-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !(await isAlive(pid))) await removeTree(join(workFolder, name));
  }
}

async function removeTree(path: string): Promise<void> {
  if (process.getuid?.() === 0) return rm(path, { recursive: true, force: true });
  await run(['unshare', '--map-root-user', '--map-auto', 'rm', '-rf', '--one-file-system', '--', path], { timeoutMs: 300_000 });
}

async function isAlive(pid: string): Promise<boolean> {
  // Our own number on a folder that we have not made yet: another process had it before.
  if (pid === String(process.pid)) return false;
  return stat(`/proc/${pid}`).then(
    () => true,
    () => false,
  );
}
