// What a TLS listener shows: a key with its certificates, checked to belong together.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { CaissonError } from '../../lib/errors.ts';

export interface TlsIdentity {
  /** PEM. */
  key: string;
  /** PEM: its own first, then those that lead to an authority. */
  certificates: string;
  /** Its own. */
  certificate: X509Certificate;
}

const pemPattern = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Throws `invalid`, naming the file, when they are no certificate and key, or not of each other. */
export function parseIdentity(certificates: string, key: string, paths: { certificate: string; key: string }): TlsIdentity {
  const first = certificates.match(pemPattern)?.[0];
  if (first === undefined)
    throw new CaissonError('invalid', `${paths.certificate} holds no certificate: expected is PEM, “-----BEGIN CERTIFICATE-----” …`);
  const certificate = parsed(paths.certificate, 'certificate', () => new X509Certificate(first));
  const privateKey = parsed(paths.key, 'private key without a password', () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey))
    throw new CaissonError('invalid', `the key in ${paths.key} is not that of the certificate in ${paths.certificate}`);
  return { key, certificates, certificate };
}

function parsed<T>(path: string, what: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new CaissonError('invalid', `${path} holds no ${what} in PEM`, { cause });
  }
}
