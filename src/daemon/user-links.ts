// Links that stand for a user, over HTTP: made by who administers the site, or is at the host; used by whoever has them.
import type { Access } from '../engine/access.ts';
import { CaissonError, describeError, toCaissonError } from '../lib/errors.ts';
import { digestOf } from '../lib/secret.ts';
import type { Caller } from '../model/caller.ts';
import type { SignedIn } from '../model/session.ts';
import { type UserLink, type UserLinkKind, userLinks } from '../model/user-link.ts';
import { whyNoPassword } from '../model/user.ts';
import type { AuditTrail } from './http/audit-trail.ts';
import type { ClientOf } from './http/client-of.ts';
import { WithSession } from './http/session-cookie.ts';

type Parts = Pick<Access, 'links' | 'signIn' | 'users'>;

export async function makeUserLink(
  parts: Parts,
  urls: readonly string[],
  user: string,
  kind: UserLinkKind,
  caller: Caller,
): Promise<UserLink> {
  if (kind === 'sign-in' && caller.actor !== 'local')
    throw new CaissonError('not-allowed', 'a link that signs somebody in is made on the host itself, by its administrator');
  if (urls.length === 0)
    throw new CaissonError('not-allowed', 'the daemon listens on no address that a browser could open: start it with --listen HOST:PORT');
  const { secret, endsAt } = await parts.links.make(user, kind);
  return { user, endsAt, links: userLinks(urls, kind, secret) };
}

/** Chooses a password; ends every session of the user. */
export async function usePasswordLink(
  { links, users }: Parts,
  { secret, password }: { secret: string; password: string },
  caller: Caller,
  client: ClientOf,
): Promise<{ user: string }> {
  const user = await links.use(secret, 'password', (name) => {
    const why = whyNoPassword(password, name);
    if (why !== undefined) throw new CaissonError('invalid', why);
  });
  await users.setPassword(user, { password }, { ...caller, actor: `user:${user}` }, client.address);
  return { user };
}

/** Begins a session of the browser; the audit log is told, right or wrong. */
export async function useSignInLink(
  { links, signIn }: Parts,
  auditTrail: AuditTrail,
  secret: string,
  client: ClientOf,
): Promise<WithSession<SignedIn>> {
  const entry = { from: client.address, by: 'link' };
  const opened = await links
    .use(secret, 'sign-in')
    .then((user) => signIn.openByLink(user, { ...client, kind: 'cookie' }))
    .catch(async (error: unknown) => {
      const { code } = toCaissonError(error);
      await auditTrail.login({ ...entry, actor: 'unknown', outcome: { result: 'refused', code, message: describeError(error) } });
      throw error;
    });
  try {
    await auditTrail.login({ ...entry, actor: `user:${opened.signedIn.user}`, outcome: { result: 'succeeded' } });
  } catch (error) {
    await signIn.signOut(digestOf(opened.secret));
    throw error;
  }
  return new WithSession(opened.signedIn, opened.secret);
}
