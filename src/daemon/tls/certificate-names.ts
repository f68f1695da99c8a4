// Under which names and addresses a host may be reached: what its certificate is for. Pure.
import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

/** What the host is called, as far as it knows itself. */
export interface HostNames {
  hostname: string;
  /** Of its interfaces. */
  addresses: readonly string[];
}

export interface CertificateNames {
  dns: string[];
  ip: string[];
}

const namePattern = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

/** True for a name that can stand in a certificate, and in a URL. */
export function isDnsName(text: string): boolean {
  return isIP(text) === 0 && namePattern.test(text.toLowerCase());
}

/** `extra`: names and addresses that only people know, as those of a name server or in front of a router. */
export function certificateNames({ hostname, addresses }: HostNames, extra: readonly string[] = []): CertificateNames {
  const names = [hostname, hostname.split('.')[0] ?? '', ...extra].map((name) => name.toLowerCase()).filter(isDnsName);
  // Addresses of one link need the interface’s name with them, which no certificate can hold.
  const all = ['127.0.0.1', '::1', ...addresses, ...extra].filter((text) => isIP(text) !== 0 && !/^fe[89ab].:/i.test(text));
  return { dns: [...new Set(['localhost', ...names])], ip: [...new Set(all)] };
}

/** Whether somebody who asked for this host by `name` is at the right one. */
export function isNameOf(certificate: X509Certificate, name: string): boolean {
  return (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined;
}
