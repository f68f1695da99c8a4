// Every logout token that must end nobody’s session, and what the right one says. A real provider sends one in test/e2e/page-provider.e2e.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { type Odd, OddProvider } from '../../../test/daemon/odd-provider.ts';
import { createOidcProvider } from './identity-provider.ts';

let provider: OddProvider;
before(async () => {
  provider = await OddProvider.open();
});
after(() => provider.close());
beforeEach(() => {
  provider.odd = {};
  provider.asked.length = 0;
});

const settings = () => provider.settings;

/** Each time as by a daemon that has not asked for keys yet. */
const read = (odd: Odd = {}) => {
  const token = provider.logoutToken(odd);
  provider.odd = odd;
  return createOidcProvider({ timeoutMs: 5000 }).readLogout(settings(), token, Date.now());
};

const event = 'http://schemas.openid.net/event/backchannel-logout';
const seconds = () => Math.floor(Date.now() / 1000);

test('the right one says whose session, or which, and until when it counts', async () => {
  const said = await read();
  assert.deepEqual([said.subject, said.sid], ['ada-17', 'session-3']);
  assert.ok(said.until > Date.now());
  assert.notEqual((await read()).id, said.id);
  assert.equal((await read({ claims: { sid: undefined } })).sid, undefined);
  assert.equal((await read({ claims: { sub: undefined } })).subject, undefined);
  assert.equal((await read({ claims: { aud: ['other', 'caisson'] } })).subject, 'ada-17');
  for (const typ of [undefined, 'JWT', 'application/logout+jwt']) assert.equal((await read({ header: { typ } })).subject, 'ada-17');
});

describe('a token that ends nothing, and for which the provider is not even asked', () => {
  const cases: [string, () => Odd][] = [
    ['of another issuer', () => ({ claims: { iss: 'https://evil.example' } })],
    ['without an issuer', () => ({ claims: { iss: undefined } })],
    ['for another client', () => ({ claims: { aud: 'another' } })],
    ['for several others', () => ({ claims: { aud: ['another', 'caissons'] } })],
    ['for nobody', () => ({ claims: { aud: [] } })],
    ['for a thing', () => ({ claims: { aud: { caisson: true } } })],
    ['without a time', () => ({ claims: { iat: undefined } })],
    ['whose time is a text', () => ({ claims: { iat: String(seconds()) } })],
    ['that is old', () => ({ claims: { iat: seconds() - 3600 } })],
    ['of the future', () => ({ claims: { iat: seconds() + 3600 } })],
    ['that is over', () => ({ claims: { exp: seconds() - 1 } })],
    ['that is never over', () => ({ claims: { exp: 'never' } })],
    ['that does not count yet', () => ({ claims: { nbf: seconds() + 3600 } })],
    ['without a number', () => ({ claims: { jti: undefined } })],
    ['with an empty number', () => ({ claims: { jti: '' } })],
    ['with a long number', () => ({ claims: { jti: 'x'.repeat(300) } })],
    ['that is no logout', () => ({ claims: { events: undefined } })],
    ['of another event', () => ({ claims: { events: { 'http://schemas.openid.net/event/other': {} } } })],
    ['whose event is a text', () => ({ claims: { events: event } })],
    ['whose event is a list', () => ({ claims: { events: [event] } })],
    ['whose event says true', () => ({ claims: { events: { [event]: true } } })],
    ['whose event is inherited', () => ({ claims: { events: { ['__proto__x']: { [event]: {} } } } })],
    ['with a nonce, as an ID token', () => ({ claims: { nonce: 'n' } })],
    ['with a nonce that is null', () => ({ claims: { nonce: null } })],
    ['about nobody', () => ({ claims: { sub: undefined, sid: undefined } })],
    ['about a number', () => ({ claims: { sub: 17 } })],
    ['about an empty session', () => ({ claims: { sid: '' } })],
    ['about a list of sessions', () => ({ claims: { sid: ['session-3'] } })],
    ['of another kind', () => ({ header: { typ: 'at+jwt' } })],
    ['whose kind is a list', () => ({ header: { typ: ['logout+jwt'] } })],
    ['with something that must be understood', () => ({ header: { crit: ['exp'] } })],
    ['without a signature', () => ({ header: { alg: 'none' }, sign: () => '' })],
    ['that says that it has none', () => ({ header: { alg: 'none' } })],
    ['without a signature, in other letters', () => ({ header: { alg: 'nOnE' } })],
    ['signed by the client’s secret', () => ({ header: { alg: 'HS256' }, sign: (text) => provider.signByTheSecret(text) })],
    ['signed by the public key as a secret', () => ({ header: { alg: 'HS256' }, sign: (text) => provider.signByThePublicKey(text) })],
    ['by an algorithm of every object', () => ({ header: { alg: 'constructor' } })],
    ['by a list of algorithms', () => ({ header: { alg: ['RS256'] } })],
  ];
  for (const [what, odd] of cases)
    test(what, async () => {
      await assert.rejects(read(odd()), { code: 'untrusted', message: /^the answer of “University” is not believed: / });
      assert.deepEqual(provider.asked, []);
    });

  test('what is no token at all', async () => {
    const oidc = createOidcProvider();
    const [head, body, signature] = provider.logoutToken({}).split('.');
    const twice = Buffer.from('{"alg":"none","alg":"RS256"}').toString('base64url');
    for (const token of [
      '',
      '.',
      '..',
      'x',
      'a.b.c',
      `${head}.${body}`,
      `${head}.${body}.`,
      `${head}.${body}.${signature}.`,
      `.${body}.${signature}`,
    ])
      await assert.rejects(oidc.readLogout(settings(), token, Date.now()), { code: 'untrusted' }, token);
    for (const token of [
      `${twice}.${body}.${signature}`,
      `${head}=.${body}.${signature}`,
      ` ${head}.${body}.${signature}`,
      `${head}.${body}.${signature}\n`,
    ])
      await assert.rejects(oidc.readLogout(settings(), token, Date.now()), { code: 'untrusted' }, token);
    const list = Buffer.from('[]').toString('base64url');
    await assert.rejects(oidc.readLogout(settings(), `${list}.${list}.${signature}`, Date.now()), { code: 'untrusted' });
    const deep = Buffer.from(`${'['.repeat(5000)}${']'.repeat(5000)}`).toString('base64url');
    await assert.rejects(oidc.readLogout(settings(), `${deep}.${deep}.${signature}`, Date.now()), { code: 'untrusted' });
    assert.deepEqual(provider.asked, []);
  });
});

describe('a token whose signature is not that of the provider', () => {
  const cases: [string, () => Odd][] = [
    ['by a key that is not published', () => ({ header: { kid: 'unknown' }, sign: (text) => provider.signByAStranger(text) })],
    ['by the right key under another name', () => ({ header: { kid: 'unknown' } })],
    ['by a stranger under the name of a key that is', () => ({ sign: (text) => provider.signByAStranger(text) })],
    ['by a stranger without a name', () => ({ header: { kid: undefined }, sign: (text) => provider.signByAStranger(text) })],
    [
      'with a key of its own in it',
      () => ({ header: { jwk: {}, jku: 'http://127.0.0.1:1/' }, sign: (text) => provider.signByAStranger(text) }),
    ],
    ['by another algorithm than the key is for', () => ({ header: { alg: 'RS512' } })],
    ['by an algorithm of another kind of key', () => ({ header: { alg: 'ES256' } })],
    ['by the same key, padded otherwise', () => ({ header: { alg: 'PS256' } })],
    ['altered', () => ({ sign: (text) => `A${provider.signByAStranger(text).slice(1)}` })],
  ];
  for (const [what, odd] of cases)
    test(what, () => assert.rejects(read(odd()), { code: 'untrusted', message: /its signature is not that of the provider/ }));
});

test('many tokens at once, forged ones too, are no more than two questions to the provider in ten seconds', async () => {
  const oidc = createOidcProvider();
  const now = Date.now();
  const forged = provider.logoutToken({ sign: (text) => provider.signByAStranger(text) });
  const results = await Promise.allSettled(
    Array.from({ length: 100 }, (_, at) => oidc.readLogout(settings(), at % 2 ? forged : provider.logoutToken({}), now)),
  );
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 50);
  assert.deepEqual(provider.asked, ['/.well-known/openid-configuration', '/jwks']);
  // Keys that are rotated after that are known with the next question.
  provider.rotate();
  await oidc.readLogout(settings(), provider.logoutToken({}), now + 10_000);
});

test('a provider that does not tell its keys is one that does not answer', async () => {
  const impatient = createOidcProvider({ timeoutMs: 300 });
  provider.odd = { answer: (path) => path === '/jwks' };
  await assert.rejects(impatient.readLogout(settings(), provider.logoutToken({}), Date.now()), { code: 'unavailable' });
});

test('keys that are none, too short, or for something else sign nothing', async () => {
  for (const keys of [[], {}, null, [null, 7, {}], [{ kty: 'oct', k: 'AAAA' }], [{ kty: 'RSA', n: 'AQAB', e: 'AQAB' }]]) {
    provider.odd = {
      answer: (path, response) =>
        path === '/jwks' && Boolean(response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys }))),
    };
    const token = provider.logoutToken({ header: { kid: undefined } });
    await assert.rejects(createOidcProvider().readLogout(settings(), token, Date.now()), { code: 'untrusted' }, JSON.stringify(keys));
  }
});
