// A security key in software, which can also be a bad one: what it signs, counts and says is the test’s to decide.
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import type { KeyAssertion, KeyCreation } from '../../src/lib/webauthn.ts';

export type SoftKeyKind = 'es256' | 'ed25519' | 'rs256';

/** What a browser adds, and what a key may do wrong. */
export interface Odd {
  type?: string;
  origin?: string;
  crossOrigin?: boolean;
  /** Of the data that are signed. */
  host?: string;
  flags?: number;
  counter?: number;
}

const present = 0x01;
const attested = 0x40;

export class SoftKey {
  readonly id = randomBytes(32);
  readonly #kind: SoftKeyKind;
  readonly #publicKey: KeyObject;
  readonly #privateKey: KeyObject;
  counter = 0;

  constructor(kind: SoftKeyKind = 'es256') {
    const { publicKey, privateKey } =
      kind === 'es256'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : kind === 'ed25519'
          ? generateKeyPairSync('ed25519')
          : generateKeyPairSync('rsa', { modulusLength: 2048 });
    this.#kind = kind;
    this.#publicKey = publicKey;
    this.#privateKey = privateKey;
  }

  get name(): string {
    return this.id.toString('base64url');
  }

  create(asked: { challenge: string; host: string }, origin: string, odd: Odd = {}): KeyCreation {
    const credential = Buffer.concat([Buffer.alloc(16), uint16(this.id.length), this.id, this.#cose()]);
    const authData = Buffer.concat([
      authenticatorData(asked.host, { flags: present | attested, counter: this.counter, ...odd }),
      credential,
    ]);
    const attestation = cborMap([
      [cborText('fmt'), cborText('none')],
      [cborText('attStmt'), cborMap([])],
      [cborText('authData'), cborBytes(authData)],
    ]);
    const clientData = clientDataOf('webauthn.create', asked.challenge, origin, odd);
    return { clientData: clientData.toString('base64url'), attestation: attestation.toString('base64url') };
  }

  /** Counts on, unless told otherwise. */
  sign(asked: { challenge: string; host: string }, origin: string, odd: Odd = {}): KeyAssertion {
    this.counter++;
    const data = authenticatorData(asked.host, { flags: present, counter: this.counter, ...odd });
    const clientData = clientDataOf('webauthn.get', asked.challenge, origin, odd);
    const signed = Buffer.concat([data, createHash('sha256').update(clientData).digest()]);
    const signature = sign(this.#kind === 'ed25519' ? null : 'sha256', signed, this.#privateKey);
    return {
      id: this.name,
      clientData: clientData.toString('base64url'),
      authenticatorData: data.toString('base64url'),
      signature: signature.toString('base64url'),
    };
  }

  /** RFC 9052 and 9053. */
  #cose(): Buffer {
    const jwk = this.#publicKey.export({ format: 'jwk' });
    const bytes = (text: string | undefined) => cborBytes(Buffer.from(text ?? '', 'base64url'));
    const fields: [number, Buffer][] =
      this.#kind === 'es256'
        ? [
            [1, cborInt(2)],
            [3, cborInt(-7)],
            [-1, cborInt(1)],
            [-2, bytes(jwk.x)],
            [-3, bytes(jwk.y)],
          ]
        : this.#kind === 'ed25519'
          ? [
              [1, cborInt(1)],
              [3, cborInt(-8)],
              [-1, cborInt(6)],
              [-2, bytes(jwk.x)],
            ]
          : [
              [1, cborInt(3)],
              [3, cborInt(-257)],
              [-1, bytes(jwk.n)],
              [-2, bytes(jwk.e)],
            ];
    return cborMap(fields.map(([label, value]) => [cborInt(label), value]));
  }
}

function authenticatorData(asked: string, { host = asked, flags, counter }: Odd & { flags: number; counter: number }): Buffer {
  const counted = Buffer.alloc(4);
  counted.writeUInt32BE(counter);
  return Buffer.concat([createHash('sha256').update(host).digest(), Buffer.from([flags]), counted]);
}

function clientDataOf(type: string, challenge: string, origin: string, odd: Odd): Buffer {
  return Buffer.from(
    JSON.stringify({ type: odd.type ?? type, challenge, origin: odd.origin ?? origin, crossOrigin: odd.crossOrigin ?? false }),
  );
}

function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

function cborHead(kind: number, value: number): Buffer {
  if (value < 24) return Buffer.from([(kind << 5) | value]);
  if (value < 256) return Buffer.from([(kind << 5) | 24, value]);
  return Buffer.concat([Buffer.from([(kind << 5) | 25]), uint16(value)]);
}

function cborInt(value: number): Buffer {
  return value >= 0 ? cborHead(0, value) : cborHead(1, -1 - value);
}

function cborBytes(bytes: Buffer): Buffer {
  return Buffer.concat([cborHead(2, bytes.length), bytes]);
}

function cborText(text: string): Buffer {
  return Buffer.concat([cborHead(3, Buffer.byteLength(text)), Buffer.from(text)]);
}

function cborMap(entries: [Buffer, Buffer][]): Buffer {
  return Buffer.concat([cborHead(5, entries.length), ...entries.flat()]);
}
