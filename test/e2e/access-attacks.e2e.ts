// Ways to get in that must not lead in: odd logins, requests that another page makes a browser send, tickets used twice or elsewhere, and what is
// still open after it was taken back. Over the real HTTP server.
import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { AccessTrial, bearer, type Headers, trialPassword, websocketHeaders } from '../daemon/access-trial.ts';
import { OddProvider } from '../daemon/odd-provider.ts';

let trial: AccessTrial;
let admin: Headers;

before(async () => {
  trial = await AccessTrial.open();
  admin = await trial.user('ada', ['administrator', 'site']);
});

after(() => trial.close());

const login = (body: string | Buffer, headers: Headers = {}) => trial.ask({ method: 'POST', path: '/v1/login', body, headers });

describe('odd logins', () => {
  const right = { user: 'ada', password: trialPassword };
  const text = (value: unknown) => JSON.stringify(value);
  const odd: [string, string | Buffer, Headers?][] = [
    ['nothing', ''],
    ['an empty object', '{}'],
    ['a list', text([right])],
    ['a text', text('ada')],
    ['null', 'null'],
    ['no password', text({ user: 'ada' })],
    ['a password that is null', text({ ...right, password: null })],
    ['a password that is true', text({ ...right, password: true })],
    ['a password that is a list', text({ ...right, password: [trialPassword] })],
    ['a password that is an object', text({ ...right, password: { $ne: null } })],
    ['a user that is a list', text({ ...right, user: ['ada'] })],
    ['a user that is a pattern', text({ ...right, user: { $regex: '.*' } })],
    ['an unknown field', text({ ...right, admin: true })],
    ['a role of one’s own wish', text({ ...right, bindings: [{ role: 'administrator', on: 'site' }] })],
    ['a prototype', `{"user":"ada","password":${text(trialPassword)},"__proto__":{"admin":true}}`],
    ['a user given twice', `{"user":"ada","password":${text(trialPassword)},"user":"ada"}`],
    ['a user given twice, once in disguise', `{"user":"eve","\\u0075ser":"ada","password":${text(trialPassword)}}`],
    ['a password given twice', `{"user":"ada","password":"x","password":${text(trialPassword)}}`],
    ['another kind of session', text({ ...right, as: 'root' })],
    ['a form', `user=ada&password=${encodeURIComponent(trialPassword)}`, { 'content-type': 'application/x-www-form-urlencoded' }],
    ['JSON that calls itself text', text(right), { 'content-type': 'text/plain' }],
    ['JSON without a kind', text(right), { 'content-type': '' }],
    ['a huge password', text({ ...right, password: trialPassword.repeat(400) })],
    ['a huge body', text({ ...right, more: 'x'.repeat(9 * 1024 * 1024) })],
    ['a deep body', `${'['.repeat(50_000)}${']'.repeat(50_000)}`],
    ['bytes that are no UTF-8', Buffer.concat([Buffer.from('{"user":"ada","password":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')])],
    ['UTF-16', Buffer.from(text(right), 'utf16le')],
    ['a NUL at the end of the user', text({ ...right, user: 'ada\0' })],
    ['a NUL at the end of the password', text({ ...right, password: `${trialPassword}\0` })],
    ['a space around the user', text({ ...right, user: ' ada' })],
    ['capital letters', text({ ...right, user: 'ADA' })],
    ['a Cyrillic look-alike', text({ ...right, user: '\u0430da' })],
    ['full-width letters', text({ ...right, user: '\uff41\uff44\uff41' })],
    ['a combining mark', text({ ...right, user: 'ada\u0300' })],
    ['an invisible character', text({ ...right, user: 'a\u200bda' })],
    [
      'the password in full width',
      text({
        ...right,
        password: Array.from(trialPassword, (letter) =>
          letter === ' ' ? letter : String.fromCodePoint(letter.charCodeAt(0) + 0xfee0),
        ).join(''),
      }),
    ],
    ['the password with another end of it', text({ ...right, password: `${trialPassword.slice(0, -1)}\u017f` })],
    ['a name of every object', text({ user: 'constructor', password: trialPassword })],
    ['no such user', text({ user: 'nobody', password: trialPassword })],
    ['the hash in place of the password', text({ ...right, password: '$argon2id$v=19$m=32768,t=3,p=1$' })],
  ];
  for (const [what, body, headers] of odd) {
    test(`${what} lets nobody in`, async () => {
      const answer = await login(body, headers);
      assert.ok([400, 401, 413, 415, 429].includes(answer.status), `${answer.status} ${answer.text}`);
      assert.equal(answer.headers['set-cookie'], undefined);
      assert.doesNotMatch(answer.text, /caisson_session_/);
    });
  }

  test('who tries too often is told when again, and the user is let in from elsewhere meanwhile', async () => {
    let answer = await login(text({ ...right, password: 'wrong' }));
    // That the right one has to wait then, too, is for a clock that stands still: engine/access.test.
    for (let count = 0; count < 60 && answer.status !== 429; count++) answer = await login(text({ ...right, password: `${count}` }));
    assert.equal(answer.status, 429);
    assert.match(String(answer.headers['retry-after']), /^[1-9]\d?$/);
    assert.match(answer.text, /too many tries: the next is possible in \d+ s/);
    assert.match(await trial.signIn('ada'), /^caisson_session_/);
  });
});

describe('a browser with a cookie', () => {
  let cookie: Headers;
  before(async () => {
    // Of its own trial: the one before has used up this address’s logins.
    await trial.close();
    trial = await AccessTrial.open();
    admin = await trial.user('ada', ['administrator', 'site']);
    cookie = await trial.cookie('ada');
  });

  test('the cookie is out of reach of scripts and other sites, and is random', async () => {
    const answer = await login(JSON.stringify({ user: 'ada', password: trialPassword }), trial.ownPage);
    assert.match(
      String(answer.headers['set-cookie']),
      new RegExp(`^caisson-session-${trial.port}=caisson_session_[A-Za-z0-9_-]{43}; Path=/; HttpOnly; SameSite=Strict$`),
    );
    assert.deepEqual(Object.keys(JSON.parse(answer.text) as object).toSorted(), ['endsAt', 'endsUnusedAt', 'user']);
  });

  const read = (headers: Headers) => trial.ask({ path: '/v1/me', headers: { ...cookie, ...headers } });
  const change = (headers: Headers) =>
    trial.ask({ method: 'PATCH', path: '/v1/users/ada', json: { fullName: 'Somebody else' }, headers: { ...cookie, ...headers } });

  test('the daemon’s own page may read and change', async () => {
    assert.equal((await read({ 'sec-fetch-site': 'same-origin' })).status, 200);
    assert.equal((await read({})).status, 200);
    assert.equal((await change(trial.ownPage)).status, 200);
  });

  const strangers: [string, () => Headers][] = [
    ['another site', () => ({ origin: 'https://evil.example' })],
    ['no origin', () => ({})],
    ['an origin that is null', () => ({ origin: 'null' })],
    ['an empty origin', () => ({ origin: '' })],
    ['the same host at another port', () => ({ origin: `http://127.0.0.1:${trial.port + 1}` })],
    ['the same port of another name', () => ({ origin: `http://localhost.evil.example:${trial.port}` })],
    ['our address as a part of its own', () => ({ origin: `${trial.url}.evil.example` })],
    ['our address as a user of its own', () => ({ origin: `${trial.url}@evil.example` })],
    ['another scheme', () => ({ origin: trial.url.replace('http', 'https') })],
    ['a page that the browser calls another site’s', () => ({ origin: trial.url, 'sec-fetch-site': 'cross-site' })],
    ['a page of a sister site', () => ({ origin: trial.url, 'sec-fetch-site': 'same-site' })],
  ];
  for (const [what, headers] of strangers) {
    test(`a change from ${what} is refused`, async () => {
      const answer = await change(headers());
      assert.equal(answer.status, 403, answer.text);
    });
  }

  test('a form of another site, which a browser may send unasked, is refused', async () => {
    const answer = await trial.ask({
      method: 'POST',
      path: '/v1/logout',
      body: '{}',
      headers: { ...cookie, 'content-type': 'text/plain', origin: 'https://evil.example' },
    });
    assert.equal(answer.status, 403);
    assert.equal((await read({})).status, 200);
  });

  test('reading for another site is refused too', async () => {
    assert.equal((await read({ 'sec-fetch-site': 'cross-site' })).status, 403);
    assert.equal((await read({ origin: 'https://evil.example' })).status, 403);
  });

  test('a cookie that somebody has put beside it makes both count for nothing', async () => {
    const both = `${cookie['cookie']}; ${cookie['cookie']?.split('=')[0]}=caisson_session_x`;
    assert.equal((await read({ cookie: both })).status, 401);
    assert.equal((await read({ cookie: `a="${cookie['cookie']}"` })).status, 401);
  });

  test('a cookie’s secret is no token, and a token no cookie', async () => {
    const secret = cookie['cookie']?.split('=')[1] ?? '';
    assert.equal((await trial.ask({ path: '/v1/me', headers: bearer(secret) })).status, 401);
    const token = (admin['authorization'] ?? '').slice('Bearer '.length);
    assert.equal((await read({ cookie: `caisson-session-${trial.port}=${token}` })).status, 401);
  });

  test('a cookie under another header’s name, or in the query, is nothing', async () => {
    const secret = cookie['cookie']?.split('=')[1] ?? '';
    for (const headers of [
      { 'x-session': secret },
      { authorization: `Cookie ${secret}` },
      { authorization: `Basic ${secret}` },
    ] as Headers[])
      assert.equal((await trial.ask({ path: '/v1/me', headers })).status, 401);
    assert.equal((await trial.ask({ path: `/v1/me?token=${secret}` })).status, 401);
  });
});

describe('console tickets', () => {
  const consoleOf = (guest: string) => `/v1/guests/${guest}/console`;

  async function ticketOf(who: Headers, guest = 'web', kind = 'serial'): Promise<string> {
    const path = `/v1/guests/${guest}/console-tickets`;
    const answer = await trial.ask({ method: 'POST', path, json: { kind }, headers: { ...trial.ownPage, ...who } });
    assert.equal(answer.status, 200, answer.text);
    return (JSON.parse(answer.text) as { path: string }).path;
  }

  const open = async (path: string, who: Headers) => (await trial.ask({ path, headers: { ...websocketHeaders, ...who } })).status;

  test('a ticket opens its console once', async () => {
    const browser = { ...(await trial.cookie('ada')), ...trial.ownPage };
    const path = await ticketOf(browser);
    assert.match(path, /^\/v1\/guests\/web\/console\?ticket=caisson_ticket_[\w-]{43}$/);
    assert.equal(await open(path, browser), 101);
    assert.equal(await open(path, browser), 401);
  });

  test('a browser without a ticket, with another’s session, or from another page opens nothing', async () => {
    const browser = { ...(await trial.cookie('ada')), ...trial.ownPage };
    assert.equal(await open(consoleOf('web'), browser), 403);
    const other = { ...(await trial.cookie('ada')), ...trial.ownPage };
    assert.equal(await open(await ticketOf(browser), other), 401);
    assert.equal(await open(await ticketOf(browser), {}), 401);
    assert.equal(await open(await ticketOf(browser), { ...browser, origin: 'https://evil.example' }), 403);
    const { origin: _, ...withoutOrigin } = browser;
    assert.equal(await open(await ticketOf(browser), withoutOrigin), 401);
  });

  test('a ticket of one guest does not open another’s console, and is used up by the try', async () => {
    const browser = { ...(await trial.cookie('ada')), ...trial.ownPage };
    const path = await ticketOf(browser, 'web');
    assert.equal(await open(path.replace('/web/', '/database/'), browser), 401);
    assert.equal(await open(path, browser), 401);
  });

  test('a screen has tickets of its own: once, for this guest, from one’s own page, with one’s own session', async () => {
    const browser = { ...(await trial.cookie('ada')), ...trial.ownPage };
    const path = await ticketOf(browser, 'web', 'screen');
    assert.match(path, /^\/v1\/guests\/web\/screen\?ticket=caisson_ticket_[\w-]{43}$/);
    assert.equal(await open(path, browser), 101);
    assert.equal(await open(path, browser), 401, 'used up');
    assert.equal(await open('/v1/guests/web/screen', browser), 403, 'without a ticket');
    const screenTicket = () => ticketOf(browser, 'web', 'screen');
    assert.equal(await open((await screenTicket()).replace('/screen?', '/console?'), browser), 401, 'of another kind');
    assert.equal(await open((await ticketOf(browser)).replace('/console?', '/screen?'), browser), 401, 'of another kind');
    assert.equal(await open((await screenTicket()).replace('/web/', '/gate/'), browser), 401, 'of another guest');
    assert.equal(await open(await screenTicket(), { ...(await trial.cookie('ada')), ...trial.ownPage }), 401, 'of another session');
    assert.equal(await open(await screenTicket(), { ...browser, origin: 'https://evil.example' }), 403, 'from another page');
    assert.equal(await open(await screenTicket(), browser), 101);
  });

  test('a guest without a display has neither a ticket, nor a screen, nor a picture of it', async () => {
    const answer = await trial.ask({
      method: 'POST',
      path: '/v1/guests/database/console-tickets',
      json: { kind: 'screen' },
      headers: admin,
    });
    assert.equal(answer.status, 409);
    assert.match(answer.text, /has no display: give it “display: vga”/);
    assert.equal(await open('/v1/guests/database/screen', admin), 409);
    assert.equal((await trial.ask({ path: '/v1/guests/database/screenshot', headers: admin })).status, 409);
  });

  test('a picture of the screen is for who may operate, and for no other site', async () => {
    const answer = await trial.ask({ path: '/v1/guests/web/screenshot', headers: admin });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['content-type'], 'image/png');
    assert.equal(answer.headers['cross-origin-resource-policy'], 'same-origin');
    assert.equal(answer.headers['cache-control'], 'no-store');
  });

  test('a right that was taken away between asking and opening counts for nothing', async () => {
    await trial.user('bob', ['operator', 'site']);
    const browser = { ...(await trial.cookie('bob')), ...trial.ownPage };
    const path = await ticketOf(browser);
    await trial.local.call('userSet', { params: { user: 'bob' }, body: { bindings: [{ role: 'viewer', on: 'site' }] } });
    assert.equal(await open(path, browser), 403);
  });

  test('a program with its token needs no ticket, and may use one', async () => {
    assert.equal(await open(consoleOf('web'), admin), 101);
    const path = await ticketOf(admin);
    assert.equal(await open(path, {}), 101);
    assert.equal(await open(path, {}), 401);
  });

  test('the audit log knows who opened which console, and no ticket', async () => {
    const { items } = await trial.local.call('logList', { query: { limit: 500 } });
    for (const each of ['guestConsole', 'guestScreen'])
      assert.ok(
        items.some(({ operation, actor }) => operation === each && actor === 'user:ada'),
        each,
      );
    assert.doesNotMatch(JSON.stringify(items), /caisson_(?:ticket|session|token|setup)_/);
    assert.doesNotMatch(JSON.stringify(items), new RegExp(trialPassword));
  });
});

describe('who says to be the provider, and that somebody logged out there', () => {
  let provider: OddProvider;
  before(async () => {
    provider = await OddProvider.open();
  });
  after(async () => {
    await trial.local.call('identityProviderDelete').catch(() => undefined);
    await provider.close();
  });

  const say = (body: string, headers: Headers = {}) =>
    trial.ask({
      method: 'POST',
      path: '/v1/login/provider/logout',
      body,
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    });
  const form = (token: string) => new URLSearchParams({ logout_token: token }).toString();

  /** Signs in by the provider, as a browser does. */
  async function come(): Promise<Headers> {
    const post = (path: string, json: unknown) => trial.ask({ method: 'POST', path, json, headers: trial.ownPage });
    const begun = JSON.parse((await post('/v1/login/provider', {})).text) as { url: string; binding: string };
    const answer = await post('/v1/login/provider/finish', { answer: provider.approve(begun.url), binding: begun.binding });
    assert.equal(answer.status, 200, answer.text);
    return { cookie: answer.headers['set-cookie']?.[0]?.split(';')[0] ?? '' };
  }
  const isIn = async (who: Headers) => (await trial.ask({ path: '/v1/me', headers: who })).status === 200;

  test('without a provider nobody is heard', async () => {
    assert.equal((await say(form(provider.logoutToken({})))).status, 404);
  });

  test('nothing but its own word, once, ends the session that came from it; the log has who, and no token', async () => {
    const { issuer, clientId, clientSecret } = provider;
    const claims = { userClaim: 'preferred_username', groupsClaim: 'groups', scopes: [] };
    const roles = [{ group: 'staff', role: 'viewer' as const, on: 'site' }];
    // Its `ada` has another name here.
    provider.odd = { claims: { preferred_username: 'ada-of-the-provider' } };
    await trial.local.call('identityProviderSet', { body: { issuer, clientId, clientSecret, label: 'University', roles, ...claims } });
    const session = await come();
    const browserOfAda = await trial.cookie('ada');
    const forged = provider.logoutToken({ sign: (text) => provider.signByAStranger(text) });
    const other = provider.logoutToken({ claims: { aud: 'another' } });
    const right = provider.logoutToken({});
    for (const body of [
      '',
      'logout_token=',
      'logout_token',
      form(forged),
      form(other),
      form('x'.repeat(20_000)),
      `${form(right)}&${form(right)}`,
      `${form(forged)}&${form(right)}`,
      `id_token=${right}`,
    ])
      assert.equal((await say(body)).status, 400, body.slice(0, 60));
    assert.equal((await say(form(right), { 'content-type': 'text/plain' })).status, 415);
    assert.equal((await say(form(right), { origin: 'https://evil.example' })).status, 403);
    assert.equal((await trial.ask({ path: `/v1/login/provider/logout?${form(right)}` })).status, 401);
    // A form is for this alone.
    const formLogin = {
      method: 'POST',
      path: '/v1/login',
      body: `user=ada&password=x`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    };
    assert.equal((await trial.ask(formLogin)).status, 415);
    assert.equal(await isIn(session), true);
    const answer = await say(`${form(right)}&more=that+is+not+known`);
    assert.deepEqual([answer.status, answer.text, answer.headers['cache-control']], [200, '{}', 'no-store']);
    assert.equal(await isIn(session), false);
    assert.equal(await isIn(browserOfAda), true, 'others go on');
    const again = await come();
    assert.equal((await say(form(right))).status, 400, 'used');
    await trial.restart();
    const replayed = await say(form(right));
    assert.deepEqual([replayed.status, /was used/.test(replayed.text)], [400, true], 'used, for another daemon too');
    assert.equal(await isIn(again), true);
    assert.equal((await say(form(provider.logoutToken({ claims: { sid: undefined } })))).status, 200);
    assert.equal(await isIn(again), false);
    const { items } = await trial.local.call('logList', { query: { operation: 'loginProviderLogout', limit: 50 } });
    const heard = items.filter(({ actor }) => actor === 'identity-provider');
    assert.deepEqual(
      heard.map(({ parameters, from }) => [parameters, from]),
      [
        [{ users: ['ada-of-the-provider'], sessions: 1 }, '127.0.0.1'],
        [{ users: ['ada-of-the-provider'], sessions: 1 }, '127.0.0.1'],
      ],
    );
    assert.ok(items.some(({ actor, outcome }) => actor === 'unknown' && outcome?.result === 'refused'));
    assert.ok(!JSON.stringify(items).includes(right.split('.')[1] ?? right));
  });

  test('who sends forged words without end is told to wait', async () => {
    const forged = provider.logoutToken({ claims: { aud: 'another' } });
    let answer = await say(form(forged));
    for (let count = 0; count < 200 && answer.status !== 429; count++) answer = await say(form(forged));
    assert.equal(answer.status, 429);
  });
});

describe('a command line that waits to be signed in by a browser', () => {
  const post = (step: '' | '/decide' | '/finish', json: unknown, headers: Headers = {}) =>
    trial.ask({ method: 'POST', path: `/v1/login/command${step}`, json, headers });
  const begin = async () => JSON.parse((await post('', { host: 'laptop' })).text) as { secret: string; code: string };
  const browserOf = async (user: string) => ({ ...(await trial.cookie(user)), ...trial.ownPage });
  let browser: Headers;
  /** Of one that nobody has decided. */
  let waiting: { secret: string; code: string };
  before(async () => {
    browser = await browserOf('ada');
    waiting = await begin();
  });

  test('what it says of itself is a machine’s name, and no sentence', async () => {
    for (const host of [
      'your bank. Approve this at once',
      '<img src=x onerror=alert(1)>',
      'laptop\nApproved by: root',
      '\u202elaptop',
      '\u001b[31mlaptop',
      '\u043baptop',
      '-laptop',
      '',
      'x'.repeat(64),
      ['laptop'],
      { toString: 'laptop' },
      null,
    ])
      assert.equal((await post('', { host })).status, 400, JSON.stringify(host));
    assert.equal((await post('', {})).status, 400);
    assert.equal((await post('', { host: 'laptop', user: 'ada' })).status, 400);
  });

  test('no other page makes a browser approve', async () => {
    const { code } = waiting;
    const cookie = { cookie: browser['cookie'] ?? '' };
    const approve = { code, decision: 'approve' };
    for (const headers of [
      { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
      { origin: 'null' },
      {},
      { origin: trial.url, 'sec-fetch-site': 'cross-site' },
      { origin: `${trial.url}.evil.example` },
    ] as Headers[])
      assert.equal((await post('/decide', approve, { ...cookie, ...headers })).status, 403, JSON.stringify(headers));
    const form = { ...cookie, ...trial.ownPage, 'content-type': 'text/plain' };
    assert.equal((await post('/decide', approve, form)).status, 415);
    // A link decides nothing: there is no way to approve by GET.
    for (const path of [`/v1/login/command/decide?code=${code}&decision=approve`, `/v1/login/command?code=${code}&decision=approve`])
      assert.ok([400, 405].includes((await trial.ask({ path, headers: browser })).status), path);
    assert.equal((await trial.ask({ path: `/v1/login/command?code=${code}`, headers: browser })).status, 200, 'it waits still');
  });

  test('who is nobody, a token, or another command line approves nothing', async () => {
    const { code } = waiting;
    const { secret } = await trial.local.call('tokenCreate', {
      body: { name: 'approver', bindings: [{ role: 'administrator', on: 'site' }] },
    });
    for (const [who, status] of [
      [{}, 401],
      [bearer('caisson_session_of-nobody'), 401],
      [bearer(secret), 403],
      [admin, 403],
    ] as [Headers, number][]) {
      assert.equal((await post('/decide', { code, decision: 'approve' }, who)).status, status);
      assert.equal((await trial.ask({ path: `/v1/login/command?code=${code}`, headers: who })).status, status);
    }
    await assert.rejects(trial.local.call('loginCommandDecide', { body: { code, decision: 'approve' } }), { code: 'forbidden' });
  });

  test('the session is given once, to the secret, not to the code; the log knows who approved, and no secret', async () => {
    const { secret, code } = await begin();
    assert.equal((await post('/decide', { code, decision: 'approve' }, browser)).status, 200);
    assert.equal((await post('/decide', { code, decision: 'approve' }, browser)).status, 404, 'decided');
    for (const wrong of [code, '', `${secret}x`, secret.slice(0, -1), waiting.code])
      assert.equal((await post('/finish', { secret: wrong })).status, 401, wrong);
    const answer = await post('/finish', { secret });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers['set-cookie'], undefined);
    const { token } = (JSON.parse(answer.text) as { signedIn: { token: string } }).signedIn;
    assert.equal((await trial.ask({ path: '/v1/me', headers: bearer(token) })).status, 200);
    assert.equal((await post('/finish', { secret })).status, 401, 'used');
    const { items } = await trial.local.call('logList', { query: { actor: 'user:ada', limit: 20 } });
    const decisions = items.filter(({ operation }) => operation === 'loginCommandDecide').slice(0, 2);
    assert.deepEqual(
      decisions.map(({ parameters, outcome }) => [parameters, outcome?.result]),
      [
        [{ code, decision: 'approve' }, 'refused'],
        [{ code, decision: 'approve' }, 'succeeded'],
      ],
    );
    assert.ok(items.some(({ kind, parameters }) => kind === 'login' && parameters?.['by'] === 'approval in a browser'));
    const all = JSON.stringify((await trial.local.call('logEntries', { query: {} })).items.slice(-100));
    assert.ok(all.includes(code));
    assert.doesNotMatch(all, /caisson_command_|caisson_session_/);
    await trial.local.call('sessionEnd', { params: { user: 'ada' } });
    assert.equal((await trial.ask({ path: '/v1/me', headers: bearer(token) })).status, 401);
    admin = bearer(await trial.signIn('ada'));
    browser = await browserOf('ada');
  });

  test('who asks too fast is slowed down, and gets nothing by it', async () => {
    const { secret } = waiting;
    let answer = await post('/finish', { secret });
    for (let count = 0; count < 20 && answer.status !== 429; count++) answer = await post('/finish', { secret });
    assert.equal(answer.status, 429);
    assert.ok(Number(answer.headers['retry-after']) >= 4, String(answer.headers['retry-after']));
  });

  test('codes are guessed by nobody, and nobody fills the memory', async () => {
    await trial.user('guesser');
    const guesser = await browserOf('guesser');
    const guess = async (code: string) => (await trial.ask({ path: `/v1/login/command?code=${code}`, headers: guesser })).status;
    const statuses: number[] = [];
    for (let count = 0; count < 60 && statuses.at(-1) !== 429; count++) statuses.push(await guess('BCDF-GHJK'));
    assert.equal(statuses.at(-1), 429);
    assert.equal((await trial.ask({ path: `/v1/login/command?code=${waiting.code}`, headers: browser })).status, 200);
    let answer = await post('', { host: 'laptop' });
    for (let count = 0; count < 60 && answer.status !== 429; count++) answer = await post('', { host: 'laptop' });
    assert.equal(answer.status, 429);
    assert.match(String(answer.headers['retry-after']), /^[1-9]\d?$/);
  });

  test('what is over is over', async () => {
    trial.later(11 * 60_000);
    assert.equal((await trial.ask({ path: `/v1/login/command?code=${waiting.code}`, headers: browser })).status, 404);
    assert.equal((await post('/finish', { secret: waiting.secret })).status, 401);
  });
});

describe('what is taken back ends at once, also what is open', () => {
  interface Open {
    events: Promise<string>;
    /** With which code both ended. */
    console: Promise<number>;
  }

  async function openSocket(path: string, who: Headers): Promise<{ closed: Promise<number> }> {
    const socket = new WebSocket(`${trial.url.replace('http', 'ws')}${path}`, { headers: who });
    await new Promise<void>((resolve, reject) => {
      socket.on('open', resolve);
      socket.on('error', reject);
    });
    return { closed: new Promise((resolve) => socket.on('close', (code) => resolve(code))) };
  }

  /** An event stream and both consoles, all known to be open. */
  async function openBoth(who: Headers): Promise<Open> {
    const events = await fetch(`${trial.url}/v1/events/stream?after=0`, { headers: who });
    assert.equal(events.status, 200);
    const reader = events.body?.getReader();
    await reader?.read();
    const ended = (async () => {
      for (;;) {
        const next = await reader?.read().catch(() => ({ done: true }));
        if (next?.done !== false) return 'ended';
      }
    })();
    const [serial, screen] = [await openSocket('/v1/guests/web/console', who), await openSocket('/v1/guests/web/screen', who)];
    const both = async () => {
      assert.equal(await screen.closed, await serial.closed);
      return serial.closed;
    };
    return { events: ended, console: both() };
  }

  const ways: [string, (name: string, who: Headers) => Promise<unknown>][] = [
    ['the user signs out', (_name, who) => trial.ask({ method: 'POST', path: '/v1/logout', headers: who })],
    ['every session of the user is ended', (user) => trial.local.call('sessionEnd', { params: { user } })],
    ['the user is disabled', (user) => trial.local.call('userSet', { params: { user }, body: { enabled: false } })],
    ['the user is deleted', (user) => trial.local.call('userDelete', { params: { user } })],
    [
      'the user gets another password',
      (user) => trial.local.call('userPassword', { params: { user }, body: { password: 'wholly other words' } }),
    ],
    ['the user loses the role', (user) => trial.local.call('userSet', { params: { user }, body: { bindings: [] } })],
  ];
  for (const [index, [what, take]] of ways.entries()) {
    test(what, async () => {
      const name = `open-${index}`;
      const who = await trial.user(name, ['operator', 'site']);
      const { events, console } = await openBoth(who);
      await take(name, who);
      assert.equal(await events, 'ended');
      assert.equal(await console, 1001);
      const answer = await trial.ask({ path: '/v1/guests/web', headers: who });
      assert.ok([401, 404].includes(answer.status), `${answer.status}`);
    });
  }

  test('a token is deleted', async () => {
    const body = { name: 'streaming', bindings: [{ role: 'operator' as const, on: 'site' }] };
    const { secret } = await trial.local.call('tokenCreate', { body });
    const { events, console } = await openBoth(bearer(secret));
    await trial.local.call('tokenDelete', { params: { token: 'streaming' } });
    assert.equal(await events, 'ended');
    assert.equal(await console, 1001);
  });

  test('who loses one guest of two keeps what is open of the other, and others notice nothing', async () => {
    const both = await trial.user('two-guests', ['operator', 'guest:web'], ['operator', 'guest:database']);
    const { uid } = await trial.local.call('guestShow', { params: { guest: 'web' } });
    const other = await trial.user('unmoved', ['operator', 'site']);
    const unmoved = await trial.transport((other['authorization'] ?? '').slice(7)).openWebSocket('/v1/guests/database/console');
    const { console } = await openBoth(both);
    await trial.local.call('userSet', { params: { user: 'two-guests' }, body: { bindings: [{ role: 'operator', on: 'guest:database' }] } });
    assert.equal(await console, 1001);
    assert.equal((await trial.ask({ path: `/v1/guests/${uid}`, headers: both })).status, 404);
    assert.equal((await trial.ask({ path: '/v1/guests/database', headers: both })).status, 200);
    assert.equal(isOpen(unmoved), true);
    unmoved.destroy();
  });

  test('a guest that moves to another zone is out of reach of who has a role on the old one', async () => {
    const who = await trial.user('of-external', ['operator', 'zone:external']);
    const events = await fetch(`${trial.url}/v1/guests/web`, { headers: who });
    assert.equal(events.status, 200);
    const { console } = await openBoth(who);
    const { site } = await trial.local.call('siteShow');
    const web = site.guests['web'];
    assert.ok(web);
    const moved = { ...site, guests: { ...site.guests, web: { ...web, nics: [{ zone: 'internal', addresses: ['10.20.0.12'] }] } } };
    await trial.daemon.engine.jobs.wait((await trial.local.call('siteApply', { body: { site: moved } })).uid);
    assert.equal(await console, 1001);
    assert.equal((await trial.ask({ path: '/v1/guests/web', headers: who })).status, 404);
    await trial.daemon.engine.jobs.wait((await trial.local.call('siteApply', { body: { site } })).uid);
  });

  // Last: the daemon's time goes on by days.
  test('sessions and tokens that end by themselves end what is open', async () => {
    const late = await trial.user('late', ['operator', 'site']);
    const body = { name: 'one-day', bindings: [{ role: 'operator' as const, on: 'site' }], days: 1 };
    const token = bearer((await trial.local.call('tokenCreate', { body })).secret);
    const [session, program] = [await openBoth(late), await openBoth(token)];
    trial.later(13 * 3_600_000);
    assert.equal(await session.events, 'ended');
    assert.equal(await session.console, 1001);
    assert.equal((await trial.ask({ path: '/v1/guests/web', headers: late })).status, 401);
    assert.equal((await trial.ask({ path: '/v1/guests/web', headers: token })).status, 200);
    trial.later(12 * 3_600_000);
    assert.equal(await program.events, 'ended');
    assert.equal(await program.console, 1001);
    assert.equal((await trial.ask({ path: '/v1/guests/web', headers: token })).status, 401);
  });
});

function isOpen(stream: Duplex): boolean {
  return !stream.destroyed && !stream.readableEnded;
}

describe('oneself', () => {
  test('a user without any role changes the own password and second factor, and nobody else’s', async () => {
    const who = await trial.user('self');
    const put = (user: string, json: object) => trial.ask({ method: 'PUT', path: `/v1/users/${user}/password`, json, headers: who });
    assert.equal((await put('self', { password: 'wholly other words' })).status, 401);
    assert.equal((await put('self', { password: 'wholly other words', currentPassword: trialPassword })).status, 200);
    assert.equal((await put('ada', { password: 'wholly other words', currentPassword: trialPassword })).status, 403);
    assert.equal((await trial.ask({ method: 'POST', path: '/v1/users/ada/totp', json: {}, headers: who })).status, 403);
    assert.equal((await trial.ask({ path: '/v1/users/ada', headers: who })).status, 403);
    assert.equal((await trial.ask({ path: '/v1/users/self', headers: who })).status, 200);
  });

  test('nobody gives themselves a role: not as oneself, not by a token, not by a new user', async () => {
    const who = await trial.user('climber', ['operator', 'zone:external']);
    const bindings = [{ role: 'administrator', on: 'site' }];
    assert.equal((await trial.ask({ method: 'PATCH', path: '/v1/users/climber', json: { bindings }, headers: who })).status, 403);
    assert.equal((await trial.ask({ method: 'POST', path: '/v1/users', json: { name: 'friend', bindings }, headers: who })).status, 403);
    const made = await trial.ask({ method: 'POST', path: '/v1/tokens', json: { name: 'ladder', bindings }, headers: who });
    assert.equal(made.status, 200);
    const token = bearer((JSON.parse(made.text) as { secret: string }).secret);
    assert.equal((await trial.ask({ path: '/v1/site', headers: token })).status, 403);
    assert.equal((await trial.ask({ method: 'PATCH', path: '/v1/users/climber', json: { bindings }, headers: token })).status, 403);
    // A token is not oneself: it cannot set a password, or make another.
    const json = { password: 'wholly other words', currentPassword: trialPassword };
    assert.equal((await trial.ask({ method: 'PUT', path: '/v1/users/climber/password', json, headers: token })).status, 403);
    assert.equal((await trial.ask({ method: 'POST', path: '/v1/tokens', json: { name: 'more' }, headers: token })).status, 403);
  });

  test('shutting down what others’ guests require is for who may operate those too', async () => {
    const who = await trial.user('shutter', ['operator', 'guest:web']);
    const { site } = await trial.local.call('siteShow');
    const gate = site.guests['gate'];
    assert.ok(gate);
    const wanted = { ...site, guests: { ...site.guests, gate: { ...gate, after: [{ requires: 'web' }] } } };
    await trial.daemon.engine.jobs.wait((await trial.local.call('siteApply', { body: { site: wanted } })).uid);
    const answer = await trial.ask({ method: 'POST', path: '/v1/guests/web/shutdown', json: { dependents: 'first' }, headers: who });
    assert.equal(answer.status, 403, answer.text);
    assert.equal((await trial.local.call('guestShow', { params: { guest: 'gate' } })).status.power, 'running');
  });

  test('who may change a guest does not connect it elsewhere: what flows mean it is the site’s', async () => {
    const who = await trial.user('connector', ['administrator', 'guest:web'], ['administrator', 'zone:internal']);
    const set = (json: object) => trial.ask({ method: 'POST', path: '/v1/guests/web/set', json, headers: who });
    for (const nics of [{ internal: { addresses: [] } }, { external: { addresses: ['192.0.2.77'] } }, { external: null }]) {
      const answer = await set({ nics });
      assert.equal(answer.status, 403, answer.text);
      assert.match(answer.text, /only who may configure the site changes them/);
    }
    const answer = await set({ cpus: 2 });
    assert.equal(answer.status, 202, answer.text);
  });

  test('who asks is told what they may', async () => {
    const who = await trial.user('asker', ['viewer', 'zone:internal'], ['operator', 'guest:web']);
    const { uid } = await trial.local.call('guestShow', { params: { guest: 'web' } });
    const { uid: database } = await trial.local.call('guestShow', { params: { guest: 'database' } });
    const me = JSON.parse((await trial.ask({ path: '/v1/me', headers: who })).text) as Record<string, unknown>;
    assert.equal(me['actor'], 'user:asker');
    assert.deepEqual(me['site'], []);
    assert.deepEqual(me['zones'], { internal: ['view'] });
    assert.deepEqual(me['guests'], { [uid]: ['view', 'operate'], [database]: ['view'] });
    const local = await trial.local.call('meShow');
    assert.equal(local.actor, 'local');
    assert.deepEqual(local.site, ['view', 'operate', 'configure', 'audit', 'administer']);
  });

  test('what a user starts says so in the job', async () => {
    const who = await trial.user('starter', ['operator', 'guest:database']);
    const answer = await trial.ask({ method: 'POST', path: '/v1/guests/database/reboot', json: { force: true }, headers: who });
    assert.equal(answer.status, 202, answer.text);
    assert.equal((JSON.parse(answer.text) as { actor: string }).actor, 'user:starter');
  });
});
