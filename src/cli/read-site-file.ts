// Reading a site file with everything that it refers to.
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { CaissonError } from '../lib/errors.ts';
import type { Site } from '../model/site.ts';
import type { Input, Io } from './io.ts';

/** `-` is standard input. Throws `invalid` with every problem of the file, one a line. */
export async function readSiteFile(io: Io, file: string): Promise<Site> {
  const text = file === '-' ? await readAll(io.stdin) : readFile(file);
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

function readAll(input: Input): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  input.on('data', (chunk) => chunks.push(chunk));
  input.on('end', () => resolve(Buffer.concat(chunks)));
  return promise;
}

function readFile(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    switch ((cause as NodeJS.ErrnoException).code) {
      case 'ENOENT':
        throw new CaissonError('invalid', `there is no site file ${file}`);
      case 'EISDIR':
        throw new CaissonError('invalid', `${file} is a folder, not a site file`);
      default:
        throw new CaissonError('invalid', `the site file ${file} cannot be read`, { cause });
    }
  }
}
