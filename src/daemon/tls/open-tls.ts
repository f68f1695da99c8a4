// Which certificate a daemon has: that in the files it was given, or one that it makes.
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { TlsOptions } from '../command-line.ts';
import type { HostNames } from './certificate-names.ts';
import { openGivenCertificate } from './given-certificate.ts';
import { openOwnCertificate } from './own-certificate.ts';
import type { TlsSource } from './tls-source.ts';

export interface OpenTlsOptions {
  tls: TlsOptions;
  dataDirectory: string;
  names: () => Promise<HostNames>;
  clock: Clock;
  log: Log;
}

export function openTls({ tls: { given, names: extraNames }, log, ...options }: OpenTlsOptions): Promise<TlsSource> {
  const ours = log.child({ part: 'tls' });
  return given ? openGivenCertificate({ ...given, log: ours }) : openOwnCertificate({ ...options, extraNames, log: ours });
}
