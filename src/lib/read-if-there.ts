// A file's text where there is such a file.
import { readFile } from 'node:fs/promises';
import { CaissonError } from './errors.ts';

/** Undefined when there is none; `failed` for one that is there and cannot be read. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new CaissonError('failed', `${path} cannot be read`, { cause });
  }
}
