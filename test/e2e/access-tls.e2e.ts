// Signing in over TLS, and over plain HTTP on the machine itself, at one daemon: what a browser is given, and that it counts where it was given.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createClient } from '../../src/api/client.ts';
import { createNodeTransport } from '../../src/api/node-transport.ts';
import { createSimulatedWorld, type SimulatedDaemon, startSimulatedDaemon } from '../../src/daemon/simulate.ts';
import { type Headers, trialPassword } from '../daemon/access-trial.ts';

const name = 'room-1.lab.example';

let folder = '';
let daemon: SimulatedDaemon;
let authority = '';
let securePort = 0;
let plainUrl = '';

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'caisson-access-tls-'));
  daemon = await startSimulatedDaemon({
    world: createSimulatedWorld({ dataDirectory: folder }),
    socketPath: join(folder, 'api.sock'),
    tcp: [
      { host: '0.0.0.0', port: 0 },
      { host: '127.0.0.1', port: 0 },
    ],
    tls: { names: [name] },
    bootMs: 1,
    checkResponses: true,
  });
  const urls = daemon.urls.filter((url) => url.startsWith('http'));
  securePort = Number(new URL(urls[0] ?? '').port);
  plainUrl = urls[1] ?? '';
  authority = await readFile(join(folder, 'tls/ca.pem'), 'utf8');
});

after(async () => {
  await daemon.close();
  await rm(folder, { recursive: true, force: true });
});

interface Answer {
  status: number;
  cookie: string | undefined;
  text: string;
}

function ask(secure: boolean, method: string, path: string, headers: Headers = {}, json?: unknown): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const body = json === undefined ? undefined : JSON.stringify(json);
  const own = secure ? `${name}:${securePort}` : new URL(plainUrl).host;
  const options = {
    host: '127.0.0.1',
    port: secure ? securePort : Number(new URL(plainUrl).port),
    method,
    path,
    agent: false,
    headers: {
      host: own,
      origin: `${secure ? 'https' : 'http'}://${own}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
  };
  const outgoing = secure ? httpsRequest({ ...options, ca: authority, servername: name }) : httpRequest(options);
  outgoing.on('response', (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('error', reject);
    response.on('end', () =>
      resolve({ status: response.statusCode ?? 0, cookie: response.headers['set-cookie']?.[0], text: Buffer.concat(chunks).toString() }),
    );
  });
  outgoing.on('error', reject);
  outgoing.end(body);
  return promise;
}

const pairOf = (cookie: string | undefined): Headers => ({ cookie: cookie?.split(';')[0] ?? '' });
const credentials = { user: 'ada', password: trialPassword };

test('the set-up link leads to an address that others can reach, and makes the first administrator there', async () => {
  const [link = ''] = daemon.setUpLinks;
  assert.match(link, /^https:\/\/(?!0\.0\.0\.0)[\w.-]+:\d+\/#\/set-up\/caisson_setup_[\w-]{43}$/);
  const secret = link.split('/').at(-1) ?? '';
  const answer = await ask(true, 'POST', '/v1/set-up', {}, { secret, ...credentials });
  assert.equal(answer.status, 200, answer.text);
  assert.equal((await ask(true, 'POST', '/v1/set-up', {}, { secret, user: 'eve', password: trialPassword })).status, 409);
});

test('over TLS the cookie is bound to the host and to TLS, and counts', async () => {
  const { cookie } = await ask(true, 'POST', '/v1/login', {}, credentials);
  assert.match(cookie ?? '', /^__Host-caisson-session=caisson_session_[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure$/);
  assert.equal((await ask(true, 'GET', '/v1/me', pairOf(cookie))).status, 200);
  const change = await ask(true, 'PATCH', '/v1/users/ada', pairOf(cookie), { fullName: 'Ada L.' });
  assert.equal(change.status, 200, change.text);
  for (const origin of [`http://${name}:${securePort}`, `https://${name}`, 'https://evil.example'])
    assert.equal((await ask(true, 'PATCH', '/v1/users/ada', { ...pairOf(cookie), origin }, { fullName: 'Eve' })).status, 403, origin);
  const out = await ask(true, 'POST', '/v1/logout', pairOf(cookie), {});
  assert.match(out.cookie ?? '', /^__Host-caisson-session=; Path=\/; HttpOnly; SameSite=Strict; Secure; Max-Age=0$/);
  assert.equal((await ask(true, 'GET', '/v1/me', pairOf(cookie))).status, 401);
});

test('a cookie of one does not count for the other', async () => {
  const secure = pairOf((await ask(true, 'POST', '/v1/login', {}, credentials)).cookie);
  const plain = pairOf((await ask(false, 'POST', '/v1/login', {}, credentials)).cookie);
  assert.equal((await ask(false, 'GET', '/v1/me', plain)).status, 200);
  assert.equal((await ask(false, 'GET', '/v1/me', secure)).status, 401);
  assert.equal((await ask(true, 'GET', '/v1/me', plain)).status, 401);
});

test('a session of a command line, and a token, count over TLS for who knows the authority', async () => {
  const transport = createNodeTransport({ socketPath: join(folder, 'api.sock') });
  const { secret } = await createClient(transport).call('tokenCreate', {
    body: { name: 'far', bindings: [{ role: 'viewer', on: 'site' }] },
  });
  transport.close();
  const far = createNodeTransport({ url: `https://127.0.0.1:${securePort}`, token: secret, authority });
  assert.equal((await createClient(far).call('meShow')).actor, 'token:far');
  far.close();
});
