// Signing in over HTTP: the session as a cookie or a token, and the audit log told of it, who and from where, right or wrong.
import { endpoints } from '../api/endpoints.ts';
import type { Access } from '../engine/access.ts';
import type { SignIn } from '../engine/sign-in.ts';
import { describeError, toCaissonError } from '../lib/errors.ts';
import { digestOf } from '../lib/secret.ts';
import { isAccountName } from '../model/account-name.ts';
import type { KeyAssertion } from '../lib/webauthn.ts';
import type { SessionKind, SignedIn } from '../model/session.ts';
import type { ProviderAnswer } from '../model/identity-provider.ts';
import type { AuditTrail, LoginToLog } from './http/audit-trail.ts';
import type { ClientOf } from './http/client-of.ts';
import { WithSession } from './http/session-cookie.ts';

export interface LoginBody {
  user: string;
  password: string;
  code?: string | undefined;
  key?: KeyAssertion | undefined;
  as: SessionKind;
}

export async function login(
  signIn: SignIn,
  auditTrail: AuditTrail,
  { as: kind, ...given }: LoginBody,
  client: ClientOf,
): Promise<SignedIn | WithSession<SignedIn>> {
  // What is no name may be a password in the wrong field.
  const actor = isAccountName(given.user) ? `user:${given.user}` : 'unknown';
  const { secret, signedIn } = await logged(auditTrail, { actor, from: client.address, by: waysOf(given) }, signIn, async () => {
    const opened = await signIn.signIn({ ...given, ...client, kind });
    return { ...opened, actor };
  });
  return kind === 'cookie' ? new WithSession(signedIn, secret) : signedIn;
}

/** Who it is, is known only when the provider has said it. */
export async function loginByProvider(
  { provider, signIn }: Access,
  auditTrail: AuditTrail,
  { answer, binding }: { answer: ProviderAnswer; binding: string },
  client: ClientOf,
): Promise<WithSession<{ user: string; linked: boolean }> | { user: string; linked: boolean }> {
  const entry = { actor: 'unknown', from: client.address, by: 'provider of identities' };
  const { user, secret } = await logged(auditTrail, entry, signIn, async () => {
    const { user: name, opened } = await provider.finish(answer, binding, client);
    return { user: name, secret: opened?.secret, actor: `user:${name}` };
  });
  const value = { user, linked: secret === undefined };
  return secret === undefined ? value : new WithSession(value, secret);
}

/** The provider’s word that somebody logged out there. Only what is believed ends something; what is not is a refused try. */
export async function logoutByProvider(
  { providerLogout }: Access,
  auditTrail: AuditTrail,
  token: string,
  client: ClientOf,
): Promise<Record<string, never>> {
  const entry = {
    id: 'loginProviderLogout',
    endpoint: { ...endpoints.loginProviderLogout, logs: ['users', 'sessions'] },
    from: client.address,
  };
  const call = (body: unknown) => ({ params: undefined, query: undefined, body });
  const found = await providerLogout.read(token, client.address).catch(async (error: unknown) => {
    await auditTrail.forbidden({ ...entry, actor: 'unknown', call: call(undefined) }, error);
    throw error;
  });
  const what = { users: found.users, sessions: found.sessions.length };
  await auditTrail.record({ ...entry, actor: 'identity-provider', call: call(what) }, () => providerLogout.end(found));
  return {};
}

/** Asked again and again until somebody has decided; only what comes of it is in the audit log. */
export async function loginByCommand(
  { commands, signIn }: Access,
  auditTrail: AuditTrail,
  secret: string,
  client: ClientOf,
): Promise<{ signedIn?: SignedIn; everySeconds: number }> {
  const everySeconds = commands.waitSeconds(secret);
  if (everySeconds !== undefined) return { everySeconds };
  const entry = { actor: 'unknown', from: client.address, by: 'approval in a browser' };
  const { signedIn } = await logged(auditTrail, entry, signIn, async () => {
    const opened = await commands.redeem(secret, client);
    return { ...opened, actor: `user:${opened.signedIn.user}` };
  });
  return { signedIn, everySeconds: 0 };
}

/** A session that cannot be written to the audit log is none. */
async function logged<T extends { actor: string; secret: string | undefined }>(
  auditTrail: AuditTrail,
  entry: Omit<LoginToLog, 'outcome'>,
  signIn: SignIn,
  work: () => Promise<T>,
): Promise<T> {
  const done = await work().catch(async (error: unknown) => {
    const { code } = toCaissonError(error);
    await auditTrail.login({ ...entry, outcome: { result: 'refused', code, message: describeError(error) } });
    throw error;
  });
  try {
    await auditTrail.login({ ...entry, actor: done.actor, outcome: { result: 'succeeded' } });
  } catch (error) {
    if (done.secret !== undefined) await signIn.signOut(digestOf(done.secret));
    throw error;
  }
  return done;
}

function waysOf({ code, key }: Pick<LoginBody, 'code' | 'key'>): string {
  return key === undefined ? (code === undefined ? 'password' : 'password and code') : 'password and security key';
}
