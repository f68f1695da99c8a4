// Every wrong answer of a provider that must not sign anybody in, and what the right one says. The provider is one of the test on the loopback; a real
// one signs people in through the page in test/e2e/page-provider.e2e.
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
});

const oidc = createOidcProvider();
const redirectUri = 'https://room-1.example:8420/';

const settings = () => provider.settings;

async function signIn(odd: Odd = {}, change: (answer: { code: string; state: string; iss: string }) => object = (answer) => answer) {
  const { url, proof } = await oidc.ask(settings(), redirectUri);
  const answer = provider.approve(url);
  provider.odd = odd;
  return oidc.identify(settings(), proof, { ...answer, ...change(answer) });
}

test('what the browser is sent with: a code for this client and page, PKCE, and values that are new each time', async () => {
  const [one, two] = [await oidc.ask(settings(), redirectUri), await oidc.ask(settings(), redirectUri)];
  const asked = Object.fromEntries(new URL(one.url).searchParams);
  assert.equal(asked['response_type'], 'code');
  assert.equal(asked['client_id'], 'caisson');
  assert.equal(asked['redirect_uri'], redirectUri);
  assert.equal(asked['scope'], 'openid profile');
  assert.equal(asked['code_challenge_method'], 'S256');
  for (const name of ['state', 'nonce', 'code_challenge']) {
    assert.match(asked[name] ?? '', /^[\w-]{43}$/, name);
    assert.notEqual(asked[name], new URL(two.url).searchParams.get(name), name);
  }
  assert.ok(!one.url.includes(one.proof.verifier));
});

test('the right answer says who it is, from the ID token, and what that lacks from the userinfo endpoint', async () => {
  assert.deepEqual(await signIn(), {
    subject: 'ada-17',
    userName: 'ada',
    fullName: undefined,
    groups: ['staff'],
    endSessionUrl: `${provider.issuer}/end?client_id=caisson`,
    sid: 'session-3',
  });
  const asked = await signIn({ claims: { groups: undefined }, userInfo: { groups: 'one alone', name: 'Ada L.' } });
  assert.deepEqual([asked.groups, asked.fullName], [['one alone'], 'Ada L.']);
});

test('keys that are rotated between two sign-ins, or in the middle of one, need nobody to notice', async () => {
  await signIn();
  provider.rotate();
  await signIn();
  const { url, proof } = await oidc.ask(settings(), redirectUri);
  const answer = provider.approve(url);
  provider.rotate();
  assert.equal((await oidc.identify(settings(), proof, answer)).subject, 'ada-17');
});

const seconds = () => Math.floor(Date.now() / 1000);

describe('an ID token that signs nobody in', () => {
  const cases: [string, () => Odd][] = [
    ['for another question', () => ({ claims: { nonce: 'another' } })],
    ['without a nonce', () => ({ claims: { nonce: undefined } })],
    ['for another client', () => ({ claims: { aud: 'another' } })],
    ['for several clients, made for another', () => ({ claims: { aud: ['caisson', 'another'], azp: 'another' } })],
    ['for nobody', () => ({ claims: { aud: [] } })],
    ['of another issuer', () => ({ claims: { iss: 'https://evil.example' } })],
    ['that is over', () => ({ claims: { exp: seconds() - 3600 } })],
    ['without an end', () => ({ claims: { exp: undefined } })],
    ['of the future', () => ({ claims: { nbf: seconds() + 3600 } })],
    ['about nobody', () => ({ claims: { sub: undefined } })],
    ['about a number', () => ({ claims: { sub: 17 } })],
    ['without a signature', () => ({ header: { alg: 'none' }, sign: () => '' })],
    ['without a signature, in other letters', () => ({ header: { alg: 'None' }, sign: () => '' })],
    ['signed by the client’s secret', () => ({ header: { alg: 'HS256' }, sign: (text) => provider.signByTheSecret(text) })],
    ['signed by the public key as a secret', () => ({ header: { alg: 'HS256' }, sign: (text) => provider.signByThePublicKey(text) })],
    [
      'signed by the client’s secret, where the provider says that it does so',
      () => ({
        description: { id_token_signing_alg_values_supported: ['HS256', 'RS256'] },
        header: { alg: 'HS256' },
        sign: (text) => provider.signByTheSecret(text),
      }),
    ],
    ['signed by a key that is not published', () => ({ header: { kid: 'unknown' }, sign: (text) => provider.signByAStranger(text) })],
    ['signed by a stranger under the name of a key that is', () => ({ sign: (text) => provider.signByAStranger(text) })],
    [
      'with a key of its own in it',
      () => ({ header: { jwk: {}, jku: 'http://127.0.0.1:1/' }, sign: (text) => provider.signByAStranger(text) }),
    ],
    ['with an altered signature', () => ({ sign: (text) => `A${provider.signByAStranger(text).slice(1)}` })],
    ['with something that must be understood', () => ({ header: { crit: ['exp'] } })],
  ];
  for (const [what, odd] of cases)
    test(what, async () => {
      await assert.rejects(signIn(odd()), { code: 'untrusted', message: /^the answer of “University” is not believed: / });
    });
});

describe('an answer by the browser that signs nobody in', () => {
  test('of another question', () =>
    assert.rejects(
      signIn({}, () => ({ state: 'another' })),
      { code: 'untrusted' },
    ));
  test('of another issuer', () =>
    assert.rejects(
      signIn({}, () => ({ iss: 'https://evil.example' })),
      { code: 'untrusted' },
    ));
  test('without a code', () =>
    assert.rejects(
      signIn({}, () => ({ code: undefined })),
      { code: 'untrusted' },
    ));
  test('with a code that was used', async () => {
    const { url, proof } = await oidc.ask(settings(), redirectUri);
    const answer = provider.approve(url);
    await oidc.identify(settings(), proof, answer);
    await assert.rejects(oidc.identify(settings(), proof, answer), { code: 'unauthorized', message: /invalid_grant/ });
  });
  test('with a code of another browser’s sign-in', async () => {
    const [own, other] = [await oidc.ask(settings(), redirectUri), await oidc.ask(settings(), redirectUri)];
    const { code } = provider.approve(other.url);
    await assert.rejects(oidc.identify(settings(), own.proof, { ...provider.approve(own.url), code }), { code: 'unauthorized' });
  });
  test('that says no, in its words without what could disturb', () =>
    assert.rejects(
      signIn({}, () => ({ code: undefined, error: 'access_denied', error_description: 'you may\u001b[2J not' })),
      (error: Error) => {
        assert.equal((error as { code?: string }).code, 'unauthorized');
        assert.match(error.message, /^“University” says no: access_denied, you may/);
        assert.ok(!error.message.includes('\u001b'));
        return true;
      },
    ));
});

describe('a provider that is not one', () => {
  const cases: [string, Odd][] = [
    ['that calls itself something else', { description: { issuer: 'https://evil.example' } }],
    ['without a place to go', { description: { authorization_endpoint: undefined } }],
    ['whose place to go is a script', { description: { authorization_endpoint: 'javascript:alert(1)' } }],
    ['whose keys are in a file', { description: { jwks_uri: 'file:///etc/passwd' } }],
    ['that signs by secrets alone', { description: { id_token_signing_alg_values_supported: ['HS256', 'none'] } }],
    ['that sends elsewhere', { answer: (_, response) => Boolean(response.writeHead(302, { location: 'https://evil.example/' }).end()) }],
    [
      'that answers with a page',
      { answer: (_, response) => Boolean(response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')) },
    ],
    [
      'that answers with half of it',
      { answer: (_, response) => Boolean(response.writeHead(200, { 'content-type': 'application/json' }).end('{"issuer":')) },
    ],
    [
      'that answers with a list',
      { answer: (_, response) => Boolean(response.writeHead(200, { 'content-type': 'application/json' }).end('[]')) },
    ],
  ];
  for (const [what, odd] of cases)
    test(what, async () => {
      provider.odd = odd;
      await assert.rejects(oidc.ask(settings(), redirectUri), { code: 'untrusted' });
      await assert.rejects(oidc.check(settings()), { code: 'untrusted' });
    });

  test('that does not answer: one is told so, within the limit', async () => {
    const impatient = createOidcProvider({ timeoutMs: 300 });
    for (const hung of ['/.well-known/openid-configuration', '/jwks']) {
      provider.odd = { answer: (path) => path === hung };
      await assert.rejects(impatient.check(settings()), {
        code: 'unavailable',
        message: /“University” does not answer.*sign in with a password/,
      });
    }
    const { url, proof } = await (async () => {
      provider.odd = {};
      return oidc.ask(settings(), redirectUri);
    })();
    const answer = provider.approve(url);
    provider.odd = { answer: (path) => path === '/token' };
    await assert.rejects(impatient.identify(settings(), proof, answer), { code: 'unavailable' });
  });

  test('that sends a hundred megabytes, all at once or without an end: it is cut off', async () => {
    const chunk = Buffer.alloc(1024 * 1024, 0x20);
    let sent = 0;
    provider.odd = {
      answer(_, response) {
        response.writeHead(200, { 'content-type': 'application/json' });
        const more = () => {
          if (sent >= 100 || response.destroyed) return void response.end();
          sent++;
          response.write(chunk, more);
        };
        more();
        return true;
      },
    };
    await assert.rejects(oidc.ask(settings(), redirectUri), { code: 'unavailable' });
    assert.ok(sent < 100, `${sent} MiB were read`);
  });

  test('where nobody listens', async () => {
    const gone = await OddProvider.open();
    const { issuer } = gone;
    await gone.close();
    await assert.rejects(oidc.ask({ ...settings(), issuer }, redirectUri), { code: 'unavailable' });
  });
});

test('what it says of itself', async () => {
  assert.deepEqual(await oidc.check(settings()), {
    issuer: provider.issuer,
    authorizationEndpoint: `${provider.issuer}/authorize`,
    keys: 1,
    endsSessions: true,
    tellsOfLogouts: false,
  });
  provider.odd = {
    answer: (path, response) =>
      path === '/jwks' && Boolean(response.writeHead(200, { 'content-type': 'application/json' }).end('{"keys":[]}')),
  };
  await assert.rejects(oidc.check(settings()), { code: 'untrusted', message: /publishes no key/ });
});
