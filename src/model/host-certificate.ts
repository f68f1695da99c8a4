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
  /** A certificate that an authority of the world gives, shown to who asks for one of its names. */
  acme: z
    .strictObject({
      directory: z.string(),
      names: z.array(z.string()),
      /** Of the one in use; absent: there is none, or it has ended. */
      fingerprint: z.string().optional(),
      issuer: z.string().optional(),
      until: z.iso.datetime().optional(),
      /** Why the last try failed, and when the next one is. */
      problem: z.string().optional(),
      nextTryAt: z.iso.datetime().optional(),
    })
    .optional(),
});
export type HostCertificate = z.infer<typeof hostCertificateSchema>;
