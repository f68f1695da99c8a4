// Which certificate a daemon has: that in the files it was given, or one that it makes.
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { AcmePlace } from './acme-proofs.ts';
import type { TlsOptions } from '../command-line.ts';
import type { HostNames } from './certificate-names.ts';
import { openGivenCertificate } from './given-certificate.ts';
import { openOwnCertificate } from './own-certificate.ts';
import type { TlsSource } from './tls-source.ts';

export interface OpenTlsOptions {
  /** Where proofs for `tls.acme` are shown over HTTP; none: by TLS, where the daemon listens. */
  acmePlaces?: readonly AcmePlace[] | undefined;
  tls: TlsOptions;
  dataDirectory: string;
  names: () => Promise<HostNames>;
  clock: Clock;
  log: Log;
}

export async function openTls({
  tls: { given, acme, names: extraNames },
  log,
  acmePlaces = [],
  ...options
}: OpenTlsOptions): Promise<TlsSource> {
  const ours = log.child({ part: 'tls' });
  if (acme) {
    const own = await openOwnCertificate({ ...options, extraNames, log: ours });
    try {
      // Loaded where there is one: most hosts have only their own.
      const { openAcmeCertificate, readAcmeSettings } = await import('./acme-certificate.ts');
      return await openAcmeCertificate({ ...options, own, settings: await readAcmeSettings(acme), places: acmePlaces, log: ours });
    } catch (error) {
      own.close();
      throw error;
    }
  }
  return given ? openGivenCertificate({ ...given, log: ours }) : openOwnCertificate({ ...options, extraNames, log: ours });
}
