// The HTTP server on real sockets: what it answers, what it refuses, whom it lets in.
import assert from 'node:assert/strict';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { createClient } from '../../src/api/client.ts';
import type { Endpoint } from '../../src/api/endpoint.ts';
import { endpoints } from '../../src/api/endpoints.ts';
import { createNodeTransport } from '../../src/api/node-transport.ts';
import { PreparedJson } from '../../src/daemon/http/prepared-json.ts';
import { CaissonError } from '../../src/lib/errors.ts';
import { silentLog } from '../../src/lib/log.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import { ask, HttpTrial, problemOf, rawConnection, type Served, sampleToken as token } from '../daemon/http-trial.ts';
import { sampleGuest, sampleJob } from '../daemon/sample-handlers.ts';

let trial: HttpTrial;

before(async () => {
  trial = await HttpTrial.open();
});

after(() => trial.close());

describe('requests', () => {
  test('a list and one object travel through server and client unchanged', async () => {
    const guests = [sampleGuest(0), sampleGuest(1)];
    const site = await trial.serve({
      guestList: () => Promise.resolve(PreparedJson.list(guests.map((guest) => Buffer.from(JSON.stringify(guest))))),
      guestShow: ({ params }) => Promise.resolve(guests.find((guest) => guest.name === params.guest) as never),
    });
    assert.deepEqual(await trial.client(site).call('guestList'), { items: guests });
    assert.deepEqual(await trial.client(site).call('guestShow', { params: { guest: 'guest-1' } }), guests[1]);
  });

  test('an answer that is not as the table says is an error while testing', async () => {
    const site = await trial.serve({ guestShow: () => Promise.resolve({ name: 'web' } as never) });
    await assert.rejects(trial.client(site).call('guestShow', { params: { guest: 'web' } }), { code: 'internal' });
  });

  test('a job is answered with 202 and where to follow it', async () => {
    const job = sampleJob('Start guest web');
    const site = await trial.serve({ guestStart: () => Promise.resolve(job) });
    const answer = await ask(site, { method: 'POST', path: '/v1/guests/web/start' });
    assert.equal(answer.status, 202);
    assert.equal(answer.headers['location'], `/v1/jobs/${job.uid}`);
    assert.deepEqual(JSON.parse(answer.text), job);
  });

  test('a handler gets defaults, the actor and a signal that the end of the client aborts', async () => {
    const { promise: aborted, resolve } = Promise.withResolvers<void>();
    let query: unknown;
    let actor = '';
    const site = await trial.serve({
      jobList: (call) => {
        query = call.query;
        actor = call.actor;
        call.signal.addEventListener('abort', () => resolve());
        return new Promise(() => {});
      },
    });
    const connection = rawConnection(site, 'GET /v1/jobs?limit=7 HTTP/1.1\r\nhost: x\r\n\r\n');
    await waitFor('the handler is called', () => actor, { timeoutMs: 60_000 });
    assert.deepEqual(query, { limit: 7 });
    assert.equal(actor, 'local');
    connection.socket.destroy();
    await aborted;
  });

  test('an error of a handler arrives with its code, its message and those of its causes, and its details', async () => {
    const site = await trial.serve({
      guestStop: () =>
        Promise.reject(
          new CaissonError('not-allowed', 'guest “web” is stopped', {
            details: { power: 'stopped' },
            cause: new Error('it has no process'),
          }),
        ),
    });
    await assert.rejects(trial.client(site).call('guestStop', { params: { guest: 'web' } }), {
      code: 'not-allowed',
      message: 'guest “web” is stopped: it has no process',
      details: { power: 'stopped' },
    });
  });

  test('a defect answers 500 without naming internals, and is logged with its stack', async () => {
    const logged: unknown[] = [];
    const log = { ...silentLog, error: (message: string, fields?: object) => logged.push({ message, ...fields }) };
    const site = await trial.serve({ hostShow: () => Promise.reject(new TypeError('secret of /var/lib')) }, {}, { log });
    const answer = await ask(site, { path: '/v1/host' });
    assert.equal(answer.status, 500);
    assert.doesNotMatch(answer.text, /secret/);
    assert.match((logged[0] as { stack: string }).stack, /TypeError: secret of \/var\/lib\n\s+at /);
  });

  test('who changes something is in the log, who only looks is not', async () => {
    const logged: object[] = [];
    const log = { ...silentLog, info: (message: string, fields?: object) => void (message === 'request' && logged.push(fields ?? {})) };
    const site = await trial.serve({ guestStop: () => Promise.resolve(sampleJob('Stop guest web')) }, {}, { log });
    await ask(site, { path: '/v1/host' });
    await ask(site, { method: 'POST', path: '/v1/guests/web/stop' });
    await waitFor('the request is in the log', () => logged.length > 0, { timeoutMs: 60_000, everyMs: 5 });
    assert.deepEqual(logged, [{ method: 'POST', path: '/v1/guests/web/stop', actor: 'local', status: 202 }]);
  });

  test('every wrong field is named at once, and the handler is not called', async () => {
    const site = await trial.serve({});
    const answer = await ask(site, {
      method: 'POST',
      path: '/v1/guests/web/shutdown',
      headers: { 'content-type': 'application/json' },
      body: '{"timeoutMs":"soon","force":1,"tommorow":true}',
    });
    assert.equal(answer.status, 400);
    assert.match(answer.headers['content-type'] as string, /^application\/problem\+json/);
    const { code, detail } = problemOf(answer);
    assert.equal(code, 'invalid');
    assert.match(detail, /body\.timeoutMs: a number is expected, not “soon”/);
    assert.match(detail, /body\.force: true or false is expected, not 1/);
    assert.match(detail, /body: there is no field “tommorow”/);
  });

  const refused: {
    what: string;
    method?: string;
    path: string;
    headers?: Record<string, string>;
    body?: string;
    status: number;
    says: RegExp;
  }[] = [
    { what: 'an unknown path', path: '/v1/nothing', status: 404, says: /nothing at \/v1\/nothing/ },
    {
      what: 'a method that the path does not know',
      method: 'PUT',
      path: '/v1/guests/web',
      status: 405,
      says: /possible: GET, PATCH, DELETE/,
    },
    { what: 'a query nobody expects', path: '/v1/guests?all=1', status: 400, says: /query: nothing is expected/ },
    { what: 'a query out of its range', path: '/v1/jobs?limit=0', status: 400, says: /query\.limit: at least 1/ },
    { what: 'a parameter given twice', path: '/v1/jobs?limit=1&limit=2', status: 400, says: /query\.limit/ },
    { what: 'an undecodable path', path: '/v1/guests/%zz', status: 400, says: /%zz/ },
    { what: 'a name that is too long', path: `/v1/guests/${'x'.repeat(200)}`, status: 400, says: /path\.guest: at most 63 characters/ },
    {
      what: 'a body that is not JSON',
      method: 'POST',
      path: '/v1/guests/web/stop',
      headers: { 'content-type': 'application/json' },
      body: '{',
      status: 400,
      says: /not JSON/,
    },
    {
      what: 'a form of a web page',
      method: 'POST',
      path: '/v1/guests/web/stop',
      headers: { 'content-type': 'text/plain' },
      body: '{}',
      status: 415,
      says: /application\/json/,
    },
    {
      what: 'a list where an object is expected',
      method: 'POST',
      path: '/v1/guests/web/stop',
      headers: { 'content-type': 'application/json' },
      body: '[]',
      status: 400,
      says: /an object is expected, not a list/,
    },
    { what: 'a body without its object', method: 'PATCH', path: '/v1/guests/web', status: 400, says: /body: an object is missing/ },
    {
      what: 'a prototype in the body',
      method: 'POST',
      path: '/v1/guests/web/stop',
      headers: { 'content-type': 'application/json' },
      body: '{"__proto__":{"a":1}}',
      status: 400,
      says: /__proto__/,
    },
    { what: 'a plain request for a websocket', path: '/v1/guests/web/console', status: 426, says: /websocket/ },
  ];
  for (const { what, status, says, ...request } of refused) {
    test(`${what} is refused with ${status}`, async () => {
      const site = await trial.serve({});
      const answer = await ask(site, request);
      assert.equal(answer.status, status, answer.text);
      assert.match(problemOf(answer).detail, says);
      assert.equal(problemOf(answer).status, status);
    });
  }

  test('a body larger than 8 MiB is refused, one just below is read', async () => {
    const site = await trial.serve({});
    const post = (length: number) =>
      ask(site, {
        method: 'POST',
        path: '/v1/site/plan',
        headers: { 'content-type': 'application/json' },
        body: `{"x":"${'y'.repeat(length)}"}`,
      });
    assert.equal((await post(8 * 1024 * 1024)).status, 413);
    assert.equal((await post(8 * 1024 * 1024 - 100)).status, 400);
  });

  test('headers that are too large and bytes that are no request end the connection with an answer', async () => {
    const site = await trial.serve({});
    const large = rawConnection(site, `GET /v1/host HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`);
    await large.ended;
    assert.match(large.said(), /^HTTP\/1\.1 431 /);
    const noise = rawConnection(site, '\x16\x03\x01 hello\r\n\r\n');
    await noise.ended;
    assert.match(noise.said(), /^HTTP\/1\.1 400 /);
  });

  test('a client that never finishes its request is cut off, and others are served meanwhile', async () => {
    const site = await trial.serve(
      { guestShow: () => Promise.resolve(sampleGuest(0)) },
      {},
      { limits: { headersTimeoutMs: 200, requestTimeoutMs: 300 } },
    );
    const slow = [
      rawConnection(site, 'GET /v1/host HTT'),
      rawConnection(site, 'POST /v1/guests/web/stop HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{'),
    ];
    assert.equal((await trial.client(site).call('guestShow', { params: { guest: 'a' } })).name, 'guest-0');
    await Promise.all(slow.map((connection) => connection.ended));
    for (const connection of slow) assert.match(connection.said(), /^HTTP\/1\.1 408 /);
  });

  test('the API describes itself', async () => {
    const site = await trial.serve({});
    const answer = await ask(site, { path: '/v1/openapi.json' });
    const document = JSON.parse(answer.text) as { openapi: string; paths: Record<string, unknown> };
    assert.match(document.openapi, /^3\.1\./);
    assert.ok(document.paths['/v1/guests/{guest}/console']);
  });

  test('the page is served when it is installed, and says so when not', async () => {
    await writeFile(join(trial.folder, 'index.html'), '<!doctype html><title>Caisson</title>');
    const withPage = await trial.serve({}, {}, { webRoot: trial.folder });
    const answer = await ask(withPage, { path: '/', headers: { host: `localhost:${withPage.address.port}` }, tcp: true });
    assert.equal(answer.status, 200);
    assert.match(String(answer.headers['content-security-policy']), /default-src 'self'/);
    const without = await trial.serve({});
    assert.equal((await ask(without, { path: '/' })).status, 404);
  });
});

describe('every row of the table', () => {
  const rows = Object.entries(endpoints).map(([id, endpoint]): [string, Endpoint] => [id, endpoint]);
  const pathFor = (endpoint: Endpoint) => endpoint.path.replaceAll(/:\w+/g, 'web');
  let site: Served;
  before(async () => {
    site = await trial.serve({});
  });

  for (const [id, endpoint] of rows.filter(([, { access }]) => access !== 'anybody')) {
    test(`${id} wants the token on TCP, and is not called without`, async () => {
      const answer = await ask(site, { method: endpoint.method, path: pathFor(endpoint), tcp: true });
      assert.equal(answer.status, 401);
    });
  }

  test('no body and no query makes an error of our own', async () => {
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.json().map((text) => JSON.parse(text) as unknown),
        fc.dictionary(fieldName, tie('value'), { maxKeys: 5 }),
      ),
    })).value;
    const query = fc.dictionary(fieldName, fc.string({ unit: 'binary' }), { maxKeys: 3 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...rows), value, query, async ([id, endpoint], body, search) => {
        const path = `${pathFor(endpoint)}?${new URLSearchParams(search).toString()}`;
        if (endpoint.stream !== undefined) return;
        const answer = await ask(site, {
          method: endpoint.method,
          path,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        });
        // 422: it came through to the handler, which this test does not have.
        assert.ok([400, 422].includes(answer.status), `${id} answered ${answer.status}: ${answer.text}`);
        assert.ok(Buffer.byteLength(answer.text) < 16_384, `${answer.text.length} characters of problem`);
      }),
      { seed: 1, numRuns: 400 },
    );
  });
});

/** Names that schemas know, and others. */
const fieldName = fc.oneof(
  fc.constantFrom(
    'site',
    'version',
    'zones',
    'guests',
    'flows',
    'images',
    'timezone',
    'prune',
    'force',
    'timeoutMs',
    'limit',
    'after',
    'state',
    'name',
    'source',
    'file',
    '__proto__',
  ),
  fc.string({ unit: 'binary', maxLength: 100 }),
);

describe('who may talk to it', () => {
  let site: Served;
  before(async () => {
    site = await trial.serve({ guestShow: ({ actor }) => Promise.resolve({ ...sampleGuest(0), name: actor }) });
  });

  test('the socket file is open to its owner and group alone', async () => {
    assert.equal((await stat(site.socketPath)).mode & 0o777, 0o660);
  });

  test('on TCP the right token opens, and the actor is known', async () => {
    const client = createClient(trial.transport({ url: site.url, token }));
    assert.equal((await client.call('guestShow', { params: { guest: 'web' } })).name, 'token');
  });

  for (const [what, authorization] of [
    ['no token', undefined],
    ['a wrong token', `Bearer ${'x'.repeat(token.length)}`],
    ['a token cut short', `Bearer ${token.slice(0, -1)}`],
    ['another scheme', `Basic ${token}`],
  ] as const) {
    test(`on TCP ${what} is refused, also for what does not exist`, async () => {
      for (const path of ['/v1/guests/web', '/v1/nothing', '/v1/openapi.json']) {
        const answer = await ask(site, { path, tcp: true, headers: authorization === undefined ? {} : { authorization } });
        assert.equal(answer.status, 401);
        assert.equal(problemOf(answer).code, 'unauthorized');
        assert.equal(answer.headers['www-authenticate'], 'Bearer');
      }
    });
  }

  test('a name that was made to resolve to this machine is refused', async () => {
    for (const host of [
      'evil.example',
      `evil.example:${site.address.port}`,
      '127.0.0.1',
      '127.0.0.1:1',
      `192.0.2.1:${site.address.port}`,
    ]) {
      const answer = await ask(site, { path: '/v1/guests/web', tcp: true, headers: { host, authorization: `Bearer ${token}` } });
      assert.equal(answer.status, 421, host);
    }
  });

  test('a page of another origin is refused, the daemon’s own is not', async () => {
    const from = (origin: string) =>
      ask(site, { path: '/v1/guests/web', tcp: true, headers: { origin, authorization: `Bearer ${token}` } });
    assert.equal((await from('http://evil.example')).status, 403);
    assert.equal((await from(`http://127.0.0.1:${site.address.port}`)).status, 200);
  });

  test('a websocket passes the same gate', async () => {
    const wrong = createNodeTransport({ url: site.url, token: 'wrong' });
    await assert.rejects(wrong.openWebSocket('/v1/guests/web/console'), { code: 'unauthorized' });
    wrong.close();
  });

  test('only addresses of this machine are listened on', async () => {
    await assert.rejects(site.server.listenTcp({ host: '0.0.0.0', port: 0 }, token), { code: 'unsupported', message: /without TLS/ });
    await assert.rejects(site.server.listenTcp({ host: '::', port: 0 }, token), { code: 'unsupported' });
  });

  test('a taken port and a taken socket file are said', async () => {
    await assert.rejects(site.server.listenTcp({ host: '127.0.0.1', port: site.address.port }, token), {
      code: 'conflict',
      message: /taken/,
    });
    const other = await trial.create({});
    await assert.rejects(other.listenUnix(site.socketPath), { code: 'conflict', message: /another daemon/ });
  });
});

describe('the client', () => {
  test('says that no daemon is there', async () => {
    await assert.rejects(createClient(trial.transport({ socketPath: join(trial.folder, 'none.sock') })).call('hostShow'), {
      code: 'unavailable',
      message: /none\.sock does not answer/,
    });
  });

  test('gives up on a daemon that does not answer', async () => {
    const site = await trial.serve({ hostShow: () => new Promise(() => {}) });
    await assert.rejects(createClient(trial.transport({ socketPath: site.socketPath }, { timeoutMs: 100 })).call('hostShow'), {
      code: 'timeout',
    });
  });

  test('is cancelled by its signal', async () => {
    const site = await trial.serve({ hostShow: () => new Promise(() => {}) });
    await assert.rejects(trial.client(site).call('hostShow', undefined, { signal: AbortSignal.timeout(50) }), { code: 'cancelled' });
  });
});
