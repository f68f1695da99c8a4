// A certificate that the host makes itself: an authority, made once and kept for ten years, which people import or compare by its fingerprint, and
// a server certificate that it signs: anew before it ends, and when the host has got another name or address. Files in D/tls/:
//
// | ca-key.pem, ca.pem | the authority; without its key a host cannot prove any more who it is, so it is never made anew by itself |
// | server-key.pem, server.pem | can be removed at any time |
import { X509Certificate } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { writeDurably } from '../../lib/durable-file.ts';
import { CaissonError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { readIfThere } from '../../lib/read-if-there.ts';
import { type CertificateNames, certificateNames, type HostNames, isNameOf } from './certificate-names.ts';
import { describeIdentity } from './describe-identity.ts';
import { issueCertificate, makeAuthority, makeKey } from './openssl.ts';
import { parseIdentity, type TlsIdentity } from './tls-identity.ts';
import { startRefreshing, type Refreshing } from './refreshing.ts';
import type { TlsSource } from './tls-source.ts';

const authorityDays = 3650;
/** Browsers refuse more than 398. */
const serverDays = 397;
const dayMs = 86_400_000;
const renewBeforeMs = 60 * dayMs;
const lookEveryMs = 6 * 3_600_000;

export interface OwnCertificateOptions {
  dataDirectory: string;
  names: () => Promise<HostNames>;
  /** Names and addresses that the host does not know of itself. */
  extraNames: readonly string[];
  clock: Clock;
  log: Log;
}

/** Throws `missing` when openssl is not there, or one of the authority's files is. */
export async function openOwnCertificate(options: OwnCertificateOptions): Promise<TlsSource> {
  const folder = join(options.dataDirectory, 'tls');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const authority = await openAuthority(folder, options);
  const first = await currentIdentity(folder, authority, options);
  return new OwnCertificate(folder, authority, options, first);
}

class OwnCertificate implements TlsSource {
  readonly #folder: string;
  readonly #authority: X509Certificate;
  readonly #options: OwnCertificateOptions;
  readonly #refreshing: Refreshing;

  constructor(folder: string, authority: X509Certificate, options: OwnCertificateOptions, identity: TlsIdentity) {
    this.#folder = folder;
    this.#authority = authority;
    this.#options = options;
    const read = () => currentIdentity(this.#folder, this.#authority, this.#options);
    this.#refreshing = startRefreshing({ identity, read, everyMs: lookEveryMs, log: options.log });
  }

  get identity(): TlsIdentity {
    return this.#refreshing.identity;
  }

  describe() {
    const { fingerprint256: fingerprint, validToDate } = this.#authority;
    const authority = { fingerprint, until: validToDate.toISOString(), pem: this.#authority.toString() };
    return { ...describeIdentity(this.identity, 'own'), authority };
  }

  onChange(listener: (identity: TlsIdentity) => void): () => void {
    return this.#refreshing.onChange(listener);
  }

  refresh(): Promise<void> {
    return this.#refreshing.refresh();
  }

  close(): void {
    this.#refreshing.close();
  }
}

async function openAuthority(folder: string, { names, clock, log }: OwnCertificateOptions): Promise<X509Certificate> {
  const paths = authorityPaths(folder);
  const [pem, key] = await Promise.all([readIfThere(paths.certificatePath), readIfThere(paths.keyPath)]);
  if (pem !== undefined) {
    if (key === undefined)
      throw new CaissonError(
        'missing',
        `${paths.keyPath} is gone: no certificate can be made with the authority that everybody trusts; restore it from a backup, or remove ${paths.certificatePath} and import the new one everywhere`,
      );
    const { certificate } = parseIdentity(pem, key, { certificate: paths.certificatePath, key: paths.keyPath });
    if (certificate.validToDate.getTime() <= clock.now())
      throw new CaissonError(
        'failed',
        `the authority in ${paths.certificatePath} has ended on ${certificate.validTo}: remove it together with its key, start again, and import the new one everywhere`,
      );
    return certificate;
  }
  // A key alone was never used: its certificate comes after it.
  await writeDurably(paths.keyPath, await makeKey(), 0o600);
  const commonName = `Caisson ${(await names()).hostname} (${new Date(clock.now()).toISOString().slice(0, 10)})`;
  const made = await makeAuthority({ folder, keyPath: paths.keyPath, commonName, days: authorityDays });
  await writeDurably(paths.certificatePath, made, 0o644);
  const certificate = new X509Certificate(made);
  log.info('an authority was made; “caisson host ca” prints it for import', { fingerprint: certificate.fingerprint256 });
  return certificate;
}

/** The server's certificate as it is, or a new one. */
async function currentIdentity(folder: string, authority: X509Certificate, options: OwnCertificateOptions): Promise<TlsIdentity> {
  const { clock, log, extraNames } = options;
  const names = certificateNames(await options.names(), extraNames);
  const paths = { certificate: join(folder, 'server.pem'), key: join(folder, 'server-key.pem') };
  const key = await readIfThere(paths.key);
  const pem = await readIfThere(paths.certificate);
  if (key !== undefined && pem !== undefined) {
    try {
      const identity = parseIdentity(pem, key, paths);
      if (isGood(identity, authority, names, clock.now())) return identity;
    } catch (error) {
      log.warn('the server’s certificate cannot be used, and is made anew', { error });
    }
  }
  await writeDurably(paths.key, await makeKey(), 0o600);
  const commonName = names.dns[1] ?? 'localhost';
  const own = await issueCertificate({
    folder,
    keyPath: paths.key,
    names,
    commonName,
    days: serverDays,
    authority: authorityPaths(folder),
  });
  const certificates = `${own.trim()}\n${authority.toString()}`;
  await writeDurably(paths.certificate, certificates, 0o644);
  const identity = parseIdentity(certificates, await readFile(paths.key, 'utf8'), paths);
  log.info('a certificate was made', { names: [...names.dns, ...names.ip], until: identity.certificate.validToDate.toISOString() });
  return identity;
}

/** It is of this authority, does not end soon, and fits every name. */
function isGood({ certificate }: TlsIdentity, authority: X509Certificate, names: CertificateNames, now: number): boolean {
  return (
    certificate.verify(authority.publicKey) &&
    certificate.validToDate.getTime() - now > renewBeforeMs &&
    [...names.dns, ...names.ip].every((name) => isNameOf(certificate, name))
  );
}

function authorityPaths(folder: string): { certificatePath: string; keyPath: string } {
  return { certificatePath: join(folder, 'ca.pem'), keyPath: join(folder, 'ca-key.pem') };
}
