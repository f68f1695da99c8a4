// A provider of identities that does what a test wants, wrong things above all: one HTTP server on the loopback, its own keys and tokens.
import { createHash, createHmac, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ProviderRecord } from '../../src/model/identity-provider.ts';

export interface Odd {
  /** Fields of the description that are other ones; undefined: left out. */
  description?: Record<string, unknown>;
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
  /** Another way to sign what stands before the second dot. */
  sign?: (text: string) => string;
  /** In place of the whole answer, by path. */
  answer?: (path: string, response: ServerResponse) => boolean;
  /** Claims that only the userinfo endpoint tells. */
  userInfo?: Record<string, unknown>;
}

export class OddProvider {
  odd: Odd = {};
  readonly clientId = 'caisson';
  readonly clientSecret = 'a secret of the test';
  #key = newKey();
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  readonly #codes = new Map<string, { nonce: string; challenge: string }>();
  readonly asked: string[] = [];

  static async open(): Promise<OddProvider> {
    const provider = new OddProvider();
    const { promise, resolve } = Promise.withResolvers<void>();
    provider.#server.listen(0, '127.0.0.1', resolve);
    await promise;
    return provider;
  }

  get issuer(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** As an administrator would set it. */
  get settings(): ProviderRecord {
    return {
      issuer: this.issuer,
      label: 'University',
      clientId: this.clientId,
      clientSecret: this.clientSecret,
      scopes: ['profile'],
      userClaim: 'preferred_username',
      groupsClaim: 'groups',
      roles: [],
    };
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }

  /** From now on it signs by another key, and publishes that alone. */
  rotate(): void {
    this.#key = newKey();
  }

  /** Somebody signs in there: what the browser comes back with. */
  approve(url: string): { code: string; state: string; iss: string } {
    const asked = new URL(url).searchParams;
    const code = randomUUID();
    this.#codes.set(code, { nonce: asked.get('nonce') ?? '', challenge: asked.get('code_challenge') ?? '' });
    return { code, state: asked.get('state') ?? '', iss: this.issuer };
  }

  signByAStranger(text: string): string {
    return signRs256(newKey().privateKey, text);
  }

  signByTheSecret(text: string): string {
    return createHmac('sha256', this.clientSecret).update(text).digest('base64url');
  }

  /** By the bytes of the public key, as if they were a secret. */
  signByThePublicKey(text: string): string {
    return createHmac('sha256', this.#key.publicKey.export({ format: 'pem', type: 'spki' }))
      .update(text)
      .digest('base64url');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', this.issuer).pathname;
    this.asked.push(path);
    let body = '';
    for await (const chunk of request) body += String(chunk);
    if (this.odd.answer?.(path, response)) return;
    const json = (value: unknown, status = 200) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    if (path === '/.well-known/openid-configuration') return json(this.#description());
    if (path === '/jwks')
      return json({ keys: [{ ...this.#key.publicKey.export({ format: 'jwk' }), kid: this.#key.kid, use: 'sig', alg: 'RS256' }] });
    if (path === '/userinfo') return json({ sub: 'ada-17', ...this.odd.userInfo });
    if (path === '/token') {
      const asked = new URLSearchParams(body);
      const code = asked.get('code') ?? '';
      const begun = this.#codes.get(code);
      this.#codes.delete(code);
      const challenge = createHash('sha256')
        .update(asked.get('code_verifier') ?? '')
        .digest('base64url');
      if (begun?.challenge !== challenge) return json({ error: 'invalid_grant' }, 400);
      return json({ access_token: 'access', token_type: 'Bearer', expires_in: 60, id_token: this.#idToken(begun.nonce) });
    }
    json({}, 404);
  }

  #description(): Record<string, unknown> {
    return {
      issuer: this.issuer,
      authorization_endpoint: `${this.issuer}/authorize`,
      token_endpoint: `${this.issuer}/token`,
      jwks_uri: `${this.issuer}/jwks`,
      userinfo_endpoint: `${this.issuer}/userinfo`,
      end_session_endpoint: `${this.issuer}/end`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
      ...this.odd.description,
    };
  }

  #idToken(nonce: string): string {
    const claims = { nonce, preferred_username: 'ada', groups: ['staff'], sid: 'session-3' };
    return this.#token({}, claims, 300, this.odd);
  }

  /** That somebody logged out there. */
  logoutToken(odd: Odd): string {
    const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
    return this.#token({ typ: 'logout+jwt' }, { jti: randomUUID(), sid: 'session-3', events }, 120, odd);
  }

  #token(head: object, more: object, lifeSeconds: number, odd: Odd): string {
    const now = Math.floor(Date.now() / 1000);
    const header = { alg: 'RS256', kid: this.#key.kid, ...head, ...odd.header };
    const claims = { iss: this.issuer, sub: 'ada-17', aud: this.clientId, iat: now, exp: now + lifeSeconds, ...more, ...odd.claims };
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const text = `${encode(header)}.${encode(claims)}`;
    return `${text}.${(odd.sign ?? ((signed) => signRs256(this.#key.privateKey, signed)))(text)}`;
  }
}

function newKey(): { kid: string; publicKey: KeyObject; privateKey: KeyObject } {
  return { kid: randomUUID(), ...generateKeyPairSync('rsa', { modulusLength: 2048 }) };
}

function signRs256(key: KeyObject, text: string): string {
  return sign('sha256', Buffer.from(text), key).toString('base64url');
}
