// Who may call what, over the real HTTP server: every row of the endpoint table × everybody who is not somebody (any more) × every role × one's own
// objects and others'. A request that is let in carries a query that no row knows, so it is refused as `invalid` right after it was
// let in, and nothing happens. What is expected stands here anew and shares nothing with what decides.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Access, Endpoint } from '../../src/api/endpoint.ts';
import { endpoints } from '../../src/api/endpoints.ts';
import { AccessTrial, bearer, expiredSecret, type Headers, privateText, websocketHeaders } from '../daemon/access-trial.ts';

const rows = Object.entries(endpoints).map(([id, endpoint]): [string, Endpoint] => [id, endpoint]);

/** Of each role, anywhere. */
const grants: Record<string, readonly string[]> = {
  viewer: ['view'],
  operator: ['view', 'operate'],
  administrator: ['view', 'operate', 'configure', 'audit', 'administer'],
  auditor: ['view', 'audit'],
};

interface Person {
  role: string;
  on: 'site' | 'external' | 'web';
}

const people: Record<string, Person> = {
  'site-viewer': { role: 'viewer', on: 'site' },
  'site-operator': { role: 'operator', on: 'site' },
  'site-administrator': { role: 'administrator', on: 'site' },
  'site-auditor': { role: 'auditor', on: 'site' },
  'zone-administrator': { role: 'administrator', on: 'external' },
  'zone-operator': { role: 'operator', on: 'external' },
  'guest-viewer': { role: 'viewer', on: 'web' },
  'guest-administrator': { role: 'administrator', on: 'web' },
};

/** What the paths name. `gate` has nics in both zones: a role on one of them is not enough. */
interface Named {
  guest: 'web' | 'database' | 'gate';
  zone: 'external' | 'internal';
  user: 'oneself' | 'another';
  token: 'own' | 'others';
}

const own: Named = { guest: 'web', zone: 'external', user: 'oneself', token: 'own' };
const others: Named = { guest: 'database', zone: 'internal', user: 'another', token: 'others' };
const between: Named = { ...others, guest: 'gate' };

let trial: AccessTrial;
const headers = new Map<string, Headers>();
const jobs = new Map<string, string>();

before(async () => {
  trial = await AccessTrial.open();
  for (const [name, { role, on }] of Object.entries(people)) {
    const scope = { site: 'site', external: 'zone:external', web: 'guest:web' }[on];
    headers.set(name, await trial.user(name, [role as 'viewer', scope]));
    const { authorization = '' } = headers.get(name) ?? {};
    await trial.client(authorization.slice('Bearer '.length)).call('tokenCreate', { body: { name: `of-${name}` } });
  }
  for (const guest of ['web', 'database', 'gate'])
    jobs.set(guest, (await trial.local.call('guestReboot', { params: { guest }, body: { force: true } })).uid);
});

after(() => trial.close());

function pathOf(endpoint: Endpoint, named: Named, asking: string): string {
  const values: Record<string, string> = {
    guest: named.guest,
    name: named.zone,
    job: jobs.get(named.guest) ?? 'jaaaaaaaaaa',
    session: '0123456789ab',
    user: named.user === 'oneself' ? asking : asking === 'site-viewer' ? 'site-auditor' : 'site-viewer',
    token: named.token === 'own' ? `of-${asking}` : asking === 'site-viewer' ? 'of-site-auditor' : 'of-site-viewer',
  };
  return `${endpoint.path.replaceAll(/:(\w+)/g, (_, name: string) => values[name] ?? '')}?of-the-matrix=1`;
}

async function statusOf(endpoint: Endpoint, path: string, given: Headers): Promise<number> {
  const more = endpoint.stream === 'websocket' ? websocketHeaders : {};
  return (await trial.ask({ method: endpoint.method, path, headers: { ...given, ...more } })).status;
}

const letIn = 400;

function expected(access: Access, { role, on }: Person, named: Named): number {
  if (access === 'anybody' || access === 'signed-in') return letIn;
  const has = (permission: string) => grants[role]?.includes(permission) ?? false;
  const reaches = (object: 'guest' | 'zone') =>
    on === 'site' || (object === 'guest' ? named.guest === 'web' : on === 'external' && named.zone === 'external');
  const of = (object: 'guest' | 'zone') => (!reaches(object) || !has('view') ? 404 : has(access.permission) ? letIn : 403);
  switch (access.on) {
    case 'each':
      return letIn;
    case 'site':
      return on === 'site' && has(access.permission) ? letIn : 403;
    case 'user':
      return named.user === 'oneself' || (on === 'site' && has(access.permission)) ? letIn : 403;
    case 'token':
      return named.token === 'own' || (on === 'site' && has(access.permission)) ? letIn : 403;
    case 'guest':
    case 'job':
      return of('guest');
    case 'zone':
      return of('zone');
  }
}

describe('who is nobody, or nobody any more, is refused everything but to sign in', () => {
  const nobodies: [string, () => Promise<Headers>][] = [
    ['shows nothing', () => Promise.resolve({})],
    ['shows a token that nobody has', () => Promise.resolve(bearer(`caisson_token_${'x'.repeat(43)}`))],
    ['shows a token that has ended', () => Promise.resolve(bearer(expiredSecret))],
    [
      'shows a token that was deleted',
      async () => {
        const body = { name: 'revoked', bindings: [{ role: 'administrator' as const, on: 'site' }] };
        const { secret } = await trial.local.call('tokenCreate', { body });
        await trial.local.call('tokenDelete', { params: { token: 'revoked' } });
        return bearer(secret);
      },
    ],
    [
      'has signed out',
      async () => {
        const token = await trial.signIn('site-administrator');
        await trial.client(token).call('logout');
        return bearer(token);
      },
    ],
    [
      'was disabled',
      async () => {
        const signedIn = await trial.user('disabled', ['administrator', 'site']);
        await trial.local.call('userSet', { params: { user: 'disabled' }, body: { enabled: false } });
        return signedIn;
      },
    ],
    [
      'was deleted',
      async () => {
        const signedIn = await trial.user('deleted', ['administrator', 'site']);
        await trial.local.call('userDelete', { params: { user: 'deleted' } });
        return signedIn;
      },
    ],
    ['shows the token of the file, since there are users', () => Promise.resolve(bearer('simulated-token-0123456789-abcdefgh'))],
    [
      'has a cookie that was signed out',
      async () => {
        const cookie = await trial.cookie('site-administrator');
        await trial.ask({ method: 'POST', path: '/v1/logout', headers: { ...cookie, ...trial.ownPage } });
        return { ...cookie, ...trial.ownPage };
      },
    ],
  ];
  for (const [what, make] of nobodies) {
    test(`who ${what}`, async () => {
      const given = await make();
      const wrong: string[] = [];
      for (const [id, endpoint] of rows) {
        const status = await statusOf(endpoint, pathOf(endpoint, own, 'site-administrator'), given);
        // Secrets that nobody has are counted: from some number on the answer is to wait.
        const isRefused = status === 401 || (status === 429 && given['authorization'] !== undefined);
        if (endpoint.access === 'anybody' ? status !== letIn : !isRefused) wrong.push(`${id}: ${status}`);
      }
      // What is no row: its description, and what does not exist.
      for (const path of ['/v1/openapi.json', '/v1/nothing', '/v1', '/v1/guests/']) {
        const { status } = await trial.ask({ path, headers: given });
        if (status !== 401 && status !== 429) wrong.push(`${path}: ${status}`);
      }
      assert.deepEqual(wrong, []);
    });
  }
});

describe('each role may what it grants on what it is bound to, and nothing else', () => {
  for (const [name, person] of Object.entries(people)) {
    for (const [which, named] of [
      ['its own objects', own],
      ['others’ objects', others],
      ['a guest between two zones', between],
    ] as const) {
      test(`${name} and ${which}`, async () => {
        const wrong: string[] = [];
        for (const [id, endpoint] of rows) {
          const status = await statusOf(endpoint, pathOf(endpoint, named, name), headers.get(name) ?? {});
          const wanted = expected(endpoint.access, person, named);
          if (status !== wanted) wrong.push(`${id}: ${status}, expected ${wanted}`);
        }
        assert.deepEqual(wrong, []);
      });
    }
  }

  test('a user without a role signs in, and sees nothing', async () => {
    const given = await trial.user('nobody');
    for (const path of ['/v1/guests', '/v1/zones', '/v1/flows', '/v1/jobs', '/v1/events', '/v1/stats', '/v1/tokens']) {
      const answer = await trial.ask({ path, headers: given });
      assert.equal(answer.status, 200, path);
      assert.deepEqual(JSON.parse(answer.text), { items: [] }, path);
    }
  });

  test('what one may not see is as if it did not exist: the answer is the same as for a name that nobody has', async () => {
    const given = headers.get('guest-viewer') ?? {};
    for (const [hidden, missing] of [
      ['/v1/guests/database', '/v1/guests/nothing1'],
      ['/v1/zones/internal', '/v1/zones/nothing1'],
    ] as const) {
      const [one, two] = [await trial.ask({ path: hidden, headers: given }), await trial.ask({ path: missing, headers: given })];
      const generic = (text: string) => text.replaceAll(/database|internal|nothing1/g, 'NAME');
      assert.equal(one.status, two.status);
      assert.equal(generic(one.text), generic(two.text));
    }
  });
});

describe('texts in which people keep passwords', () => {
  const paths = ['/v1/site', '/v1/guests', '/v1/guests/web', '/v1/guests/web/wait?for=ready'];
  for (const [who, reads] of [
    ['site-viewer', []],
    ['site-operator', []],
    ['site-auditor', []],
    ['zone-operator', []],
    ['guest-viewer', []],
    ['zone-administrator', paths.slice(1)],
    ['guest-administrator', paths.slice(1)],
    ['site-administrator', paths],
  ] as const)
    test(`${who} reads them in ${reads.length === 0 ? 'nothing' : reads.join(', ')}`, async () => {
      const found: string[] = [];
      for (const path of [...paths, '/v1/images', '/v1/jobs', '/v1/events?limit=1000']) {
        const answer = await trial.ask({ path, headers: headers.get(who) ?? {} });
        assert.ok([200, 403].includes(answer.status), `${path}: ${answer.status} ${answer.text}`);
        if (answer.text.includes(privateText)) found.push(path);
        // A digest of them would confirm a guess.
        else assert.equal(answer.headers['etag'], undefined, path);
      }
      assert.deepEqual(found, reads);
    });
});

describe('lists hold what one may see', () => {
  const namesIn = async (who: string, path: string): Promise<string[]> => {
    const answer = await trial.ask({ path, headers: headers.get(who) ?? {} });
    assert.equal(answer.status, 200, answer.text);
    return (JSON.parse(answer.text) as { items: { name: string }[] }).items.map(({ name }) => name);
  };

  test('guests and zones', async () => {
    assert.deepEqual(await namesIn('site-viewer', '/v1/guests'), ['database', 'gate', 'web']);
    assert.deepEqual(await namesIn('zone-operator', '/v1/guests'), ['web']);
    assert.deepEqual(await namesIn('guest-viewer', '/v1/guests'), ['web']);
    assert.deepEqual(await namesIn('zone-operator', '/v1/stats'), ['web']);
    assert.deepEqual(await namesIn('zone-operator', '/v1/advice'), ['web']);
    assert.deepEqual(await namesIn('zone-operator', '/v1/zones'), ['external']);
    assert.deepEqual(await namesIn('guest-viewer', '/v1/zones'), []);
  });

  test('flows whose guests are all to be seen', async () => {
    const flowsOf = async (who: string) =>
      (
        JSON.parse((await trial.ask({ path: '/v1/flows', headers: headers.get(who) ?? {} })).text) as { items: { from: string }[] }
      ).items.map(({ from }) => from);
    assert.deepEqual(await flowsOf('site-viewer'), ['world', 'web']);
    assert.deepEqual(await flowsOf('guest-viewer'), ['world']);
  });

  test('jobs, events and tokens', async () => {
    const itemsOf = async <T>(who: string, path: string) =>
      (JSON.parse((await trial.ask({ path, headers: headers.get(who) ?? {} })).text) as { items: T[] }).items;
    const { uid } = await trial.local.call('guestShow', { params: { guest: 'web' } });
    const jobObjects = (await itemsOf<{ objects: string[] }>('zone-operator', '/v1/jobs')).flatMap(({ objects }) => objects);
    assert.deepEqual([...new Set(jobObjects)], [`guest/${uid}`]);
    const eventObjects = (await itemsOf<{ object?: string }>('guest-viewer', '/v1/events?limit=1000')).map(({ object }) => object);
    assert.deepEqual([...new Set(eventObjects)], [`guest/${uid}`]);
    // Who signs in and what becomes of users is for those who audit.
    const kinds = async (who: string) => (await itemsOf<{ kind: string }>(who, '/v1/events?limit=1000')).map(({ kind }) => kind);
    assert.ok((await kinds('site-auditor')).includes('user-created'));
    assert.ok(!(await kinds('site-viewer')).includes('user-created'));
    assert.deepEqual(await namesIn('zone-administrator', '/v1/tokens'), ['of-zone-administrator']);
    assert.ok((await namesIn('site-auditor', '/v1/tokens')).includes('of-zone-administrator'));
  });

  test('a stream of events too', async () => {
    const token = (headers.get('guest-viewer')?.['authorization'] ?? '').slice('Bearer '.length);
    const { uid } = await trial.local.call('guestShow', { params: { guest: 'web' } });
    const seen: unknown[] = [];
    const ended = new AbortController();
    const reading = (async () => {
      for await (const event of trial.client(token).stream('eventFollow', { query: { after: 0 } }, { signal: ended.signal })) {
        seen.push((event as { object?: string }).object);
        if ((event as { kind: string }).kind === 'guest-paused') return;
      }
    })();
    for (const guest of ['database', 'web'])
      await trial.daemon.engine.jobs.wait((await trial.local.call('guestPause', { params: { guest } })).uid);
    await reading;
    assert.deepEqual([...new Set(seen)], [`guest/${uid}`]);
    ended.abort();
    for (const guest of ['database', 'web'])
      await trial.daemon.engine.jobs.wait((await trial.local.call('guestResume', { params: { guest } })).uid);
  });
});
