// Secrets that we make ourselves: 256 random bits, of which only the digest is kept. Never from a seed.
import { createHash, randomBytes } from 'node:crypto';

/** `PREFIX` tells people and programs that look for leaked secrets what it is. */
export function newSecret(prefix: string): { secret: string; digest: string } {
  const secret = `${prefix}${randomBytes(32).toString('base64url')}`;
  return { secret, digest: digestOf(secret) };
}

/** SHA-256, in hexadecimal: enough for what nobody can guess. Finding a record by it needs no constant time: it tells nothing of the secret. */
export function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
