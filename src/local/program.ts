// The program where other users can read it. Root starts the daemon from wherever Caisson lies (perhaps under /root), but the
// daemon, the image builder and their Node.js run as another user: so dist/ and the node binary are copied to
// BASE/<digest>/, named after their content. A folder that exists under its final name is complete, and never changes.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, copyFile, cp, link, mkdir, mkdtemp, readFile, readdir, readlink, rename, rm, stat, utimes } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CaissonError } from '../lib/errors.ts';

const youngMs = 10 * 60_000;

/**
 * Copies the bundles of `distFolder` and the binary `node` to a folder of their own under `base`, unless they are there, and
 * returns that folder: `node` and `dist/*.js` lie in it. Removes older programs that no process runs.
 */
export async function placeProgram(options: { distFolder: string; node: string; base: string }): Promise<string> {
  const { distFolder, node, base } = options;
  const digest = await digestProgram(distFolder, node);
  const folder = join(base, digest);
  if (await mkdir(base, { recursive: true })) for (const made of [dirname(base), base]) await chmod(made, 0o755); // whatever the umask
  if (!(await isRenewed(folder))) {
    const beside = await mkdtemp(join(base, '.new-'));
    try {
      await chmod(beside, 0o755);
      await cp(distFolder, join(beside, 'dist'), { recursive: true });
      await openToAll(join(beside, 'dist'));
      await placeNode(node, base, join(beside, 'node'));
      await rename(beside, folder);
    } catch (cause) {
      await rm(beside, { recursive: true, force: true });
      // Somebody else placed the same program meanwhile: theirs is as good.
      if (!(await exists(folder))) {
        throw new CaissonError('failed', `the program cannot be copied to ${folder}, where the daemon's user can read it`, { cause });
      }
    }
  }
  await prunePrograms(base, digest);
  return folder;
}

/** Content of the bundles, and the identity of the binary (hashing its 120 MB would take longer than starting it). */
async function digestProgram(distFolder: string, node: string): Promise<string> {
  const hash = createHash('sha256');
  const names = (await readdir(distFolder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.') && entry.name !== 'stamp')
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
  if (names.length === 0) throw new CaissonError('missing', `there is no program in ${distFolder}: build it with \`npm run build\``);
  for (const name of names) {
    const content = await readFile(name);
    hash.update(`${name.slice(distFolder.length)}\0${content.length}\0`).update(content);
  }
  const { size, mtimeMs } = await stat(node);
  hash.update(`${process.version} ${process.arch} ${size} ${mtimeMs}`);
  return hash.digest('hex').slice(0, 16);
}

/** A hard link to the same binary of an older program where there is one; a copy otherwise. */
async function placeNode(node: string, base: string, target: string): Promise<void> {
  const { size, mtimeMs } = await stat(node);
  for (const name of await readdir(base)) {
    const other = join(base, name, 'node');
    const found = await stat(other).catch(() => undefined);
    if (found && !name.startsWith('.') && found.size === size && Math.abs(found.mtimeMs - mtimeMs) < 1) {
      await link(other, target);
      return;
    }
  }
  await copyFile(node, target, constants.COPYFILE_FICLONE);
  await chmod(target, 0o755);
  await utimes(target, mtimeMs / 1000, mtimeMs / 1000);
}

async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await openToAll(path);
    else await chmod(path, 0o644);
  }
}

/** Removes every program but `kept`, those in use, and those so young that somebody may be about to start them. */
async function prunePrograms(base: string, kept: string): Promise<void> {
  const used = await programsInUse(base);
  for (const name of await readdir(base)) {
    if (name === kept || used.has(name)) continue;
    const found = await stat(join(base, name)).catch(() => undefined);
    if (found && Date.now() - found.mtimeMs > youngMs) await rm(join(base, name), { recursive: true, force: true });
  }
}

async function programsInUse(base: string): Promise<Set<string>> {
  const used = new Set<string>();
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const exe = await readlink(`/proc/${pid}/exe`).catch(() => ''); // gone, or not ours to see
    if (exe.startsWith(`${base}/`) && basename(exe) === 'node') used.add(exe.slice(base.length + 1).split('/')[0] ?? '');
  }
  return used;
}

/** Young again, for who is about to start it: another program that is placed meanwhile leaves it alone. False where it is not there. */
async function isRenewed(folder: string): Promise<boolean> {
  const now = new Date();
  try {
    await utimes(folder, now, now);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
