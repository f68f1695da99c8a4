// The certificate by which a host is known on its TLS addresses.
import { z } from 'zod';

export const hostCertificateSchema = z.strictObject({
  /** `own`: made by this host; `file`: given to it with --tls-cert. */
  source: z.enum(['own', 'file']),
  /** SHA-256, as `AB:CD:…`. */
  fingerprint: z.string(),
  names: z.array(z.string()),
  issuer: z.string(),
  from: z.iso.datetime(),
  until: z.iso.datetime(),
  /** The authority that this host made, for import into browsers and programs. */
  authority: z.strictObject({ fingerprint: z.string(), until: z.iso.datetime(), pem: z.string() }).optional(),
});
export type HostCertificate = z.infer<typeof hostCertificateSchema>;
