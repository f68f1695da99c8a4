// Who of a provider’s people is who here, and what their groups may. What the provider itself may do wrong: drivers/oidc.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFakeIdentityProvider } from '../drivers/fake/identity-provider.ts';
import type { Identity } from '../drivers/identity-provider.ts';
import { FakeClock } from '../lib/clock.ts';
import { silentLog } from '../lib/log.ts';
import { PasswordHashes } from '../lib/password-hash.ts';
import { type Caller, callerMay, localCaller } from '../model/caller.ts';
import { MemoryJournal } from '../store/memory/memory-journal.ts';
import { MemoryStore } from '../store/memory/memory-store.ts';
import { Access } from './access.ts';
import { Accounts } from './accounts.ts';
import { createEvents } from './events.ts';

const password = 'four words of this test';
/** Nothing here is about how hard they are to guess. */
const weakPasswords = new PasswordHashes({ memory: 64, passes: 1, parallelism: 1 });
const address = '192.0.2.7';
const place = { origin: 'https://room-1.example:8420', host: 'room-1.example' };
const issuer = 'https://id.example';
const settings = {
  issuer,
  label: 'University',
  clientId: 'caisson',
  clientSecret: 'a secret of the test',
  scopes: ['profile'],
  userClaim: 'preferred_username',
  groupsClaim: 'groups',
  roles: [
    { group: 'staff', role: 'operator' as const, on: 'site' },
    { group: 'teachers', role: 'viewer' as const, on: 'zone:teaching' },
  ],
};

const person = (subject: string, more: Partial<Identity> = {}): Identity => ({
  subject,
  userName: subject,
  fullName: undefined,
  groups: ['staff'],
  endSessionUrl: `${issuer}/end`,
  ...more,
});

class Trial {
  readonly clock = new FakeClock();
  readonly store = new MemoryStore({ clock: this.clock });
  readonly events = createEvents({ journal: new MemoryJournal(), clock: this.clock, log: silentLog });
  readonly provider = createFakeIdentityProvider();
  access!: Access;

  async open(): Promise<this> {
    const scopes = { siteName: () => 'lab', guest: () => undefined, hasZone: (name: string) => name === 'teaching' };
    const accounts = await Accounts.open(this.store, silentLog);
    this.access = new Access({
      accounts,
      clock: this.clock,
      events: this.events,
      scopes,
      store: this.store,
      identityProvider: this.provider,
      passwords: weakPasswords,
    });
    return this;
  }

  async close(): Promise<void> {
    await this.events.close();
    await this.store.close();
  }

  begin(by: Caller = { actor: 'anonymous', rights: [] }, link = false) {
    return this.access.provider.begin(link, by, { address, place });
  }

  finish(state: string, binding: string, code: string, at = place) {
    return this.access.provider.finish({ state, code }, binding, { address, program: 'a browser', place: at });
  }

  /** Signs in as this person of the provider. */
  async come(identity: Identity) {
    this.provider.people.set('code', identity);
    const { url, binding } = await this.begin();
    const { user, opened } = await this.finish(stateOf(url), binding, 'code');
    const caller = this.access.identify({ cookie: opened?.secret }, address) as Caller;
    return { user, caller };
  }

  async byPassword(user: string): Promise<Caller> {
    const { secret } = await this.access.signIn.signIn({ user, password, kind: 'cookie', address, program: '', place });
    return this.access.identify({ cookie: secret }, address) as Caller;
  }
}

const stateOf = (url: string) => new URL(url).searchParams.get('state') ?? '';

const using = (work: (trial: Trial) => Promise<void>) => async () => {
  const trial = await new Trial().open();
  try {
    await trial.access.provider.set(settings, localCaller);
    await work(trial);
  } finally {
    await trial.close();
  }
};

const site = { kind: 'site' } as const;

test(
  'whose group has a role is made a user, and has the role of the groups that the provider tells now',
  using(async (trial) => {
    const { user, caller } = await trial.come(
      person('ada', { userName: 'Ada', fullName: 'Ada L.', groups: ['staff', 'teachers', 'other'] }),
    );
    assert.equal(user, 'ada');
    assert.equal(callerMay(caller, 'operate', site), true);
    const shown = trial.access.users.get('ada');
    assert.deepEqual(
      [shown.fullName, shown.hasPassword, shown.bindings, shown.identity],
      ['Ada L.', false, [], { issuer, subject: 'ada' }],
    );
    assert.equal(trial.access.signIn.providerEnd(caller.session ?? ''), `${issuer}/end`);
    // By another name there, the same person here.
    const later = await trial.come(person('ada', { userName: 'eve', groups: ['teachers'] }));
    assert.equal(later.user, 'ada');
    assert.equal(callerMay(later.caller, 'operate', site), false);
    assert.equal(callerMay(trial.access.current(caller) as Caller, 'operate', site), false);
    assert.equal(callerMay(later.caller, 'view', { kind: 'zone', name: 'teaching' }), true);
    await trial.open();
    assert.equal((await trial.come(person('ada'))).user, 'ada');
    assert.equal(trial.access.users.list().length, 1);
  }),
);

test(
  'nobody is taken for somebody by a name: not for a user with a password, not for one of another issuer',
  using(async (trial) => {
    await trial.access.users.add({ name: 'ada', password, bindings: [{ role: 'administrator', on: 'site' }] }, 'local');
    await assert.rejects(trial.come(person('ada')), {
      code: 'unauthorized',
      message: /there is a user ada already, who is not linked to it/,
    });
    await trial.come(person('bob'));
    await trial.access.provider.set({ ...settings, issuer: 'https://other.example' }, localCaller);
    await assert.rejects(trial.come(person('bob')), { code: 'unauthorized', message: /there is a user bob already/ });
  }),
);

test(
  'a signed-in user links the two, and then comes either way; a second user cannot have the same account there',
  using(async (trial) => {
    for (const name of ['ada', 'eve'])
      await trial.access.users.add({ name, password, bindings: [{ role: 'auditor', on: 'site' }] }, 'local');
    const link = async (caller: Caller, identity: Identity) => {
      trial.provider.people.set('link', identity);
      const { url, binding } = await trial.begin(caller, true);
      return trial.finish(stateOf(url), binding, 'link');
    };
    const ada = await trial.byPassword('ada');
    assert.deepEqual(await link(ada, person('x-17')), { user: 'ada', opened: undefined });
    const { user, caller } = await trial.come(person('x-17'));
    assert.equal(user, 'ada');
    assert.deepEqual(caller.rights, [
      [
        { role: 'auditor', on: 'site' },
        { role: 'operator', on: 'site' },
      ],
    ]);
    await trial.byPassword('ada');
    await assert.rejects(link(await trial.byPassword('eve'), person('x-17')), { code: 'conflict' });
    // Whoever began it has signed out meanwhile.
    const eve = await trial.byPassword('eve');
    const { url, binding } = await trial.begin(eve, true);
    await trial.access.signIn.signOut(eve.session ?? '');
    await assert.rejects(trial.finish(stateOf(url), binding, 'link'), { code: 'unauthorized' });
    await assert.rejects(trial.begin(localCaller, true), { code: 'unauthorized' });
    await trial.access.users.forgetProvider('ada', undefined, localCaller, address);
    assert.equal(trial.access.current(caller), undefined);
    await assert.rejects(trial.come(person('x-17', { userName: 'ada' })), { code: 'unauthorized' });
  }),
);

test(
  'without a role of a group, without a usable name, or disabled: nobody, and nothing is made',
  using(async (trial) => {
    for (const [what, identity] of [
      ['no groups', person('a', { groups: [] })],
      ['other groups', person('a', { groups: ['STAFF', 'staff '] })],
      ['no name', person('a', { userName: undefined })],
      ['an address as a name', person('a', { userName: 'ada@example.org' })],
      ['a Cyrillic name', person('a', { userName: '\u0430da' })],
      ['a name of every object', person('a', { userName: 'constructor' })],
    ] as const)
      await assert.rejects(trial.come(identity), { code: 'unauthorized', message: /you are nobody here/ }, what);
    assert.deepEqual(trial.access.users.list(), []);
    await trial.come(person('ada'));
    await trial.access.users.set('ada', { enabled: false }, 'local');
    await assert.rejects(trial.come(person('ada')), { code: 'unauthorized', message: /ada is disabled/ });
  }),
);

test(
  'what was begun counts once, in its time, in the browser and at the address that began it',
  using(async (trial) => {
    trial.provider.people.set('code', person('ada'));
    const refused = (state: string, binding: string, at = place) =>
      assert.rejects(trial.finish(state, binding, 'code', at), { code: 'unauthorized', message: /begin it once more/ });
    const { url, binding } = await trial.begin();
    const state = stateOf(url);
    await refused('state-unknown', binding);
    await refused(state, 'another binding');
    await refused(state, '');
    await refused(state, binding, { origin: 'https://room-2.example', host: 'room-2.example' });
    // None of which takes it from who began it.
    assert.equal((await trial.finish(state, binding, 'code')).user, 'ada');
    await refused(state, binding);
    const late = await trial.begin();
    await trial.clock.advance(600_000);
    await refused(stateOf(late.url), late.binding);
  }),
);

test(
  'a provider that does not answer, or says no, is told so; with a password one signs in meanwhile',
  using(async (trial) => {
    await trial.access.users.add({ name: 'ada', password, bindings: [] }, 'local');
    const { url, binding } = await trial.begin();
    trial.provider.isDown = true;
    await assert.rejects(trial.begin(), { code: 'unavailable' });
    await assert.rejects(trial.finish(stateOf(url), binding, 'code'), { code: 'unavailable' });
    await trial.byPassword('ada');
    trial.provider.isDown = false;
    for (let count = 0; count < 18; count++) await trial.begin();
    await assert.rejects(trial.begin(), { code: 'too-many' });
    await trial.byPassword('ada');
  }),
);

test(
  'roles of groups end a week after the last sign-in, for tokens too, and at once when no group has them any more',
  using(async (trial) => {
    const { caller } = await trial.come(person('ada'));
    const { secret } = await trial.access.tokens.create({ name: 'deploy' }, caller);
    const token = () => trial.access.identify({ bearer: secret }, address) as Caller;
    assert.equal(callerMay(token(), 'operate', site), true);
    let told = 0;
    trial.access.onChange(() => told++);
    await trial.clock.advance(7 * 24 * 3_600_000);
    assert.equal(callerMay(token(), 'view', site), false);
    await trial.access.sweep();
    assert.ok(told > 0, 'what is open by them is not looked at');
    const again = await trial.come(person('ada'));
    assert.equal(callerMay(token(), 'operate', site), true);
    await trial.access.provider.set({ ...settings, roles: [] }, localCaller);
    assert.equal(callerMay(trial.access.current(again.caller) as Caller, 'view', site), false);
    assert.equal(callerMay(token(), 'view', site), false);
  }),
);

test(
  'a deleted provider ends the sessions that it began and the roles that it gave; users and others’ sessions stay',
  using(async (trial) => {
    await trial.access.users.add({ name: 'bob', password, bindings: [] }, 'local');
    const bob = await trial.byPassword('bob');
    const { caller } = await trial.come(person('ada'));
    await trial.access.provider.delete(localCaller);
    assert.equal(trial.access.current(caller), undefined);
    assert.ok(trial.access.current(bob));
    assert.equal(trial.access.users.get('ada').providerRoles, undefined);
    await assert.rejects(trial.begin(), { code: 'not-found' });
    assert.throws(() => trial.access.provider.get(), { code: 'not-found' });
  }),
);

test(
  'the secret is never shown, stays with the same client, and is given anew for another',
  using(async (trial) => {
    const { clientSecret: _, ...without } = settings;
    assert.equal((await trial.access.provider.set(without, localCaller)).hasSecret, true);
    assert.doesNotMatch(JSON.stringify(trial.access.provider.get()), /a secret of the test/);
    assert.equal((await trial.access.provider.set({ ...without, clientId: 'another' }, localCaller)).hasSecret, false);
    await assert.rejects(
      trial.access.provider.set({ ...without, roles: [{ group: 'staff', role: 'viewer', on: 'zone:nowhere' }] }, localCaller),
      { code: 'not-found' },
    );
  }),
);

test(
  'a zone that is deleted takes the roles of groups along, too',
  using(async (trial) => {
    const { caller } = await trial.come(person('ada', { groups: ['teachers'] }));
    await trial.access.users.forgetZones(['teaching']);
    assert.deepEqual(
      trial.access.provider.get().roles.map(({ group }) => group),
      ['staff'],
    );
    assert.deepEqual(trial.access.current(caller)?.rights, [[]]);
  }),
);

test(
  'who signs in by the provider alone is not the last administrator that is kept: a password must remain',
  using(async (trial) => {
    await trial.access.provider.set({ ...settings, roles: [{ group: 'staff', role: 'administrator', on: 'site' }] }, localCaller);
    const { caller } = await trial.come(person('ada'));
    await trial.access.users.add({ name: 'root', password, bindings: [{ role: 'administrator', on: 'site' }] }, 'local');
    await assert.rejects(trial.access.users.delete('root', caller.actor), { code: 'not-allowed', message: /last who can administer/ });
  }),
);
