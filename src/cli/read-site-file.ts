// Reading a site file with everything that it refers to.
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { CaissonError } from '../lib/errors.ts';
import type { Site } from '../model/site.ts';

/** `-` is standard input. Throws `invalid` with every problem of the file, one a line. */
export async function readSiteFile(file: string): Promise<Site> {
  const text = readInput(file);
  const folder = file === '-' ? process.cwd() : dirname(resolve(file));
  const { formatProblems, parseSiteFile } = await import('../model/site-file.ts');
  const parsed = parseSiteFile(text, (path) => {
    try {
      return readFileSync(resolve(folder, path));
    } catch {
      return undefined;
    }
  });
  if ('site' in parsed) return parsed.site;
  const { problems } = parsed;
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  const name = file === '-' ? 'standard input' : file;
  throw new CaissonError('invalid', `nothing was changed: ${name} has ${count}\n${formatProblems(name, problems)}`);
}

function readInput(file: string): Buffer {
  try {
    return readFileSync(file === '-' ? 0 : file);
  } catch (cause) {
    const name = file === '-' ? 'standard input' : file;
    switch ((cause as NodeJS.ErrnoException).code) {
      case 'ENOENT':
        throw new CaissonError('invalid', `there is no site file ${name}`);
      case 'EISDIR':
        throw new CaissonError('invalid', `${name} is a folder, not a site file`);
      default:
        throw new CaissonError('invalid', `the site file ${name} cannot be read`, { cause });
    }
  }
}
