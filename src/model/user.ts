// Users: people who sign in, and what they may.
import { z } from 'zod';
import { accountNameSchema } from './account-name.ts';
import { printable } from './quote.ts';
import type { RoleBinding } from './rights.ts';
import { roleBindingSchema, roleSchema } from './role.ts';
import { securityKeyRecordSchema, securityKeySchema, viewSecurityKey } from './security-key.ts';

/** Fewer characters than this are no password. Longer ones are what resists guessing; which characters does not matter. */
export const leastPasswordLength = 12;
/** A limit of the request, not of the hash. */
export const mostPasswordLength = 1024;

export const fullNameSchema = z
  .string()
  .min(1)
  .max(100)
  .refine((text) => printable(text) === text, 'a name is one line without invisible characters');

/** What somebody asks for: a guest may be named too. */
export const wantedBindingSchema = z.strictObject({
  role: roleSchema,
  on: z.string().max(80).describe('`site`, `zone:NAME` or `guest:NAME`; a guest also by its uid'),
});
export type WantedBinding = z.output<typeof wantedBindingSchema>;

/** What is asked for after a right password: one of these. There is at least an authenticator or a key. */
const secondFactorSchema = z.strictObject({
  authenticator: z
    .strictObject({
      /** Base32: what the user's authenticator knows. */
      secret: z.string(),
      /** The last step whose code was used. */
      usedStep: z.int(),
    })
    .optional(),
  keys: z.array(securityKeyRecordSchema),
  /** SHA-256 of each recovery code that is left. */
  recoveryDigests: z.array(z.string()),
});
export type SecondFactor = z.output<typeof secondFactorSchema>;

/** Until there were keys, the authenticator's fields stood beside the recovery codes. */
function readSecondFactor(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('secret' in value)) return value;
  const { secret, usedStep, ...rest } = value as Record<string, unknown>;
  return { ...rest, authenticator: { secret, usedStep }, keys: [] };
}

/** A user in the store. */
export const userRecordSchema = z.strictObject({
  name: accountNameSchema,
  fullName: fullNameSchema.optional(),
  enabled: z.boolean(),
  /** Absent until somebody sets a password: the user cannot sign in. */
  passwordHash: z.string().optional(),
  bindings: z.array(roleBindingSchema),
  secondFactor: z.preprocess(readSecondFactor, secondFactorSchema).optional(),
  /** Who they are to the provider of identities: its name for them is for ever, unlike any address. */
  identity: z.strictObject({ issuer: z.string(), subject: z.string() }).optional(),
  /** What their groups had a role for when they signed in by it last; milliseconds since 1970. */
  providerRoles: z.strictObject({ bindings: z.array(roleBindingSchema), until: z.int() }).optional(),
  createdAt: z.iso.datetime(),
  lastSignInAt: z.iso.datetime().optional(),
});
export type UserRecord = z.output<typeof userRecordSchema>;

/** A user as the API shows it. */
export const userSchema = z.strictObject({
  name: z.string(),
  fullName: z.string().optional(),
  /** A disabled user cannot sign in, and neither sessions nor tokens of theirs count. */
  enabled: z.boolean(),
  hasPassword: z.boolean(),
  secondFactor: z.boolean(),
  /** Whether codes of an authenticator program are one. */
  authenticator: z.boolean(),
  /** Security keys and passkeys, each of which is one too. */
  keys: z.array(securityKeySchema),
  /** Present with a second factor. */
  recoveryCodesLeft: z.int().optional(),
  bindings: z.array(roleBindingSchema),
  /** The issuer of identities by whom they sign in too. */
  identity: z.strictObject({ issuer: z.string(), subject: z.string() }).optional(),
  /** Roles that their groups at the provider give them, until when. */
  providerRoles: z.strictObject({ bindings: z.array(roleBindingSchema), until: z.iso.datetime() }).optional(),
  createdAt: z.iso.datetime(),
  lastSignInAt: z.iso.datetime().optional(),
});
export type User = z.output<typeof userSchema>;

/** What they may: roles that they were given here, and those of their groups as long as these count. */
export function bindingsOf({ bindings, providerRoles }: UserRecord, now: number): RoleBinding[] {
  return providerRoles && providerRoles.until > now ? [...bindings, ...providerRoles.bindings] : bindings;
}

export function viewUser(record: UserRecord): User {
  const { name, fullName, enabled, passwordHash, bindings, secondFactor, identity, providerRoles, createdAt, lastSignInAt } = record;
  return {
    name,
    ...(fullName === undefined ? {} : { fullName }),
    enabled,
    hasPassword: passwordHash !== undefined,
    secondFactor: secondFactor !== undefined,
    authenticator: secondFactor?.authenticator !== undefined,
    keys: (secondFactor?.keys ?? []).map(viewSecurityKey),
    ...(secondFactor ? { recoveryCodesLeft: secondFactor.recoveryDigests.length } : {}),
    bindings,
    ...(identity ? { identity } : {}),
    ...(providerRoles ? { providerRoles: { ...providerRoles, until: new Date(providerRoles.until).toISOString() } } : {}),
    createdAt,
    ...(lastSignInAt === undefined ? {} : { lastSignInAt }),
  };
}

/** Why this cannot be a password of that user; undefined when it can. */
export function whyNoPassword(password: string, user: string): string | undefined {
  const length = Array.from(password).length;
  if (length < leastPasswordLength)
    return `a password has at least ${leastPasswordLength} characters, this one has ${length}: several words are easy to remember`;
  if (length > mostPasswordLength) return `a password has at most ${mostPasswordLength} characters`;
  if (/[\u0000-\u001f\u007f]/.test(password)) return 'a password is one line without control characters';
  if (new Set(password).size < 4) return 'a password of so few different characters is guessed at once';
  if (password.toLowerCase().replaceAll(user, '').length < leastPasswordLength / 2) return 'a password is not the user’s name';
  return undefined;
}

export const setUpLinkSchema = z.strictObject({
  /** For each address that the daemon listens on. */
  links: z.array(z.string()),
  secret: z.string(),
  endsAt: z.iso.datetime(),
});
export type SetUpLink = z.output<typeof setUpLinkSchema>;

/** The secret is behind the `#`: a browser keeps that to itself. */
export function setUpLinks(urls: readonly string[], secret: string): string[] {
  return urls.map((url) => `${url}/#/set-up/${secret}`);
}
