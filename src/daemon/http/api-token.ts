// The token that TCP clients show. Made once, kept in the data directory, readable by the daemon and root alone, never printed.
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { CaissonError } from '../../lib/errors.ts';
import { writeDurably } from '../../lib/durable-file.ts';

const tokenPattern = /^[A-Za-z0-9_-]{32,128}$/;

/** The token in the file, which is made when it does not exist. Throws `failed` when its content cannot be a token. */
export async function openApiToken(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined;
    throw new CaissonError('failed', `the API token in ${path} cannot be read`, { cause });
  });
  if (text === undefined) {
    const token = randomBytes(32).toString('base64url');
    await writeDurably(path, `${token}\n`, 0o600);
    return token;
  }
  const token = text.trim();
  if (!tokenPattern.test(token))
    throw new CaissonError('failed', `${path} does not hold a token: remove it, and the daemon makes a new one when it starts`);
  return token;
}
