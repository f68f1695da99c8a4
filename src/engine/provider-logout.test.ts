// What ends when the provider says that somebody logged out there, and what does not. Which words are believed: drivers/oidc.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFakeIdentityProvider } from '../drivers/fake/identity-provider.ts';
import { FakeClock } from '../lib/clock.ts';
import { CaissonError } from '../lib/errors.ts';
import { silentLog } from '../lib/log.ts';
import { PasswordHashes } from '../lib/password-hash.ts';
import { type Caller, localCaller } from '../model/caller.ts';
import { MemoryJournal } from '../store/memory/memory-journal.ts';
import { MemoryStore } from '../store/memory/memory-store.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';
import type { Store } from '../store/store.ts';
import { Access } from './access.ts';
import { Accounts } from './accounts.ts';
import { createEvents } from './events.ts';

const password = 'four words of this test';
const address = '192.0.2.7';
const place = { origin: 'https://room-1.example:8420', host: 'room-1.example' };
const issuer = 'https://id.example';

function newWorld() {
  const clock = new FakeClock();
  return { clock, store: new MemoryStore({ clock }) };
}

/** On the store and at the time of an earlier one, where there was one. */
async function open({ clock, store }: { clock: FakeClock; store: Store } = newWorld()) {
  const provider = createFakeIdentityProvider();
  const access = new Access({
    accounts: await Accounts.open(store, silentLog),
    clock,
    events: createEvents({ journal: new MemoryJournal(), clock, log: silentLog }),
    scopes: { siteName: () => 'lab', guest: () => undefined, hasZone: () => false },
    identityProvider: provider,
    passwords: new PasswordHashes({ memory: 64, passes: 1, parallelism: 1 }),
    store,
  });
  await access.provider.set(
    {
      issuer,
      label: 'University',
      clientId: 'caisson',
      scopes: [],
      userClaim: 'preferred_username',
      groupsClaim: 'groups',
      roles: [{ group: 'staff', role: 'viewer', on: 'site' }],
    },
    localCaller,
  );
  /** Signs in as this person of the provider, in a session of that name there. */
  const come = async (subject: string, sid?: string): Promise<Caller> => {
    provider.people.set('code', { subject, userName: subject, fullName: undefined, groups: ['staff'], endSessionUrl: undefined, sid });
    const { url, binding } = await access.provider.begin(false, { actor: 'anonymous', rights: [] }, { address, place });
    const state = new URL(url).searchParams.get('state') ?? '';
    const { opened } = await access.provider.finish({ state, code: 'code' }, binding, { address, program: 'a browser', place });
    return access.identify({ cookie: opened?.secret }, address) as Caller;
  };
  const isIn = (caller: Caller) => access.current(caller) !== undefined;
  let count = 0;
  /** The provider says it. */
  const logOut = async (what: { subject?: string; sid?: string }, token = `token-${++count}`, from = address) => {
    provider.logouts.set(token, { id: `id of ${token}`, until: clock.now() + 360_000, ...what });
    const found = await access.providerLogout.read(token, from);
    await access.providerLogout.end(found);
    return found;
  };
  return { access, clock, store, provider, come, isIn, logOut };
}

test('a session that is named ends, with the command line that it let in; others of the same person go on', async () => {
  const { access, come, isIn, logOut } = await open();
  const [here, there, bob] = [await come('ada', 's1'), await come('ada', 's2'), await come('bob', 's3')];
  const begun = access.commands.begin({ host: 'laptop', address });
  access.commands.decide(begun.code, 'approve', here, address);
  const { secret } = await access.commands.redeem(begun.secret, { address });
  const commandLine = access.identify({ bearer: secret }, address) as Caller;
  assert.ok(isIn(commandLine));
  const found = await logOut({ subject: 'ada', sid: 's1' });
  assert.deepEqual([found.users, found.sessions.length], [['ada'], 2]);
  assert.deepEqual([here, commandLine, there, bob].map(isIn), [false, false, true, true]);
});

test('a person who is named loses every session that came from the provider, and keeps those by password', async () => {
  const { access, come, isIn, logOut } = await open();
  const [one, two, bob] = [await come('ada', 's1'), await come('ada'), await come('bob', 's3')];
  await access.users.setPassword('ada', { password }, localCaller, address);
  const [three] = [await come('ada', 's4')];
  const { secret } = await access.signIn.signIn({ user: 'ada', password, kind: 'cookie', address, program: '' });
  const byPassword = access.identify({ cookie: secret }, address) as Caller;
  await logOut({ subject: 'ada' });
  assert.deepEqual([one, two, three, byPassword, bob].map(isIn), [false, false, false, true, true]);
});

test('what names nobody here, or somebody else’s session, ends nothing', async () => {
  const { come, isIn, logOut } = await open();
  const [ada, bob] = [await come('ada', 's1'), await come('bob')];
  for (const what of [
    { subject: 'eve' },
    { sid: 's9' },
    { subject: 'bob', sid: 's1' },
    { subject: 'ada', sid: 's9' },
    { subject: '__proto__' },
  ])
    assert.deepEqual((await logOut(what)).sessions, []);
  assert.deepEqual([ada, bob].map(isIn), [true, true]);
});

test('a word counts once, also when it is said twice at the same moment', async () => {
  const { access, clock, provider, come, isIn, logOut } = await open();
  await come('ada', 's1');
  await logOut({ subject: 'ada' }, 'said-once');
  const again = await come('ada', 's2');
  await assert.rejects(access.providerLogout.read('said-once', address), { code: 'invalid', message: /was used/ });
  provider.logouts.set('twice', { id: 'twice', until: clock.now() + 1000, subject: 'bob' });
  const both = await Promise.all([1, 2].map(() => access.providerLogout.read('twice', address)));
  const ends = await Promise.allSettled(both.map((found) => access.providerLogout.end(found)));
  assert.deepEqual(ends.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
  assert.equal(isIn(again), true);
});

test('who says what is not believed has to wait, and the provider meanwhile not; without a provider nothing is read', async () => {
  const { access, clock, provider, come, isIn, logOut } = await open();
  const ada = await come('ada', 's1');
  for (let tried = 0; tried < 50; tried++)
    await assert.rejects(access.providerLogout.read(`forged-${tried}`, '203.0.113.9'), { code: 'invalid' });
  await assert.rejects(access.providerLogout.read('forged', '203.0.113.9'), { code: 'too-many' });
  for (let each = 0; each < 200; each++) await logOut({ subject: `nobody-${each}` });
  provider.isDown = true;
  await assert.rejects(access.providerLogout.read('any', address), { code: 'unavailable' });
  provider.isDown = false;
  assert.equal(isIn(ada), true);
  await clock.advance(2000);
  await assert.rejects(access.providerLogout.read('forged', '203.0.113.9'), { code: 'invalid' });
  await access.provider.delete(localCaller);
  await assert.rejects(access.providerLogout.read('any', address), { code: 'not-found' });
});

test('a word that was used stays so when the daemon is another one, on the disk, until nobody believes it any more', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-logout-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'store.sqlite');
  const clock = new FakeClock();
  const before = await open({ clock, store: await openSqliteStore({ path, expectExisting: false }) });
  await before.come('ada', 's1');
  const { until } = await before.logOut({ subject: 'ada', sid: 's1' }, 'recorded');
  await before.logOut({ subject: 'nobody' }, 'in-vain');
  await before.store.close();

  const after = await open({ clock, store: await openSqliteStore({ path, expectExisting: true }) });
  const ada = await after.come('ada', 's2');
  for (const [token, subject] of [
    ['recorded', 'ada'],
    ['in-vain', 'nobody'],
  ] as const)
    await assert.rejects(after.logOut({ subject }, token), { code: 'invalid', message: /was used/ });
  assert.equal(after.isIn(ada), true);
  const rows = async () => (await after.store.list('used-logout/')).rows.length;
  await clock.advance(until - clock.now() - 1);
  await after.access.sweep();
  assert.equal(await rows(), 2);
  await clock.advance(1);
  await after.access.sweep();
  assert.equal(await rows(), 0);
  await after.store.close();
});

test('a word whose work fails is not used up, and ends everything when it is said again', async () => {
  const { store, provider, clock, come, isIn, logOut, access } = await open();
  // More than one transaction takes; slowly, as people come.
  const many: Caller[] = [];
  for (let each = 0; each < 60; each++) {
    many.push(await come(`user-${each % 6}`, 'shared'));
    await clock.advance(10_000);
  }
  const transaction = store.transaction.bind(store);
  let left = 1;
  store.transaction = (asked) => (left-- > 0 ? transaction(asked) : Promise.reject(new CaissonError('failed', 'the disk is full')));
  await assert.rejects(logOut({ sid: 'shared' }, 'again'), { code: 'failed' });
  store.transaction = transaction;
  provider.logouts.set('again', { id: 'id of again', until: clock.now() + 360_000, sid: 'shared' });
  await access.providerLogout.end(await access.providerLogout.read('again', address));
  assert.ok(!many.some(isIn));
  assert.deepEqual((await store.list('session/')).rows, []);
  await assert.rejects(access.providerLogout.read('again', address), { message: /was used/ });
});
