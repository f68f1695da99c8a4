// A provider of identities (OpenID Connect) by which people sign in who have an account elsewhere: where it is, and what its groups may here.
import { z } from 'zod';
import { printable } from './quote.ts';
import { roleBindingSchema, roleSchema } from './role.ts';

/** After a sign-in by the provider, the roles of one’s groups count for this long: sessions end before, tokens stop. */
export const providerRolesLifeMs = 7 * 24 * 3_600_000;

const line = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .refine((text) => printable(text) === text, 'expected is one line');

const claimName = line(100);

const isOnThisMachine = ({ hostname }: URL) => ['localhost', '127.0.0.1', '[::1]'].includes(hostname);

const issuerSchema = z
  .string()
  .max(500)
  .refine((text) => {
    const url = URL.parse(text);
    if (!url || url.search !== '' || url.hash !== '' || url.username !== '') return false;
    return url.protocol === 'https:' || (url.protocol === 'http:' && isOnThisMachine(url));
  }, 'an issuer is an address that begins with https://, without ? and #, as the provider calls itself');

const groupRoleSchema = z.strictObject({ group: line(200), role: roleSchema, on: z.string().max(80) });

const providerFields = {
  issuer: issuerSchema,
  /** On the button of the page. */
  label: line(60),
  clientId: line(200),
  /** Asked for beside `openid`. */
  scopes: z.array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/, 'a scope is one word')).max(20),
  /** By which a new user is named. */
  userClaim: claimName,
  groupsClaim: claimName,
};

/** What somebody asks for: guests may be named, and the secret stays as it is where none is given. */
export const wantedProviderSchema = z.strictObject({
  ...providerFields,
  scopes: providerFields.scopes.default(['profile']),
  userClaim: claimName.default('preferred_username'),
  groupsClaim: claimName.default('groups'),
  clientSecret: z.string().min(1).max(2000).optional(),
  roles: z.array(groupRoleSchema).max(200),
});
export type WantedProvider = z.output<typeof wantedProviderSchema>;

/** In the store. */
export const providerRecordSchema = z.strictObject({
  ...providerFields,
  clientSecret: z.string().optional(),
  roles: z.array(roleBindingSchema.extend({ group: line(200) })),
});
export type ProviderRecord = z.output<typeof providerRecordSchema>;

export const providerSchema = z.strictObject({
  ...providerFields,
  hasSecret: z.boolean(),
  roles: z.array(roleBindingSchema.extend({ group: z.string() })),
});
export type Provider = z.output<typeof providerSchema>;

export function viewProvider({ clientSecret, ...provider }: ProviderRecord): Provider {
  return { ...provider, hasSecret: clientSecret !== undefined };
}

/** What the provider says of itself, asked just now. */
export const providerCheckSchema = z.strictObject({
  issuer: z.string(),
  authorizationEndpoint: z.string(),
  /** How many of its keys could check a signature. */
  keys: z.int(),
  /** Whether the browser can log out there. */
  endsSessions: z.boolean(),
  /** Whether it says by itself that somebody logged out there. */
  tellsOfLogouts: z.boolean(),
});
export type ProviderCheck = z.output<typeof providerCheckSchema>;

/** Where to go in the browser, and what to keep there until one comes back. */
export const providerBeginningSchema = z.strictObject({ url: z.string(), binding: z.string() });

/** What the provider has sent back by the browser’s address. */
export const providerAnswerSchema = z.strictObject({
  code: z.string().max(4096).optional(),
  state: z.string().max(200),
  iss: z.string().max(500).optional(),
  error: z.string().max(200).optional(),
  error_description: z.string().max(1000).optional(),
});
export type ProviderAnswer = z.output<typeof providerAnswerSchema>;
