// Signing in over HTTP: the session as a cookie or a token, and the audit log told of it, who and from where, right or wrong.
import type { SignIn } from '../engine/sign-in.ts';
import { describeError, toCaissonError } from '../lib/errors.ts';
import { digestOf } from '../lib/secret.ts';
import { isAccountName } from '../model/account-name.ts';
import type { KeyAssertion } from '../lib/webauthn.ts';
import type { SessionKind, SignedIn } from '../model/session.ts';
import type { AuditTrail } from './http/audit-trail.ts';
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
  const entry = { actor: isAccountName(given.user) ? `user:${given.user}` : 'unknown', from: client.address, by: waysOf(given) };
  const { secret, signedIn } = await signIn.signIn({ ...given, ...client, kind }).catch(async (error: unknown) => {
    const { code } = toCaissonError(error);
    await auditTrail.login({ ...entry, outcome: { result: 'refused', code, message: describeError(error) } });
    throw error;
  });
  try {
    await auditTrail.login({ ...entry, outcome: { result: 'succeeded' } });
  } catch (error) {
    await signIn.signOut(digestOf(secret));
    throw error;
  }
  return kind === 'cookie' ? new WithSession(signedIn, secret) : signedIn;
}

function waysOf({ code, key }: Pick<LoginBody, 'code' | 'key'>): string {
  return key === undefined ? (code === undefined ? 'password' : 'password and code') : 'password and security key';
}
