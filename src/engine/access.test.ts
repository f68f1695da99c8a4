// Users, sessions, tokens and tickets over both stores: what lets somebody in, what does not, and what takes it back.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createFakeIdentityProvider } from '../drivers/fake/identity-provider.ts';
import { FakeClock } from '../lib/clock.ts';
import { fromBase32 } from '../lib/base32.ts';
import { silentLog } from '../lib/log.ts';
import { hashWork, PasswordHashes } from '../lib/password-hash.ts';
import { digestOf } from '../lib/secret.ts';
import { totpCode, totpStep } from '../lib/totp.ts';
import { type Caller, callerMay, localCaller, tokenFileCaller } from '../model/caller.ts';
import { MemoryJournal } from '../store/memory/memory-journal.ts';
import { MemoryStore } from '../store/memory/memory-store.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';
import type { Store } from '../store/store.ts';
import { Access } from './access.ts';
import { Accounts } from './accounts.ts';
import { createEvents, type Events } from './events.ts';

const password = 'four words of this test';
/** Nothing here is about how hard they are to guess. */
const weakPasswords = new PasswordHashes({ memory: 64, passes: 1, parallelism: 1 });
const address = '192.0.2.7';
const scopesWithout = (gone: ReadonlySet<string>) => ({
  siteName: () => 'lab',
  guest: (name: string) =>
    (name === 'web' || name === 'gaaaaaaaaaa') && !gone.has('gaaaaaaaaaa') ? { uid: 'gaaaaaaaaaa', name: 'web' } : undefined,
  hasZone: (name: string) => name === 'external' && !gone.has('external'),
});

interface Opened {
  access: Access;
  clock: FakeClock;
  events: Events;
  /** Of the guest `web`, by its uid, and the zone `external`: what is not there any more. */
  gone: Set<string>;
  store: Store;
  /** As after another start. */
  again: () => Promise<Access>;
}

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'caisson-test-'));
});
after(() => rm(folder, { recursive: true, force: true }));

let count = 0;
const stores: [string, () => Promise<Store>][] = [
  ['memory', () => Promise.resolve(new MemoryStore({ clock: new FakeClock() }))],
  ['sqlite', () => openSqliteStore({ path: join(folder, `${++count}.sqlite`), expectExisting: false })],
];

for (const [storeName, openStore] of stores) {
  const using = (work: (opened: Opened) => Promise<void>) => async () => {
    const store = await openStore();
    const clock = new FakeClock();
    const events = createEvents({ journal: new MemoryJournal(), clock, log: silentLog });
    const gone = new Set<string>();
    const scopes = scopesWithout(gone);
    const open = async () =>
      new Access({
        accounts: await Accounts.open(store, silentLog),
        clock,
        events,
        scopes,
        identityProvider: createFakeIdentityProvider(),
        passwords: weakPasswords,
        store,
      });
    try {
      await work({ access: await open(), clock, events, gone, store, again: open });
    } finally {
      await events.close();
      await store.close();
    }
  };

  describe(`access over ${storeName}`, () => {
    test(
      'who has the password is let in, and is known by the session until it is ended',
      using(async ({ access, again }) => {
        await access.users.add({ name: 'ada', password, bindings: [{ role: 'operator', on: 'guest:web' }] }, 'local');
        const { secret, signedIn } = await access.signIn.signIn({ user: 'ada', password, kind: 'cookie', address, program: 'a browser' });
        assert.equal(signedIn.token, undefined);
        const caller = access.identify({ cookie: secret }, address);
        assert.equal(caller?.actor, 'user:ada');
        assert.deepEqual(caller?.rights, [[{ role: 'operator', on: 'guest:gaaaaaaaaaa' }]]);
        // A secret counts as what it was made for alone.
        assert.equal(access.identify({ bearer: secret }, address), undefined);
        const later = await again();
        assert.equal(later.identify({ cookie: secret }, address)?.user, 'ada');
        await access.signIn.signOut(caller?.session ?? '');
        assert.equal(access.identify({ cookie: secret }, address), undefined);
        assert.equal((await again()).identify({ cookie: secret }, address), undefined);
      }),
    );

    test(
      'a wrong password, an unknown user, a disabled one and one without a password get the same answer',
      using(async ({ access }) => {
        await access.users.add({ name: 'ada', password, bindings: [] }, 'local');
        await access.users.add({ name: 'new', bindings: [] }, 'local');
        await access.users.add({ name: 'off', password, bindings: [] }, 'local');
        await access.users.set('off', { enabled: false }, 'local');
        for (const [user, tried] of [
          ['ada', `${password}.`],
          ['nobody', password],
          ['off', password],
          ['new', ''],
          ['Ada', password],
          ['ada ', password],
          ['\u0430da', password], // a Cyrillic a
          ['ada', `${password}\0`],
          ['__proto__', password],
        ] as const)
          await assert.rejects(
            access.signIn.signIn({ user, password: tried, kind: 'cookie', address: `${user}-${tried.length}`, program: '' }),
            { code: 'unauthorized', message: 'no user has this name and password' },
            user,
          );
      }),
    );

    test(
      'an unknown user costs exactly the hash work of a known one, whatever is wrong',
      using(async ({ access }) => {
        await access.users.add({ name: 'ada', password, bindings: [] }, 'local');
        await access.users.add({ name: 'new', bindings: [] }, 'local');
        await access.users.add({ name: 'off', password, bindings: [] }, 'local');
        await access.users.set('off', { enabled: false }, 'local');
        const workOf = async (user: string, tried: string): Promise<unknown[]> => {
          const work: unknown[] = [];
          const note = (done: unknown) => work.push(done);
          hashWork.subscribe(note);
          try {
            await access.signIn.signIn({ user, password: tried, kind: 'cookie', address, program: '' }).catch(() => undefined);
          } finally {
            hashWork.unsubscribe(note);
          }
          return work;
        };
        const right = await workOf('ada', password);
        assert.equal(right.length, 1);
        for (const [user, tried] of [
          ['ada', 'wrong words of this test'],
          ['ada', ''],
          ['nobody', password],
          ['nobody', ''],
          ['new', password],
          ['off', password],
          ['off', 'wrong words of this test'],
          ['no name at all', password],
        ] as const)
          assert.deepEqual(await workOf(user, tried), right, `${user} with “${tried}”`);
      }),
    );

    test(
      'after ten wrong tries from one address even the right password has to wait, elsewhere it does not',
      using(async ({ access, clock }) => {
        await access.users.add({ name: 'ada', password, bindings: [] }, 'local');
        const attempt = (tried: string, from = address) =>
          access.signIn.signIn({ user: 'ada', password: tried, kind: 'cookie', address: from, program: '' });
        for (let tried = 0; tried < 10; tried++) await assert.rejects(attempt(`wrong password ${tried}`), { code: 'unauthorized' });
        await assert.rejects(attempt(password), { code: 'too-many', details: { retryAfterSeconds: 30 } });
        assert.equal((await attempt(password, '192.0.2.8')).signedIn.user, 'ada');
        await clock.advance(30_000);
        assert.equal((await attempt(password)).signedIn.user, 'ada');
      }),
    );

    test(
      'the addresses of one IPv6 network count as one, those of another do not',
      using(async ({ access }) => {
        await access.users.add({ name: 'ada', password, bindings: [] }, 'local');
        const attempt = (tried: string, from: string) =>
          access.signIn.signIn({ user: 'ada', password: tried, kind: 'cookie', address: from, program: '' });
        for (let tried = 0; tried < 10; tried++) await assert.rejects(attempt('wrong', `2001:db8:0:1::${tried}`), { code: 'unauthorized' });
        await assert.rejects(attempt(password, '2001:db8:0:1:ffff::1'), { code: 'too-many' });
        assert.equal((await attempt(password, '2001:db8:0:2::1')).signedIn.user, 'ada');
        assert.equal((await attempt(password, 'fe80::1%eth0')).signedIn.user, 'ada');
      }),
    );

    test(
      'a session ends when it is not used, and at the latest after its life, used or not',
      using(async ({ access, clock }) => {
        await access.users.add({ name: 'ada', password, bindings: [] }, 'local');
        const begin = () => access.signIn.signIn({ user: 'ada', password, kind: 'cookie', address, program: '' });
        const idle = await begin();
        await clock.advance(3_599_000);
        assert.ok(access.identify({ cookie: idle.secret }, address));
        await clock.advance(3_600_000);
        assert.equal(access.identify({ cookie: idle.secret }, address), undefined);
        const used = await begin();
        for (let hour = 0; hour < 23; hour++) {
          await clock.advance(1_800_000);
          assert.ok(access.identify({ cookie: used.secret }, address), `after ${hour + 1} half hours`);
        }
        await clock.advance(1_800_000);
        assert.equal(access.identify({ cookie: used.secret }, address), undefined);
        await access.sweep();
        assert.deepEqual(access.signIn.sessionsOf('ada', undefined), []);
      }),
    );

    test(
      'what takes rights away is told at once, and the caller then has what is left',
      using(async ({ access }) => {
        await access.users.add({ name: 'ada', password, bindings: [{ role: 'operator', on: 'site' }] }, 'local');
        const { secret } = await access.signIn.signIn({ user: 'ada', password, kind: 'token', address, program: '' });
        const caller = access.identify({ bearer: secret }, address) as Caller;
        let told = 0;
        access.onChange(() => told++);
        await access.users.set('ada', { bindings: [{ role: 'viewer', on: 'zone:external' }] }, 'local');
        assert.equal(told, 1);
        assert.deepEqual(access.current(caller)?.rights, [[{ role: 'viewer', on: 'zone:external' }]]);
        await access.users.set('ada', { enabled: false }, 'local');
        assert.equal(access.current(caller), undefined);
        await access.users.set('ada', { enabled: true }, 'local');
        // Its sessions ended with it.
        assert.equal(access.current(caller), undefined);
      }),
    );

    test(
      'a new password ends every other session, and one’s own needs the one before',
      using(async ({ access }) => {
        await access.users.add({ name: 'ada', password, bindings: [] }, 'local');
        const begin = () => access.signIn.signIn({ user: 'ada', password, kind: 'token', address, program: '' });
        const [one, two] = [await begin(), await begin()];
        const own = access.identify({ bearer: one.secret }, address) as Caller;
        const next = { password: 'another four words' };
        await assert.rejects(access.users.setPassword('ada', next, own, address), { code: 'unauthorized' });
        await assert.rejects(access.users.setPassword('ada', { ...next, currentPassword: 'x' }, own, address), { code: 'unauthorized' });
        await access.users.setPassword('ada', { ...next, currentPassword: password }, own, address);
        assert.ok(access.identify({ bearer: one.secret }, address));
        assert.equal(access.identify({ bearer: two.secret }, address), undefined);
        await assert.rejects(begin(), { code: 'unauthorized' });
      }),
    );

    test(
      'a password that is replaced, or a user who is disabled, while somebody signs in opens nothing that stays',
      using(async ({ access }) => {
        const next = 'wholly other words';
        for (const take of [
          () => access.users.setPassword('ada', { password: next }, localCaller, address),
          () => access.users.set('ada', { enabled: false }, 'local'),
          () => access.users.delete('ada', 'local'),
        ]) {
          await access.users.add({ name: 'ada', password, bindings: [] }, 'local');
          const signingIn = access.signIn.signIn({ user: 'ada', password, kind: 'token', address, program: '' });
          await Promise.all([signingIn.catch(() => undefined), take()]);
          const left = await signingIn.catch(() => undefined);
          if (left) assert.equal(access.identify({ bearer: left.secret }, address), undefined);
          if (access.users.list().length > 0) await access.users.delete('ada', 'local');
        }
      }),
    );

    test(
      'one session is ended by its name, at once and for good; the others go on, and so do those of others',
      using(async ({ access, again }) => {
        const begin = async (user: string) => (await access.signIn.signIn({ user, password, kind: 'token', address, program: 'a' })).secret;
        for (const name of ['ada', 'eve']) await access.users.add({ name, password, bindings: [] }, 'local');
        const [one, two, ofEve] = [await begin('ada'), await begin('ada'), await begin('eve')];
        const caller = access.identify({ bearer: one }, address) as Caller;
        const other = access.signIn.sessionsOf('ada', caller.session).find(({ own }) => !own);
        assert.deepEqual(other?.id, digestOf(two).slice(0, 12));
        await assert.rejects(access.users.endSession('eve', other?.id ?? '', localCaller), { code: 'not-found' });
        await assert.rejects(access.users.endSession('ada', digestOf(ofEve).slice(0, 12), caller), { code: 'not-found' });
        let told = 0;
        access.onChange(() => told++);
        assert.equal((await access.users.endSession('ada', other?.id ?? '', caller)).address, address);
        assert.equal(told, 1);
        await assert.rejects(access.users.endSession('ada', other?.id ?? '', caller), { code: 'not-found' });
        for (const each of [access, await again()]) {
          assert.equal(each.identify({ bearer: two }, address), undefined);
          assert.equal(each.identify({ bearer: one }, address)?.user, 'ada');
          assert.equal(each.identify({ bearer: ofEve }, address)?.user, 'eve');
        }
      }),
    );

    test(
      'more than twenty sessions of one user: the one that was not used for longest gives way',
      using(async ({ access, clock }) => {
        await access.users.add({ name: 'ada', password, bindings: [] }, 'local');
        const secrets: string[] = [];
        for (let count = 0; count < 21; count++) {
          secrets.push((await access.signIn.signIn({ user: 'ada', password, kind: 'token', address, program: '' })).secret);
          await clock.advance(1000);
        }
        assert.equal(access.identify({ bearer: secrets[0] }, address), undefined);
        assert.ok(secrets.slice(1).every((secret) => access.identify({ bearer: secret }, address)));
      }),
    );

    test(
      'a second factor counts once it is confirmed; a code counts once, a recovery code once',
      using(async ({ access, clock }) => {
        await access.users.add({ name: 'ada', password, bindings: [] }, 'local');
        const signIn = (code?: string) => access.signIn.signIn({ user: 'ada', password, code, kind: 'cookie', address, program: '' });
        const begun = await access.users.beginSecondFactor('ada', undefined, localCaller, address);
        assert.match(begun.uri, /^otpauth:\/\/totp\/Caisson%20lab:ada\?secret=[A-Z2-7]{32}&/);
        assert.equal((await signIn()).signedIn.user, 'ada');
        const secret = fromBase32(begun.secret) as Uint8Array;
        const code = () => totpCode(secret, totpStep(clock.now()));
        await assert.rejects(access.users.confirmSecondFactor('ada', '000000', localCaller), { code: 'invalid' });
        const first = code();
        const { recoveryCodes } = await access.users.confirmSecondFactor('ada', first, localCaller);
        assert.equal(new Set(recoveryCodes).size, 10);
        const needed = { code: 'unauthorized', details: { secondFactor: 'required' } };
        await assert.rejects(signIn(), needed);
        await assert.rejects(signIn(first), needed);
        await clock.advance(30_000);
        const results = await Promise.allSettled([signIn(code()), signIn(code())]);
        assert.deepEqual(results.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
        assert.equal((await signIn(recoveryCodes[3])).signedIn.user, 'ada');
        await assert.rejects(signIn(recoveryCodes[3]), needed);
        assert.equal(access.users.get('ada').recoveryCodesLeft, 9);
        await access.users.removeSecondFactor('ada', undefined, localCaller, address);
        assert.equal((await signIn()).signedIn.user, 'ada');
      }),
    );

    test(
      'whoever has the password cannot try codes for long',
      using(async ({ access, clock }) => {
        await access.users.add({ name: 'ada', password, bindings: [] }, 'local');
        const begun = await access.users.beginSecondFactor('ada', undefined, localCaller, address);
        const code = totpCode(fromBase32(begun.secret) as Uint8Array, totpStep(clock.now()));
        await access.users.confirmSecondFactor('ada', code, localCaller);
        const attempt = (from: number) =>
          access.signIn.signIn({ user: 'ada', password, code: '12345x', kind: 'cookie', address: `192.0.2.${from}`, program: '' });
        for (let from = 0; from < 5; from++) await assert.rejects(attempt(from), { code: 'unauthorized' });
        await assert.rejects(attempt(6), { code: 'too-many', details: { retryAfterSeconds: 300 } });
      }),
    );

    test(
      'a user who asks without end is told to wait, others are not, and neither is a right token beside many wrong ones',
      using(async ({ access, clock }) => {
        const tokenOf = async (name: string) => {
          await access.users.add({ name, password, bindings: [] }, 'local');
          return (await access.signIn.signIn({ user: name, password, kind: 'token', address, program: '' })).secret;
        };
        const [ada, bob] = [await tokenOf('ada'), await tokenOf('bob')];
        for (let count = 0; count < 2000; count++) access.identify({ bearer: ada }, address);
        assert.throws(() => access.identify({ bearer: ada }, address), { code: 'too-many', details: { retryAfterSeconds: 1 } });
        assert.equal(access.identify({ bearer: bob }, address)?.user, 'bob');
        for (let count = 0; count < 50; count++) assert.equal(access.identify({ bearer: 'caisson_token_x' }, address), undefined);
        assert.throws(() => access.identify({ bearer: 'caisson_token_x' }, address), { code: 'too-many' });
        assert.equal(access.identify({ bearer: bob }, address)?.user, 'bob');
        assert.equal(access.identify({ bearer: 'caisson_token_x' }, '192.0.2.8'), undefined);
        await clock.advance(1000);
        assert.equal(access.identify({ bearer: ada }, address)?.user, 'ada');
      }),
    );

    test(
      'a token may what it was made for and its user still may, until it ends',
      using(async ({ access, clock, again }) => {
        await access.users.add({ name: 'ada', password, bindings: [{ role: 'operator', on: 'site' }] }, 'local');
        const { secret: session } = await access.signIn.signIn({ user: 'ada', password, kind: 'token', address, program: '' });
        const ada = access.identify({ bearer: session }, address) as Caller;
        // More than the user may: it is written, and does not count.
        const made = await access.tokens.create({ name: 'deploy', bindings: [{ role: 'administrator', on: 'site' }], days: 2 }, ada);
        assert.equal(made.token.owner, 'ada');
        const token = access.identify({ bearer: made.secret }, address) as Caller;
        assert.equal(token.actor, 'token:deploy');
        assert.equal(callerMay(token, 'operate', { kind: 'site' }), true);
        assert.equal(callerMay(token, 'configure', { kind: 'site' }), false);
        await assert.rejects(access.tokens.create({ name: 'more' }, token), { code: 'forbidden' });
        await access.users.set('ada', { bindings: [{ role: 'viewer', on: 'site' }] }, 'local');
        assert.equal(callerMay(access.current(token) as Caller, 'operate', { kind: 'site' }), false);
        assert.ok((await again()).identify({ bearer: made.secret }, address));
        let told = 0;
        access.onChange(() => told++);
        await clock.advance(2 * 86_400_000);
        assert.equal(access.identify({ bearer: made.secret }, address), undefined);
        assert.equal(access.current(token), undefined);
        await access.sweep();
        assert.ok(told > 0);
        assert.deepEqual(
          access.tokens.list().map(({ name, expired }) => [name, expired]),
          [['deploy', true]],
        );
      }),
    );

    test(
      'a user takes sessions and tokens along; a deleted token is nobody at once',
      using(async ({ access, again }) => {
        await access.users.add({ name: 'ada', password, bindings: [{ role: 'viewer', on: 'site' }] }, 'local');
        const { secret } = await access.signIn.signIn({ user: 'ada', password, kind: 'token', address, program: '' });
        const ada = access.identify({ bearer: secret }, address) as Caller;
        const [kept, deleted] = [await access.tokens.create({ name: 'kept' }, ada), await access.tokens.create({ name: 'gone' }, ada)];
        await access.tokens.delete('gone', ada);
        assert.equal(access.identify({ bearer: deleted.secret }, address), undefined);
        await access.users.delete('ada', 'local');
        assert.equal(access.identify({ bearer: kept.secret }, address), undefined);
        assert.equal(access.identify({ bearer: secret }, address), undefined);
        const later = await again();
        assert.deepEqual([later.users.list(), later.tokens.list()], [[], []]);
      }),
    );

    test(
      'whoever gets the name of a user of before inherits nothing, even when the daemon died while it deleted them',
      using(async ({ access, again, store }) => {
        await access.users.add({ name: 'ada', password, bindings: [{ role: 'administrator', on: 'site' }] }, 'local');
        const { secret } = await access.signIn.signIn({ user: 'ada', password, kind: 'token', address, program: '' });
        const token = await access.tokens.create({ name: 'deploy' }, access.identify({ bearer: secret }, address) as Caller);
        await store.delete('user/ada', { expected: 'any' });
        const next = await again();
        assert.equal(next.identify({ bearer: token.secret }, address), undefined);
        await next.users.add({ name: 'ada', password: 'wholly other words', bindings: [{ role: 'administrator', on: 'site' }] }, 'local');
        for (const left of [secret, token.secret]) assert.equal(next.identify({ bearer: left }, address), undefined);
        assert.deepEqual(next.tokens.list(), []);
      }),
    );

    test(
      'the set-up link makes one administrator, once, and ends what the token file may',
      using(async ({ access, clock, again }) => {
        assert.equal(access.users.needsFirstSetUp, true);
        assert.equal(access.tokenFile(), tokenFileCaller);
        const old = await access.users.newSetUpSecret();
        const link = await access.users.newSetUpSecret();
        assert.equal(access.users.needsFirstSetUp, false);
        const use = (secret: string, name = 'ada') => access.users.setUp({ secret, name, password });
        await assert.rejects(use(old.secret), { code: 'unauthorized' });
        await assert.rejects(access.users.setUp({ secret: link.secret, name: 'ada', password: 'short' }), { code: 'invalid' });
        const results = await Promise.allSettled([use(link.secret, 'ada'), use(link.secret, 'eve')]);
        assert.deepEqual(
          results.map(({ status }) => status),
          ['fulfilled', 'rejected'],
        );
        await assert.rejects(use(link.secret, 'eve'), { code: 'not-allowed' });
        await assert.rejects(access.users.newSetUpSecret(), { code: 'not-allowed' });
        assert.deepEqual(access.users.get('ada').bindings, [{ role: 'administrator', on: 'site' }]);
        assert.throws(() => access.tokenFile(), { code: 'unauthorized' });
        assert.equal(access.current(tokenFileCaller), undefined);
        // Once used, never again: not even when the user is gone.
        await access.users.delete('ada', 'local');
        await assert.rejects(use(link.secret), { code: 'unauthorized' });
        const later = await again();
        await assert.rejects(later.users.setUp({ secret: link.secret, name: 'ada', password }), { code: 'unauthorized' });
        const last = await later.users.newSetUpSecret();
        await clock.advance(24 * 3_600_000);
        await assert.rejects(later.users.setUp({ secret: last.secret, name: 'ada', password }), { code: 'unauthorized' });
      }),
    );

    test(
      'the last who administers the site stays one, unless the host’s administrator says so',
      using(async ({ access }) => {
        const bindings = [{ role: 'administrator' as const, on: 'site' }];
        await access.users.add({ name: 'ada', password, bindings }, 'local');
        await access.users.add({ name: 'bob', bindings }, 'local'); // no password: cannot sign in
        const last = { code: 'not-allowed', message: /last who can administer/ };
        await assert.rejects(access.users.set('ada', { enabled: false }, 'user:ada'), last);
        await assert.rejects(access.users.set('ada', { bindings: [] }, 'user:ada'), last);
        await assert.rejects(access.users.delete('ada', 'user:ada'), last);
        await access.users.set('ada', { fullName: 'Ada L.' }, 'user:ada');
        await access.users.delete('ada', 'local');
      }),
    );

    test(
      'a role on what is gone by now stays as it is while others are given and taken, and events say what it was on',
      using(async ({ access, events, gone }) => {
        const bindings = [
          { role: 'viewer' as const, on: 'guest:web' },
          { role: 'viewer' as const, on: 'zone:external' },
        ];
        const { bindings: before } = await access.users.add({ name: 'ada', bindings }, 'local');
        gone.add('gaaaaaaaaaa').add('external');
        const more = await access.users.set('ada', { bindings: [...before, { role: 'auditor', on: 'site' }] }, 'local');
        assert.deepEqual(more.bindings, [...before, { role: 'auditor', on: 'site' }]);
        await assert.rejects(access.users.set('ada', { bindings: [{ role: 'viewer', on: 'guest:web' }] }, 'local'), { code: 'not-found' });
        assert.deepEqual(
          (await events.list({ limit: 10 })).map(({ message }) => message),
          [
            'user ada was made: viewer on guest:web, viewer on zone:external',
            'user ada was changed: viewer on guest:gaaaaaaaaaa (deleted), viewer on zone:external, auditor on site',
          ],
        );
      }),
    );

    test(
      'what cannot be a user, a password or a role is refused, and nothing is made',
      using(async ({ access }) => {
        const add = (name: string, given: object = {}) => access.users.add({ name, bindings: [], ...given }, 'local');
        for (const name of ['', 'Ada', 'a b', 'a..b', '-a', 'a/b', 'ada\n', 'аda', 'constructor', 'x'.repeat(64), 'user:ada'])
          await assert.rejects(add(name), { code: 'invalid' }, name);
        for (const short of ['elevenchars', 'aaaaaaaaaaaaaaaa', 'two\nlines of words', 'adaadaadaada'])
          await assert.rejects(add('ada', { password: short }), { code: 'invalid' }, short);
        await assert.rejects(add('ada', { fullName: 'a\u202eb' }), { code: 'invalid' });
        for (const [on, code] of [
          ['guest:nobody', 'not-found'],
          ['zone:nowhere', 'not-found'],
          ['everything', 'invalid'],
          ['zone:', 'invalid'],
        ] as const)
          await assert.rejects(add('ada', { bindings: [{ role: 'viewer', on }] }), { code }, on);
        assert.deepEqual(access.users.list(), []);
        await add('ada');
        await assert.rejects(add('ada'), { code: 'conflict' });
      }),
    );

    test(
      'a ticket opens one console once, in its time, for the session that asked',
      using(async ({ access, clock }) => {
        await access.users.add({ name: 'ada', password, bindings: [{ role: 'operator', on: 'site' }] }, 'local');
        const begin = async () => {
          const { secret } = await access.signIn.signIn({ user: 'ada', password, kind: 'cookie', address, program: '' });
          return access.identify({ cookie: secret }, address) as Caller;
        };
        const [own, other] = [await begin(), await begin()];
        const wanted = { guest: 'gaaaaaaaaaa', kind: 'serial' as const };
        const issue = () => access.tickets.issue('gaaaaaaaaaa', 'serial', own).ticket;
        const good = issue();
        assert.deepEqual(access.tickets.redeem(good, wanted, own), own);
        const refused = { code: 'unauthorized' };
        assert.throws(() => access.tickets.redeem(good, wanted, own), refused);
        for (const [what, asked, by] of [
          ['another session', wanted, other],
          ['nobody', wanted, { actor: 'anonymous', rights: [] }],
          ['another guest', { ...wanted, guest: 'gbbbbbbbbbb' }, own],
          ['no guest', { ...wanted, guest: undefined }, own],
          ['another kind', { ...wanted, kind: 'screen' as 'serial' }, own],
        ] as const) {
          const ticket = issue();
          assert.throws(() => access.tickets.redeem(ticket, asked, by), refused, what);
          // A wrong try has used it up.
          assert.throws(() => access.tickets.redeem(ticket, wanted, own), refused, what);
        }
        const late = issue();
        await clock.advance(30_000);
        assert.throws(() => access.tickets.redeem(late, wanted, own), refused);
      }),
    );
  });
}

test('a set-up row that holds something else makes nobody an administrator, and says that there was a link', async () => {
  for (const value of [null, 7, 'x', [], {}, { digest: 7, endsAt: 'never' }, { digest: digestOf('x') }]) {
    const store = new MemoryStore({ clock: new FakeClock() });
    await store.put('set-up', value, { expected: 'absent' });
    const clock = new FakeClock();
    const events = createEvents({ journal: new MemoryJournal(), clock, log: silentLog });
    const access = new Access({
      accounts: await Accounts.open(store, silentLog),
      clock,
      events,
      scopes: scopesWithout(new Set()),
      identityProvider: createFakeIdentityProvider(),
      passwords: weakPasswords,
      store,
    });
    assert.equal(access.users.needsFirstSetUp, false);
    await assert.rejects(access.users.setUp({ secret: 'x', name: 'eve', password }), { code: 'unauthorized' });
    await events.close();
    await store.close();
  }
});

test('a row that cannot be read is nobody, and is left as it is', async () => {
  const store = new MemoryStore({ clock: new FakeClock() });
  await store.put(
    'user/eve',
    { name: 'eve', enabled: true, bindings: [{ role: 'administrator', on: 'everything' }] },
    { expected: 'absent' },
  );
  await store.put(
    'user/mallory',
    { name: 'ada', enabled: true, bindings: [], createdAt: '2026-01-01T00:00:00.000Z' },
    { expected: 'absent' },
  );
  const accounts = await Accounts.open(store, silentLog);
  assert.equal(accounts.users.size, 0);
  assert.ok(await store.get('user/eve'));
  await store.close();
});
