// Links that stand for a user, once: to choose a password (who is new, or has forgotten it), or to be signed in (who is at the host itself).
import { z } from 'zod';

export const userLinkKinds = ['password', 'sign-in'] as const;
export type UserLinkKind = (typeof userLinkKinds)[number];

export const userLinkLivesMs: Readonly<Record<UserLinkKind, number>> = { password: 24 * 3_600_000, 'sign-in': 2 * 60_000 };

/** In the store, under the digest of its secret. */
export const userLinkRecordSchema = z.strictObject({
  kind: z.enum(userLinkKinds),
  user: z.string(),
  /** Of the user: whoever gets the name later must not inherit a link. */
  userCreatedAt: z.iso.datetime(),
  endsAt: z.int(),
});
export type UserLinkRecord = z.output<typeof userLinkRecordSchema>;

export const userLinkSchema = z.strictObject({
  user: z.string(),
  /** For each address that the daemon listens on. */
  links: z.array(z.string()),
  endsAt: z.iso.datetime(),
});
export type UserLink = z.output<typeof userLinkSchema>;

/** The secret is behind the `#`: a browser keeps that to itself. */
export function userLinks(urls: readonly string[], kind: UserLinkKind, secret: string): string[] {
  return urls.map((url) => `${url}/#/${kind}/${secret}`);
}
