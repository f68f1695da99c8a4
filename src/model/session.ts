// Sessions: somebody has signed in, and has not signed out.
import { z } from 'zod';

const hour = 3_600_000;

/** How long a session lives: used or not, and unused. `cookie`: in a browser; `token`: of a command line. */
export const sessionLives = {
  cookie: { lifeMs: 12 * hour, idleMs: hour },
  token: { lifeMs: 12 * hour, idleMs: 12 * hour },
} as const;

export const sessionKindSchema = z.enum(['cookie', 'token']);
export type SessionKind = z.output<typeof sessionKindSchema>;

/** What a browser does after signing out, where somebody else remembers it too. */
export const signedOutSchema = z.strictObject({
  ended: z.boolean(),
  /** Where the provider of identities ends its own session. */
  alsoAt: z.string().optional(),
});

/** In the store, by the digest of its secret. */
export const sessionRecordSchema = z.strictObject({
  user: z.string(),
  kind: sessionKindSchema,
  createdAt: z.int(),
  endsAt: z.int(),
  usedAt: z.int(),
  address: z.string(),
  program: z.string(),
  /** Begun by the provider of identities; where it ends what it knows of the browser, and what it calls its own session. */
  provider: z.strictObject({ endSessionUrl: z.string().optional(), sid: z.string().optional() }).optional(),
});
export type SessionRecord = z.output<typeof sessionRecordSchema>;

export const sessionSchema = z.strictObject({
  /** The beginning of its secret's digest. */
  id: z.string(),
  kind: sessionKindSchema,
  createdAt: z.iso.datetime(),
  usedAt: z.iso.datetime(),
  endsAt: z.iso.datetime(),
  endsUnusedAt: z.iso.datetime(),
  /** From where it was signed in, and with what. */
  address: z.string(),
  program: z.string(),
  /** The one that asks. */
  own: z.boolean(),
});
export type Session = z.output<typeof sessionSchema>;

export const signedInSchema = z.strictObject({
  user: z.string(),
  endsAt: z.iso.datetime(),
  endsUnusedAt: z.iso.datetime(),
  /** Only where it was asked for in place of a cookie: to be sent as `Authorization: Bearer …`. */
  token: z.string().optional(),
});
export type SignedIn = z.output<typeof signedInSchema>;
