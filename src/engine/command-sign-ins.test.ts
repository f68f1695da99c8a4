// Command lines that wait to be let in: once, by who is signed in in a browser, in time, and however many wait.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFakeIdentityProvider } from '../drivers/fake/identity-provider.ts';
import { FakeClock } from '../lib/clock.ts';
import { silentLog } from '../lib/log.ts';
import { PasswordHashes } from '../lib/password-hash.ts';
import { type Caller, localCaller } from '../model/caller.ts';
import { commandSignInLifeMs } from '../model/command-sign-in.ts';
import { MemoryJournal } from '../store/memory/memory-journal.ts';
import { MemoryStore } from '../store/memory/memory-store.ts';
import { Access } from './access.ts';
import { Accounts } from './accounts.ts';
import { createEvents } from './events.ts';

const password = 'four words of this test';
const address = '192.0.2.7';
const elsewhere = '198.51.100.9';

async function open() {
  const clock = new FakeClock();
  const store = new MemoryStore({ clock });
  const access = new Access({
    accounts: await Accounts.open(store, silentLog),
    clock,
    events: createEvents({ journal: new MemoryJournal(), clock, log: silentLog }),
    scopes: { siteName: () => 'lab', guest: () => undefined, hasZone: () => false },
    identityProvider: createFakeIdentityProvider(),
    passwords: new PasswordHashes({ memory: 64, passes: 1, parallelism: 1 }),
    store,
  });
  for (const name of ['ada', 'bob']) await access.users.add({ name, password, bindings: [] }, 'local');
  const browserOf = async (user: string): Promise<Caller> => {
    const { secret } = await access.signIn.signIn({ user, password, kind: 'cookie', address, program: 'a browser' });
    return access.identify({ cookie: secret }, address) as Caller;
  };
  return { access, commands: access.commands, clock, browserOf };
}

const code = (expected: string) => (error: { code?: string }) => error.code === expected;

test('who is signed in in a browser approves what they have seen; the command line gets one session of theirs, once', async () => {
  const { access, commands, clock, browserOf } = await open();
  const ada = await browserOf('ada');
  const begun = commands.begin({ host: 'laptop', address });
  assert.match(begun.code, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
  await clock.advance(begun.everySeconds * 1000);
  assert.equal(commands.waitSeconds(begun.secret), begun.everySeconds);
  const typed = begun.code.toLowerCase().replace('-', ' ');
  const shown = commands.show(typed, ada, elsewhere);
  assert.deepEqual([shown.code, shown.host, shown.address, shown.isFromHere], [begun.code, 'laptop', address, false]);
  assert.equal(commands.show(begun.code, ada, address).isFromHere, true);
  commands.decide(begun.code, 'approve', ada, address);
  assert.equal(commands.waitSeconds(begun.secret), undefined);
  const { signedIn, secret } = await commands.redeem(begun.secret, { address });
  assert.equal(signedIn.token, secret);
  assert.equal(access.identify({ bearer: secret }, address)?.user, 'ada');
  const [session] = access.signIn.sessionsOf('ada', undefined).filter(({ kind }) => kind === 'token');
  assert.deepEqual([session?.program, session?.address], ['caisson on laptop', address]);
  // It is a session as any: ended with the others.
  await access.users.endSessions('ada', 'local');
  assert.equal(access.identify({ bearer: secret }, address), undefined);
  await assert.rejects(commands.redeem(begun.secret, { address }), code('unauthorized'));
  assert.throws(() => commands.decide(begun.code, 'approve', ada, address), code('not-found'));
});

test('two that redeem at the same time: one gets a session', async () => {
  const { access, commands, browserOf } = await open();
  const begun = commands.begin({ host: 'laptop', address });
  commands.decide(begun.code, 'approve', await browserOf('ada'), address);
  const results = await Promise.allSettled([1, 2, 3].map(() => commands.redeem(begun.secret, { address })));
  assert.deepEqual(results.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected', 'rejected']);
  assert.equal(access.signIn.sessionsOf('ada', undefined).filter(({ kind }) => kind === 'token').length, 1);
});

test('what was refused, decided by another, or is over lets nobody in', async () => {
  const { commands, clock, browserOf } = await open();
  const [ada, bob] = [await browserOf('ada'), await browserOf('bob')];
  const refused = commands.begin({ host: 'laptop', address });
  commands.decide(refused.code, 'refuse', ada, address);
  assert.throws(() => commands.decide(refused.code, 'approve', bob, address), code('not-found'));
  await assert.rejects(commands.redeem(refused.secret, { address }), /has refused it/);
  await assert.rejects(commands.redeem(refused.secret, { address }), /was used, is over/);
  const first = commands.begin({ host: 'laptop', address });
  const second = commands.begin({ host: 'other', address });
  commands.decide(second.code, 'approve', ada, address);
  // The code of one opens nothing for the secret of another.
  assert.equal(typeof waitOf(() => commands.waitSeconds(first.secret)), 'object');
  await clock.advance(commandSignInLifeMs);
  assert.throws(() => commands.show(first.code, bob, address), code('not-found'));
  for (const { secret } of [first, second]) {
    assert.equal(commands.waitSeconds(secret), undefined);
    await assert.rejects(commands.redeem(secret, { address }), /was used, is over/);
  }
  await assert.rejects(commands.redeem('caisson_command_of-nobody', { address }), /was used, is over/);
});

/** What it throws, or tells. */
function waitOf(ask: () => number | undefined): unknown {
  try {
    return ask();
  } catch (error) {
    return error;
  }
}

test('who is no user in a browser decides nothing: the socket, a token, a command line', async () => {
  const { access, commands, browserOf } = await open();
  const begun = commands.begin({ host: 'laptop', address });
  const opened = await access.signIn.signIn({ user: 'ada', password, kind: 'token', address, program: '' });
  const ada = await browserOf('ada');
  const { secret } = await access.tokens.create({ name: 'robot', bindings: [], days: 1 }, ada);
  const others = [localCaller, access.identify({ bearer: opened.secret }, address), access.identify({ bearer: secret }, address)];
  for (const other of others) {
    assert.ok(other);
    assert.throws(() => commands.show(begun.code, other, address), code('forbidden'));
    assert.throws(() => commands.decide(begun.code, 'approve', other, address), code('forbidden'));
  }
  commands.decide(begun.code, 'approve', ada, address);
});

test('who was signed out, disabled or deleted after approving signs nobody in', async () => {
  const { access, commands, browserOf } = await open();
  for (const loseIt of [
    (ada: Caller) => access.signIn.signOut(ada.session ?? ''),
    () => access.users.set('ada', { enabled: false }, 'local'),
    async () => {
      await access.users.set('ada', { enabled: true }, 'local');
      await access.users.delete('ada', 'local');
      await access.users.add({ name: 'ada', password, bindings: [] }, 'local');
    },
  ]) {
    await access.users.set('ada', { enabled: true }, 'local');
    const ada = await browserOf('ada');
    const begun = commands.begin({ host: 'laptop', address });
    commands.decide(begun.code, 'approve', ada, address);
    await loseIt(ada);
    await assert.rejects(commands.redeem(begun.secret, { address }), /is signed out there/);
    assert.deepEqual(
      access.signIn.sessionsOf('ada', undefined).filter(({ kind }) => kind === 'token'),
      [],
    );
  }
});

test('who asks too fast is told to slow down, longer each time, and loses nothing by it', async () => {
  const { commands, clock, browserOf } = await open();
  const begun = commands.begin({ host: 'laptop', address });
  const retry = () => {
    const error = waitOf(() => commands.waitSeconds(begun.secret)) as { details?: { retryAfterSeconds: number } };
    return error.details?.retryAfterSeconds;
  };
  assert.deepEqual([retry(), retry(), retry()], [4, 6, 8]);
  await clock.advance(7000);
  assert.equal(retry(), 10);
  await clock.advance(10_000);
  assert.equal(commands.waitSeconds(begun.secret), 10);
  for (let count = 0; count < 100; count++) retry();
  assert.equal(retry(), 60);
  commands.decide(begun.code, 'approve', await browserOf('ada'), address);
  assert.equal((await commands.redeem(begun.secret, { address })).signedIn.user, 'ada');
});

test('codes are guessed by nobody: a few wrong ones, and that user has to wait, also with the right one', async () => {
  const { commands, clock, browserOf } = await open();
  const [ada, bob] = [await browserOf('ada'), await browserOf('bob')];
  const begun = commands.begin({ host: 'laptop', address });
  for (const wrong of ['BCDF-GHJK', '', '🂡', '__proto__', 'constructor'])
    assert.throws(() => commands.show(wrong, bob, address), code('not-found'));
  assert.throws(() => commands.show(begun.code, bob, address), code('too-many'));
  assert.throws(() => commands.decide(begun.code, 'approve', bob, elsewhere), code('too-many'));
  assert.equal(commands.show(begun.code, ada, address).code, begun.code);
  await clock.advance(30_000);
  assert.equal(commands.show(begun.code, bob, address).code, begun.code);
});

test('from one address few begin; from thousands of them memory is bounded, and the last ones wait on', async () => {
  const { commands, clock, browserOf } = await open();
  for (let count = 0; count < 10; count++) commands.begin({ host: 'laptop', address });
  assert.throws(() => commands.begin({ host: 'laptop', address }), code('too-many'));
  // Of IPv6 the network counts.
  for (let count = 0; count < 10; count++) commands.begin({ host: 'laptop', address: `2001:db8::${count}` });
  assert.throws(() => commands.begin({ host: 'laptop', address: '2001:db8::ffff' }), code('too-many'));
  let last = commands.begin({ host: 'laptop', address: elsewhere });
  for (let count = 0; count < 5000; count++)
    last = commands.begin({ host: 'laptop', address: `10.${count >> 16}.${(count >> 8) & 255}.${count & 255}` });
  assert.equal(commands.size, 1000);
  commands.decide(last.code, 'approve', await browserOf('ada'), address);
  assert.equal((await commands.redeem(last.secret, { address })).signedIn.user, 'ada');
  await clock.advance(commandSignInLifeMs);
  commands.begin({ host: 'laptop', address: elsewhere });
  assert.equal(commands.size, 1);
});
