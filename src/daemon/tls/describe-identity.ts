// What people are shown of a certificate. Pure.
import type { HostCertificate } from '../../model/host-certificate.ts';
import type { TlsIdentity } from './tls-identity.ts';

export function describeIdentity({ certificate }: TlsIdentity, source: HostCertificate['source']): HostCertificate {
  const names = (certificate.subjectAltName ?? '').split(', ').map((name) => name.replace(/^(DNS|IP Address):/, ''));
  return {
    source,
    fingerprint: certificate.fingerprint256,
    names: names.filter((name) => name !== ''),
    issuer: certificate.issuer.replaceAll('\n', ', '),
    from: certificate.validFromDate.toISOString(),
    until: certificate.validToDate.toISOString(),
  };
}
