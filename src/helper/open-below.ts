// Opening files in folders that the daemon may write, as root: never through a link, whatever it puts there meanwhile. Each
// step is opened from the one before by /proc/self/fd (Node has no openat) with O_NOFOLLOW, and what is then done is done to
// what was opened, not to a name.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { CaissonError } from '../lib/errors.ts';

const folderFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** A path right below an opened folder, for one call of the kernel. */
export function inside(folder: FileHandle, name: string): string {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0')) {
    throw new CaissonError('invalid', `${JSON.stringify(name)} is not a file name`);
  }
  return `/proc/self/fd/${folder.fd}/${name}`;
}

/**
 * Opens the folder `names` below `root` (itself a path that only root can change). Throws `invalid` when a step is missing,
 * a link or not a folder.
 */
export async function openFolder(root: string, names: readonly string[]): Promise<FileHandle> {
  let folder = await open(root, folderFlags);
  for (const name of names) {
    const parent = folder;
    try {
      folder = await open(inside(parent, name), folderFlags);
    } catch (cause) {
      throw new CaissonError('invalid', `${[root, ...names].join('/')} is not a folder, or ${name} in it is a link`, { cause });
    } finally {
      await parent.close();
    }
  }
  return folder;
}

/** Opens a file that is right in `folder`; `invalid` when it is missing, a link or anything but a regular file. */
export async function openFile(folder: FileHandle, name: string, flags: number, mode?: number): Promise<FileHandle> {
  let file: FileHandle;
  try {
    // O_NONBLOCK: a pipe put there must not make us wait.
    file = await open(inside(folder, name), flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, mode);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const why =
      code === 'ENOENT' ? 'there is no such file' : code === 'ELOOP' ? 'it is a link' : `it cannot be opened (${code ?? 'unknown'})`;
    throw new CaissonError('invalid', `${name}: ${why}`, { cause });
  }
  const stat = await file.stat();
  if (!stat.isFile()) {
    await file.close();
    throw new CaissonError('invalid', `${name}: it is not a regular file`);
  }
  return file;
}

/** A regular file's identity without opening it for reading; `invalid` as `openFile`. */
export async function identify(
  folder: FileHandle,
  name: string,
): Promise<{ device: bigint; inode: bigint; owner: number; mode: number; links: number }> {
  const file = await openFile(folder, name, constants.O_RDONLY);
  try {
    const stat = await file.stat({ bigint: true });
    return { device: stat.dev, inode: stat.ino, owner: Number(stat.uid), mode: Number(stat.mode), links: Number(stat.nlink) };
  } finally {
    await file.close();
  }
}
