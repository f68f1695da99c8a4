// A second factor: codes of an authenticator, each once; security keys; recovery codes, each once, as long as there is one of the others. Pure but for
// chance.
import { randomBytes } from 'node:crypto';
import { fromBase32, toBase32 } from '../lib/base32.ts';
import { digestOf } from '../lib/secret.ts';
import { findTotpStep } from '../lib/totp.ts';
import type { SecondFactor, UserRecord } from '../model/user.ts';

const recoveryCodes = 10;

/** The second factor after this code was used; undefined when it does not count. */
export function useCode(factor: SecondFactor, code: string, now: number): SecondFactor | undefined {
  const { authenticator } = factor;
  const secret = authenticator && fromBase32(authenticator.secret);
  const usedStep = secret && findTotpStep(secret, code, now, authenticator.usedStep);
  if (authenticator && usedStep !== undefined) return { ...factor, authenticator: { ...authenticator, usedStep } };
  const digest = digestOf(code);
  const left = factor.recoveryDigests.filter((each) => each !== digest);
  return left.length < factor.recoveryDigests.length ? { ...factor, recoveryDigests: left } : undefined;
}

/** The user with one way more; the first one brings recovery codes, which are to be shown this once. */
export function addWay(
  user: UserRecord,
  way: Partial<Pick<SecondFactor, 'authenticator' | 'keys'>>,
): { user: UserRecord; codes: string[] } {
  if (user.secondFactor) return { user: { ...user, secondFactor: { ...user.secondFactor, ...way } }, codes: [] };
  const { codes, digests } = newRecoveryCodes();
  return { user: { ...user, secondFactor: { keys: [], recoveryDigests: digests, ...way } }, codes };
}

/** The user without the authenticator or without keys that `leaves` lets go; with the last way recovery codes go too. */
export function withoutWays(user: UserRecord, leaves: (factor: SecondFactor) => SecondFactor): UserRecord {
  const { secondFactor, ...rest } = user;
  const left = secondFactor && leaves(secondFactor);
  return left && (left.authenticator || left.keys.length > 0) ? { ...rest, secondFactor: left } : rest;
}

/** Eighty random bits each, in four groups: `ABCD-EFGH-IJKL-MNOP`. */
function newRecoveryCodes(): { codes: string[]; digests: string[] } {
  const codes = Array.from({ length: recoveryCodes }, () => (toBase32(randomBytes(10)).match(/.{4}/g) ?? []).join('-'));
  return { codes, digests: codes.map(digestOf) };
}
