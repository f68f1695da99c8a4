// Random identifiers as a parameter: a seeded source makes a simulated site repeatable.
import { randomBytes } from 'node:crypto';

export interface RandomSource {
  /** `length` unpredictable bytes (predictable from a seed in tests). */
  bytes(length: number): Uint8Array;
}

export const systemRandom: RandomSource = { bytes: (length) => randomBytes(length) };

/** A repeatable source for tests and simulations (xorshift32; never for secrets). */
export function seededRandom(seed: number): RandomSource {
  let state = seed >>> 0 || 0x9e3779b9;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) & 0xff;
  };
  return { bytes: (length) => Uint8Array.from({ length }, next) };
}

const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789';

/**
 * An immutable object identifier: the kind's letter and ten characters without look-alikes, e.g. `gk3m9x4q2ab`.
 * 31^10 values; short enough for interface names (15) and socket paths (107).
 */
export function newUid(kind: 'g' | 'j' | 'h', random: RandomSource): string {
  let text = kind as string;
  while (text.length < 11) {
    const byte = random.bytes(1)[0] ?? 255;
    if (byte < 248) text += alphabet[byte % 31]; // 248 = 8 × 31: no value is likelier than another
  }
  return text;
}

export const uidPattern = /^[ghj][a-hjkmnp-z2-9]{10}$/;

/** A random (version 4) UUID, as SMBIOS and the generation id want it. */
export function newUuid(random: RandomSource): string {
  const bytes = random.bytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Buffer.from(bytes).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** A MAC address under QEMU's locally administered prefix. */
export function newMac(random: RandomSource): string {
  return `52:54:00:${[...random.bytes(3)].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`;
}
