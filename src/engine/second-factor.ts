// Codes of a second factor: of an authenticator, each once; or a recovery code, each once. Pure but for chance.
import { randomBytes } from 'node:crypto';
import { fromBase32, toBase32 } from '../lib/base32.ts';
import { digestOf } from '../lib/secret.ts';
import { findTotpStep } from '../lib/totp.ts';
import type { UserRecord } from '../model/user.ts';

type SecondFactor = NonNullable<UserRecord['secondFactor']>;

const recoveryCodes = 10;

/** The second factor after this code was used; undefined when it does not count. */
export function useCode(factor: SecondFactor, code: string, now: number): SecondFactor | undefined {
  const secret = fromBase32(factor.secret);
  const usedStep = secret && findTotpStep(secret, code, now, factor.usedStep);
  if (usedStep !== undefined) return { ...factor, usedStep };
  const digest = digestOf(code);
  const left = factor.recoveryDigests.filter((each) => each !== digest);
  return left.length < factor.recoveryDigests.length ? { ...factor, recoveryDigests: left } : undefined;
}

/** Eighty random bits each, in four groups: `ABCD-EFGH-IJKL-MNOP`. */
export function newRecoveryCodes(): { codes: string[]; digests: string[] } {
  const codes = Array.from({ length: recoveryCodes }, () => (toBase32(randomBytes(10)).match(/.{4}/g) ?? []).join('-'));
  return { codes, digests: codes.map(digestOf) };
}
