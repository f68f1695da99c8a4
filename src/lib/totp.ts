// Time-based one-time passwords (RFC 6238 over RFC 4226): six digits, 30 seconds, SHA-1, as every authenticator program has them. Pure but for the
// digest. A code counts for its own step and the one before and after, and never again once a step was used.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { toBase32 } from './base32.ts';

export const totpSecretBytes = 20;
const stepSeconds = 30;
const digits = 6;
/** Clocks differ by this many steps. */
const tolerance = 1;

export interface TotpOptions {
  algorithm?: 'sha1' | 'sha256' | 'sha512';
  digits?: number;
}

/** The step of a moment, in milliseconds since the epoch. */
export function totpStep(nowMs: number): number {
  return Math.floor(nowMs / 1000 / stepSeconds);
}

export function totpCode(secret: Uint8Array, step: number, options: TotpOptions = {}): string {
  const { algorithm = 'sha1', digits: length = digits } = options;
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac(algorithm, secret).update(counter).digest();
  const offset = (mac.at(-1) ?? 0) & 0xf;
  return String((mac.readUInt32BE(offset) & 0x7fff_ffff) % 10 ** length).padStart(length, '0');
}

/** The step that the code is of, if it counts now and is later than `usedStep`; undefined otherwise. */
export function findTotpStep(secret: Uint8Array, code: string, nowMs: number, usedStep: number): number | undefined {
  if (!/^[0-9]{6}$/.test(code)) return undefined;
  const given = Buffer.from(code);
  let found: number | undefined;
  // All of them, so that the time taken does not tell which.
  for (let step = totpStep(nowMs) - tolerance; step <= totpStep(nowMs) + tolerance; step++) {
    if (timingSafeEqual(Buffer.from(totpCode(secret, step)), given) && step > usedStep) found ??= step;
  }
  return found;
}

/** What authenticator programs read from a QR code. */
export function totpUri(secret: Uint8Array, issuer: string, account: string): string {
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(account)}`;
  return `otpauth://totp/${label}?secret=${toBase32(secret)}&issuer=${encodeURIComponent(issuer)}&algorithm=SHA1&digits=${digits}&period=${stepSeconds}`;
}
