// What ends when the provider says that somebody logged out there, and what does not. Which words are believed: drivers/oidc.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFakeIdentityProvider } from '../drivers/fake/identity-provider.ts';
import { FakeClock } from '../lib/clock.ts';
import { silentLog } from '../lib/log.ts';
import { PasswordHashes } from '../lib/password-hash.ts';
import { type Caller, localCaller } from '../model/caller.ts';
import { MemoryJournal } from '../store/memory/memory-journal.ts';
import { MemoryStore } from '../store/memory/memory-store.ts';
import { Access } from './access.ts';
import { Accounts } from './accounts.ts';
import { createEvents } from './events.ts';

const password = 'four words of this test';
const address = '192.0.2.7';
const place = { origin: 'https://room-1.example:8420', host: 'room-1.example' };
const issuer = 'https://id.example';

async function open() {
  const clock = new FakeClock();
  const store = new MemoryStore({ clock });
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
  return { access, clock, provider, come, isIn, logOut };
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
