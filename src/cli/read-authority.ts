// The authority of a daemon's certificate, from the file in which somebody keeps what `caisson host ca` printed.
import { readFileSync } from 'node:fs';
import { CaissonError } from '../lib/errors.ts';

/** PEM. Throws `failed`, or `invalid` when the file holds something else. */
export function readAuthority(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new CaissonError('failed', `the authority in ${path} cannot be read`, { cause });
  }
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  throw new CaissonError('invalid', `${path} holds no certificate: expected is what “caisson host ca” prints on the daemon’s host`);
}
