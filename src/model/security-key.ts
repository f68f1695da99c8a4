// Security keys and passkeys: a second factor that cannot be typed into another site’s page. Each is for one host name, by which the page was open.
import { z } from 'zod';
import { printable } from './quote.ts';

/** More than anybody carries. */
export const mostSecurityKeys = 10;

export const securityKeyNameSchema = z
  .string()
  .min(1)
  .max(60)
  .refine((text) => printable(text) === text && text.trim() === text, 'the name of a key is one line without spaces around it');

const base64Url = (bytes: number) =>
  z
    .string()
    .max(Math.ceil((bytes * 4) / 3))
    .regex(/^[A-Za-z0-9_-]+$/, 'expected is base64url');

/** In the store. */
export const securityKeyRecordSchema = z.strictObject({
  /** As the key calls itself; base64url. */
  id: z.string(),
  name: securityKeyNameSchema,
  host: z.string(),
  /** SPKI, base64. */
  publicKey: z.string(),
  /** As COSE numbers them: ES256, EdDSA, RS256. */
  algorithm: z.union([z.literal(-7), z.literal(-8), z.literal(-257)]),
  counter: z.int(),
  synced: z.boolean(),
  createdAt: z.iso.datetime(),
  usedAt: z.iso.datetime().optional(),
});
export type SecurityKeyRecord = z.output<typeof securityKeyRecordSchema>;

export const securityKeySchema = z.strictObject({
  name: z.string(),
  /** Of the page’s address, where alone it works. */
  host: z.string(),
  /** A passkey that an account elsewhere keeps copies of. */
  synced: z.boolean(),
  createdAt: z.iso.datetime(),
  usedAt: z.iso.datetime().optional(),
});
export type SecurityKey = z.output<typeof securityKeySchema>;

export function viewSecurityKey({ name, host, synced, createdAt, usedAt }: SecurityKeyRecord): SecurityKey {
  return { name, host, synced, createdAt, ...(usedAt === undefined ? {} : { usedAt }) };
}

/** What a browser is asked for when it makes a key; the fields of `PublicKeyCredentialCreationOptions` that are not the same for all. */
export const keyCreationOptionsSchema = z.strictObject({
  challenge: z.string(),
  host: z.string(),
  site: z.string(),
  /** What keys call the user by. */
  handle: z.string(),
  user: z.string(),
  algorithms: z.array(z.int()),
  /** Keys that are there already. */
  exclude: z.array(z.string()),
  timeoutMs: z.int(),
});
export type KeyCreationOptions = z.output<typeof keyCreationOptionsSchema>;

export const keyCreationSchema = z.strictObject({ clientData: base64Url(4096), attestation: base64Url(16_384) });

export const keyAssertionSchema = z.strictObject({
  id: base64Url(1023),
  clientData: base64Url(4096),
  authenticatorData: base64Url(4096),
  signature: base64Url(1024),
});

/** In `details.key` of a sign-in that lacks the second factor: what a browser is asked for. */
export interface KeyRequest {
  challenge: string;
  host: string;
  /** Any one of these. */
  keys: string[];
  timeoutMs: number;
}
