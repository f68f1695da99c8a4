// Logout tokens (OpenID Connect Back-Channel Logout 1.0): the provider says by itself that somebody’s session there has ended. What is kept true: a token counts
// when it is signed by a key that the issuer publishes, with an algorithm of public keys, for this client, made just now, and cannot be an ID token. All but the
// signature is looked at before the provider is asked for anything.
import { createPublicKey, constants, type JsonWebKey, verify, type VerifyKeyObjectInput } from 'node:crypto';
import { boundedRequest } from '../../lib/bounded-request.ts';
import type { CaissonError } from '../../lib/errors.ts';
import { parseStrictJson } from '../../lib/strict-json.ts';
import type { ProviderRecord } from '../../model/identity-provider.ts';
import type { Logout } from '../identity-provider.ts';
import { believing, discover, mostBytes, parseJson, wrong } from './oidc-flow.ts';

const event = 'http://schemas.openid.net/event/backchannel-logout';
/** How old a token may be, and how far the provider’s clock may be ahead. */
const oldestMs = 5 * 60_000;
const aheadMs = 60_000;
/** Keys are kept so long: many may be logged out at once, and who sends forged tokens does not make us ask for each. */
const keysLifeMs = 10_000;
const mostTextChars = 255;

type Json = Readonly<Record<string, unknown>>;
type Key = JsonWebKey & { kid?: string; use?: string; alg?: string };

interface Algorithm {
  kty: string;
  crv?: string;
  hash: string | null;
  options: Omit<VerifyKeyObjectInput, 'key'>;
}

const rsa = (bits: number): Algorithm => ({ kty: 'RSA', hash: `sha${bits}`, options: {} });
const pss = (bits: number): Algorithm => ({
  ...rsa(bits),
  options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
});
const ec = (bits: number, crv: string): Algorithm => ({ kty: 'EC', crv, hash: `sha${bits}`, options: { dsaEncoding: 'ieee-p1363' } });
const ed25519: Algorithm = { kty: 'OKP', crv: 'Ed25519', hash: null, options: {} };

const algorithms: Readonly<Record<string, Algorithm>> = {
  RS256: rsa(256),
  RS384: rsa(384),
  RS512: rsa(512),
  PS256: pss(256),
  PS384: pss(384),
  PS512: pss(512),
  ES256: ec(256, 'P-256'),
  ES384: ec(384, 'P-384'),
  ES512: ec(512, 'P-521'),
  Ed25519: ed25519,
  EdDSA: ed25519,
};
const leastRsaBits = 2048;

const partPattern = /^[A-Za-z0-9_-]+$/;
/** Some providers do not say which kind of token it is. */
const typePattern = /^(application\/)?(logout\+jwt|jwt)$/i;

/** With the provider’s keys, for some seconds. */
export class LogoutTokens {
  readonly #timeoutMs: number;
  #kept: { issuer: string; until: number; keys: Promise<Key[]> } | undefined;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** `now` in milliseconds. Throws `untrusted` for what is not believed, `unavailable` when the provider does not tell its keys. */
  async read(provider: ProviderRecord, token: string, now: number): Promise<Logout> {
    const refuse = (why: string): CaissonError => wrong(provider, why);
    const parts = token.split('.');
    const [head = '', body = '', signature = ''] = parts;
    const [header, claims] = [readPart(head), readPart(body)];
    if (parts.length !== 3 || !header || !claims || !partPattern.test(signature)) throw refuse('this is no signed token');
    const { alg, crit, typ, kid } = header;
    const algorithm = typeof alg === 'string' && Object.hasOwn(algorithms, alg) ? algorithms[alg] : undefined;
    if (!algorithm) throw refuse('it is not signed by a public key');
    if (crit !== undefined) throw refuse('it has something that must be understood');
    if (typ !== undefined && (typeof typ !== 'string' || !typePattern.test(typ))) throw refuse('it is no logout token');
    const logout = readClaims(provider, claims, now);
    const keys = (await this.#keysOf(provider, now)).filter((key) => (kid === undefined || key.kid === kid) && (key.alg ?? alg) === alg);
    const [text, signed] = [Buffer.from(`${head}.${body}`), Buffer.from(signature, 'base64url')];
    if (!keys.some((key) => verifies(key, algorithm, text, signed))) throw refuse('its signature is not that of the provider');
    return logout;
  }

  #keysOf(provider: ProviderRecord, now: number): Promise<Key[]> {
    const { issuer } = provider;
    if (!this.#kept || this.#kept.issuer !== issuer || this.#kept.until <= now)
      this.#kept = { issuer, until: now + keysLifeMs, keys: askForKeys(provider, this.#timeoutMs) };
    return this.#kept.keys;
  }
}

function readClaims(provider: ProviderRecord, claims: Json, now: number): Logout {
  const refuse = (why: string): CaissonError => wrong(provider, why);
  const { iss, aud, iat, exp, nbf, jti, events, sub, sid } = claims;
  if (iss !== provider.issuer) throw refuse('it is of another issuer');
  if (!(Array.isArray(aud) ? (aud as unknown[]) : [aud]).includes(provider.clientId)) throw refuse('it is for another client');
  if (typeof iat !== 'number' || iat * 1000 > now + aheadMs || iat * 1000 < now - oldestMs)
    throw refuse('it was not made just now: do the clocks of provider and host agree?');
  if (exp !== undefined && (typeof exp !== 'number' || exp * 1000 <= now)) throw refuse('it is over');
  if (nbf !== undefined && (typeof nbf !== 'number' || nbf * 1000 > now + aheadMs)) throw refuse('it does not count yet');
  if (!isText(jti)) throw refuse('it has no number of its own');
  const meaning = isObject(events) && Object.hasOwn(events, event) ? events[event] : undefined;
  if (!isObject(meaning)) throw refuse('it does not say that somebody logged out');
  // An ID token has one.
  if (Object.hasOwn(claims, 'nonce')) throw refuse('it has a nonce, as no logout token has');
  for (const name of [sub, sid]) if (name !== undefined && !isText(name)) throw refuse('it does not say who');
  if (sub === undefined && sid === undefined) throw refuse('it does not say who');
  return {
    id: jti,
    until: iat * 1000 + oldestMs + aheadMs,
    ...(isText(sub) ? { subject: sub } : {}),
    ...(isText(sid) ? { sid } : {}),
  };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= mostTextChars;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readPart(part: string): Json | undefined {
  if (!partPattern.test(part)) return undefined;
  try {
    const value = parseStrictJson(Buffer.from(part, 'base64url').toString('utf8'));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function verifies(jwk: Key, { kty, crv, hash, options }: Algorithm, text: Buffer, signature: Buffer): boolean {
  if (jwk.kty !== kty || (crv !== undefined && jwk.crv !== crv) || (jwk.use ?? 'sig') !== 'sig') return false;
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    if (kty === 'RSA' && (key.asymmetricKeyDetails?.modulusLength ?? 0) < leastRsaBits) return false;
    return verify(hash, text, { key, ...options }, signature);
  } catch {
    // A key that is none signs nothing.
    return false;
  }
}

async function askForKeys(provider: ProviderRecord, timeoutMs: number): Promise<Key[]> {
  const { server } = await discover(provider, timeoutMs);
  const url = new URL(server.jwks_uri ?? '');
  const { body } = await believing(provider, () => boundedRequest({ url, method: 'GET', timeoutMs, mostBytes }));
  const { keys } = parseJson(provider, body) as { keys?: unknown };
  return Array.isArray(keys) ? keys.filter(isObject).slice(0, 100) : [];
}
