// Keys by which people prove who they are (WebAuthn level 2): what a browser sends when one is made (§7.1) and when it signs (§7.2), checked. Pure but
// for the digest and the signature. What holds for both: the challenge is the one that was given, the page is ours, the key was made for this host, and
// somebody touched it. Attestation is not asked for and not looked at: which maker's key it is decides nothing here.
//
// | what | kept as |
// | --- | --- |
// | ES256, EdDSA (Ed25519), RS256 | the public key in SPKI, and the algorithm's number of COSE (RFC 9053, RFC 8812) |
import { createHash, createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto';
import { type CborMap, readCbor } from './cbor.ts';
import { CaissonError } from './errors.ts';

/** In the order of preference. */
export const keyAlgorithms = [-7, -8, -257] as const;
export type KeyAlgorithm = (typeof keyAlgorithms)[number];

/** The page as its browser sees it: `https://room-1.example:8420`, and the host of it, by which keys are bound. */
export interface KeyPlace {
  origin: string;
  host: string;
}

/** Base64url, as everything that is sent. */
export interface KeyCreation {
  clientData: string;
  attestation: string;
}

export interface KeyAssertion {
  id: string;
  clientData: string;
  authenticatorData: string;
  signature: string;
}

export interface CreatedKey {
  /** Base64url, at most 1,023 bytes. */
  id: string;
  /** SPKI, base64. */
  publicKey: string;
  algorithm: KeyAlgorithm;
  counter: number;
  /** A passkey that an account elsewhere keeps copies of. */
  synced: boolean;
}

/** The challenge that a browser's data answer; undefined when they are no such data. To be used up before anything else is looked at. */
export function challengeOf(clientData: string): string | undefined {
  try {
    return readClientData(clientData).challenge;
  } catch {
    return undefined;
  }
}

/** A key that was made now. Throws `invalid`. */
export function readCreatedKey({ clientData, attestation }: KeyCreation, expected: KeyPlace & { challenge: string }): CreatedKey {
  checkClientData(clientData, { ...expected, type: 'webauthn.create' });
  const { value, end } = readCbor(fromBase64Url(attestation));
  const data = value instanceof Map ? value.get('authData') : undefined;
  if (!Buffer.isBuffer(data) || end !== fromBase64Url(attestation).length) throw refused('it holds no data of an authenticator');
  const { flags, counter } = readAuthenticatorData(data, expected.host);
  if ((flags & flag.attested) === 0 || data.length < 55) throw refused('no key was made');
  const length = data.readUInt16BE(53);
  const id = data.subarray(55, 55 + length);
  if (length === 0 || length > 1023 || id.length < length) throw refused('its name is damaged');
  const cose = readCbor(data, 55 + length);
  // After the key there may be extensions, which nobody asked for.
  if (cose.end !== data.length && (flags & flag.extensions) === 0) throw refused('something stands after the key');
  const { key, algorithm } = readCoseKey(cose.value);
  return {
    id: id.toString('base64url'),
    publicKey: key.export({ format: 'der', type: 'spki' }).toString('base64'),
    algorithm,
    counter,
    synced: (flags & flag.backedUp) !== 0,
  };
}

/** Its counter from now on. Throws `invalid`; whether the counter may be that is the caller's to decide. */
export function checkAssertion(
  { clientData, authenticatorData, signature }: KeyAssertion,
  { publicKey, algorithm }: Pick<CreatedKey, 'publicKey' | 'algorithm'>,
  expected: KeyPlace & { challenge: string },
): { counter: number } {
  checkClientData(clientData, { ...expected, type: 'webauthn.get' });
  const data = fromBase64Url(authenticatorData);
  const { counter } = readAuthenticatorData(data, expected.host);
  const signed = Buffer.concat([data, sha256(fromBase64Url(clientData))]);
  const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' });
  if (!verify(algorithm === -8 ? null : 'sha256', signed, key, fromBase64Url(signature))) throw refused('the signature is not of this key');
  return { counter };
}

/** A counter that does not grow was in another copy of the key in between; one that stays zero is none. */
export function isCounterPlausible(before: number, now: number): boolean {
  return (before === 0 && now === 0) || now > before;
}

const flag = { present: 0x01, backedUp: 0x10, attested: 0x40, extensions: 0x80 } as const;

function readAuthenticatorData(data: Buffer, host: string): { flags: number; counter: number } {
  if (data.length < 37) throw refused('its data are too short');
  if (!data.subarray(0, 32).equals(sha256(host))) throw refused('it is a key of another host');
  const flags = data[32] ?? 0;
  if ((flags & flag.present) === 0) throw refused('nobody touched it');
  return { flags, counter: data.readUInt32BE(33) };
}

interface ClientData {
  type: unknown;
  challenge: string;
  origin: unknown;
  crossOrigin?: unknown;
}

function readClientData(clientData: string): ClientData {
  const value = JSON.parse(fromBase64Url(clientData).toString('utf8')) as Partial<ClientData> | null;
  if (typeof value?.challenge !== 'string') throw refused('it answers no challenge');
  return value as ClientData;
}

function checkClientData(text: string, expected: KeyPlace & { challenge: string; type: string }): void {
  let data: ClientData;
  try {
    data = readClientData(text);
  } catch (cause) {
    if (cause instanceof CaissonError) throw cause;
    throw refused('what the browser says is no JSON', cause);
  }
  if (data.type !== expected.type) throw refused('it is an answer to another question');
  if (data.challenge !== expected.challenge) throw refused('it answers another challenge');
  if (data.origin !== expected.origin) throw refused('another page asked for it');
  if (data.crossOrigin === true) throw refused('it was asked for from inside another page');
}

/** COSE_Key (RFC 9052 §7): key type 1, algorithm 3, curve or modulus −1, x or exponent −2, y −3. */
function readCoseKey(value: unknown): { key: KeyObject; algorithm: KeyAlgorithm } {
  if (!(value instanceof Map)) throw refused('its public key is damaged');
  const cose = value as CborMap;
  const part = (label: number): string => {
    const bytes = cose.get(label);
    if (!Buffer.isBuffer(bytes)) throw refused('its public key is damaged');
    return bytes.toString('base64url');
  };
  const is = (type: number, algorithm: number, curve?: number) =>
    cose.get(1) === type && cose.get(3) === algorithm && (curve === undefined || cose.get(-1) === curve);
  if (is(2, -7, 1)) return { key: keyOf({ kty: 'EC', crv: 'P-256', x: part(-2), y: part(-3) }), algorithm: -7 };
  if (is(1, -8, 6)) return { key: keyOf({ kty: 'OKP', crv: 'Ed25519', x: part(-2) }), algorithm: -8 };
  if (is(3, -257)) {
    const key = keyOf({ kty: 'RSA', n: part(-1), e: part(-2) });
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
    if (bits < 2048 || bits > 8192) throw refused(`its RSA key has ${bits} bits`);
    return { key, algorithm: -257 };
  }
  throw refused('its algorithm is none of ES256, EdDSA and RS256');
}

function keyOf(key: JsonWebKey): KeyObject {
  try {
    return createPublicKey({ key, format: 'jwk' });
  } catch (cause) {
    throw refused('its public key is damaged', cause);
  }
}

function fromBase64Url(text: string): Buffer {
  return Buffer.from(text, 'base64url');
}

function sha256(data: Buffer | string): Buffer {
  return createHash('sha256').update(data).digest();
}

function refused(why: string, cause?: unknown): CaissonError {
  return new CaissonError('invalid', `this answer of a security key does not count: ${why}`, { cause });
}
