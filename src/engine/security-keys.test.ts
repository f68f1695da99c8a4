// Security keys as a second factor: what signs in, and every answer of a key that must not. The key is one in software that can do what a real one
// never would.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SoftKey, type Odd, type SoftKeyKind } from '../../test/daemon/soft-key.ts';
import { createFakeIdentityProvider } from '../drivers/fake/identity-provider.ts';
import { FakeClock } from '../lib/clock.ts';
import { toCaissonError } from '../lib/errors.ts';
import { fromBase32 } from '../lib/base32.ts';
import { silentLog } from '../lib/log.ts';
import { PasswordHashes } from '../lib/password-hash.ts';
import { totpCode, totpStep } from '../lib/totp.ts';
import type { KeyAssertion } from '../lib/webauthn.ts';
import { type Caller, localCaller } from '../model/caller.ts';
import type { KeyRequest } from '../model/security-key.ts';
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
const elsewhere = { origin: 'https://room-2.example:8420', host: 'room-2.example' };

class Trial {
  readonly clock = new FakeClock();
  readonly store = new MemoryStore({ clock: this.clock });
  readonly journal = new MemoryJournal();
  readonly events = createEvents({ journal: this.journal, clock: this.clock, log: silentLog });
  access!: Access;

  async open(): Promise<this> {
    const scopes = { siteName: () => 'lab', guest: () => undefined, hasZone: () => false };
    this.access = new Access({
      accounts: await Accounts.open(this.store, silentLog),
      clock: this.clock,
      events: this.events,
      scopes,
      store: this.store,
      identityProvider: createFakeIdentityProvider(),
      passwords: weakPasswords,
    });
    return this;
  }

  async close(): Promise<void> {
    await this.events.close();
    await this.store.close();
  }

  signIn(user: string, more: { code?: string; key?: KeyAssertion; place?: typeof place | undefined; kind?: 'token' } = {}) {
    return this.access.signIn.signIn({ user, password, kind: 'cookie', address, program: 'a browser', place, ...more });
  }

  async session(user: string, more: { code?: string; key?: KeyAssertion } = {}): Promise<Caller> {
    const { secret } = await this.signIn(user, more);
    return this.access.identify({ cookie: secret }, address) as Caller;
  }

  async user(name: string): Promise<Caller> {
    await this.access.users.add({ name, password, bindings: [] }, 'local');
    return this.session(name);
  }

  async addKey(caller: Caller, key: SoftKey, name = 'the blue one', odd: Odd = {}, at = place) {
    const user = caller.user ?? '';
    const begun = await this.access.users.beginKey(user, password, caller, { address, place: at });
    return this.access.users.addKey(user, { name, creation: key.create(begun, at.origin, odd) }, caller);
  }

  /** What the user’s keys are asked to sign. */
  async asked(user: string, at = place): Promise<KeyRequest> {
    const error = await this.signIn(user, { place: at }).then(
      () => assert.fail('signed in without a second factor'),
      (cause: unknown) => toCaissonError(cause),
    );
    assert.equal(error.code, 'unauthorized');
    assert.equal(error.details?.['secondFactor'], 'required');
    return error.details?.['key'] as KeyRequest;
  }
}

const using = (work: (trial: Trial) => Promise<void>) => async () => {
  const trial = await new Trial().open();
  try {
    await work(trial);
  } finally {
    await trial.close();
  }
};

describe('a security key', () => {
  for (const kind of ['es256', 'ed25519', 'rs256'] as SoftKeyKind[])
    test(
      `${kind}: is added, is asked for, and signs in, also after another start`,
      using(async (trial) => {
        const key = new SoftKey(kind);
        const { user, recoveryCodes } = await trial.addKey(await trial.user('ada'), key);
        assert.equal(recoveryCodes.length, 10);
        assert.deepEqual(
          user.keys.map(({ name, host, synced }) => ({ name, host, synced })),
          [{ name: 'the blue one', host: 'room-1.example', synced: false }],
        );
        assert.deepEqual([user.secondFactor, user.authenticator], [true, false]);
        const asked = await trial.asked('ada');
        assert.deepEqual(asked.keys, [key.name]);
        assert.equal((await trial.signIn('ada', { key: key.sign(asked, place.origin) })).signedIn.user, 'ada');
        await trial.open();
        await trial.signIn('ada', { key: key.sign(await trial.asked('ada'), place.origin) });
        assert.notEqual(trial.access.users.get('ada').keys[0]?.usedAt, undefined);
      }),
    );

  test(
    'the first factor ends other sessions and brings recovery codes, each good once; the last one takes them along',
    using(async (trial) => {
      const other = await trial.user('ada');
      const ada = await trial.session('ada');
      const { recoveryCodes } = await trial.addKey(ada, new SoftKey());
      assert.ok(trial.access.current(ada));
      assert.equal(trial.access.current(other), undefined);
      await trial.signIn('ada', { code: recoveryCodes[0] ?? '' });
      await assert.rejects(trial.signIn('ada', { code: recoveryCodes[0] ?? '' }), { code: 'unauthorized' });
      const more = await trial.addKey(ada, new SoftKey(), 'in the drawer');
      assert.deepEqual(more.recoveryCodes, []);
      await trial.access.users.removeKey('ada', 'the blue one', password, ada, address);
      await trial.signIn('ada', { code: recoveryCodes[1] ?? '' });
      await trial.access.users.removeKey('ada', 'in the drawer', undefined, localCaller, address);
      assert.deepEqual(trial.access.users.get('ada').keys, []);
      assert.equal(trial.access.users.get('ada').secondFactor, false);
      await trial.signIn('ada');
    }),
  );

  test(
    'a key and an authenticator stand beside each other: either signs in, and taking one away leaves the other',
    using(async (trial) => {
      const ada = await trial.user('ada');
      const key = new SoftKey();
      const { recoveryCodes } = await trial.addKey(ada, key);
      const begun = await trial.access.users.beginSecondFactor('ada', undefined, localCaller, address);
      const code = () => totpCode(fromBase32(begun.secret) as Uint8Array, totpStep(trial.clock.now()));
      assert.deepEqual(await trial.access.users.confirmSecondFactor('ada', code(), localCaller), { recoveryCodes: [] });
      await trial.clock.advance(30_000);
      await trial.signIn('ada', { code: code() });
      await trial.signIn('ada', { key: key.sign(await trial.asked('ada'), place.origin) });
      await trial.signIn('ada', { code: recoveryCodes[4] ?? '' });
      await trial.access.users.removeSecondFactor('ada', undefined, localCaller, address);
      await trial.signIn('ada', { key: key.sign(await trial.asked('ada'), place.origin) });
      await trial.clock.advance(30_000);
      await assert.rejects(trial.signIn('ada', { code: code() }), { code: 'unauthorized' });
    }),
  );

  test(
    'it is asked for where it was made alone; elsewhere, and on the command line, one is told where it works',
    using(async (trial) => {
      await trial.addKey(await trial.user('ada'), new SoftKey());
      // A command line is told that a browser can sign it in.
      for (const [more, browser] of [
        [{ place: elsewhere }, {}],
        [{ place: undefined }, {}],
        [{ kind: 'token' as const }, { browser: true }],
      ] as const)
        await assert.rejects(trial.signIn('ada', more), {
          code: 'unauthorized',
          details: { secondFactor: 'required', ...browser },
          message: 'a recovery code is needed too; your security keys work in a browser, at room-1.example',
        });
    }),
  );

  test(
    'it is added by its user alone, with the password, in a page that is open by a name',
    using(async (trial) => {
      const ada = await trial.user('ada');
      const begin = (given: string | undefined, by: Caller, at: typeof place | undefined) =>
        trial.access.users.beginKey('ada', given, by, { address, place: at });
      await assert.rejects(begin('wrong words of this test', ada, place), { code: 'unauthorized', details: { confirm: 'password' } });
      await assert.rejects(begin(undefined, ada, place), { code: 'unauthorized' });
      await assert.rejects(begin(undefined, localCaller, place), { code: 'not-allowed' });
      for (const host of ['192.0.2.1', '[2001:db8::1]', '127.0.0.1'])
        await assert.rejects(begin(password, ada, { origin: `https://${host}`, host }), { code: 'unsupported', message: /is an address/ });
      await assert.rejects(begin(password, ada, undefined), { code: 'unsupported' });
    }),
  );

  test(
    'a name that is none or is there, a key that is there, an eleventh key: refused, and nothing is changed',
    using(async (trial) => {
      const ada = await trial.user('ada');
      const key = new SoftKey();
      await trial.addKey(ada, key);
      for (const name of ['', ' ', 'two\nlines', 'x'.repeat(61), 'a\u202eb'])
        await assert.rejects(trial.addKey(ada, new SoftKey(), name), { code: 'invalid', message: /cannot be a key’s name/ }, name);
      await assert.rejects(trial.addKey(ada, new SoftKey()), { code: 'conflict' });
      await assert.rejects(trial.addKey(ada, key, 'once more'), { code: 'conflict' });
      for (let count = 2; count <= 10; count++) await trial.addKey(ada, new SoftKey(), `key ${count}`);
      await assert.rejects(trial.addKey(ada, new SoftKey(), 'one too many'), { code: 'not-allowed' });
      assert.equal(trial.access.users.get('ada').keys.length, 10);
      await assert.rejects(trial.access.users.removeKey('ada', 'nothing', password, ada, address), { code: 'not-found' });
    }),
  );
});

describe('an answer that makes no key', () => {
  const cases: [string, Odd][] = [
    ['of another page', { origin: elsewhere.origin }],
    ['of the same host at another port', { origin: 'https://room-1.example:9999' }],
    ['over plain HTTP', { origin: 'http://room-1.example:8420' }],
    ['from inside another page', { crossOrigin: true }],
    ['to another question', { type: 'webauthn.get' }],
    ['for another host', { host: 'room-2.example' }],
    ['that nobody touched', { flags: 0x40 }],
    ['without a key in it', { flags: 0x01 }],
  ];
  for (const [what, odd] of cases)
    test(
      what,
      using(async (trial) => {
        const ada = await trial.user('ada');
        await assert.rejects(trial.addKey(ada, new SoftKey(), 'key', odd), { code: 'invalid' });
        assert.equal(trial.access.users.get('ada').secondFactor, false);
      }),
    );

  test(
    'a challenge counts once, for its user and purpose, in its time',
    using(async (trial) => {
      const [ada, eve] = [await trial.user('ada'), await trial.user('eve')];
      const begin = (caller: Caller) => trial.access.users.beginKey(caller.user ?? '', password, caller, { address, place });
      const add = (caller: Caller, asked: { challenge: string; host: string }, name: string) =>
        trial.access.users.addKey(caller.user ?? '', { name, creation: new SoftKey().create(asked, place.origin) }, caller);
      const stranger = { challenge: Buffer.alloc(32).toString('base64url'), host: place.host };
      await assert.rejects(add(ada, stranger, 'a'), { code: 'invalid' });
      const ofEve = await begin(eve);
      await assert.rejects(add(ada, ofEve, 'b'), { code: 'invalid' });
      // Shown to the wrong one it is used up too.
      await assert.rejects(add(eve, ofEve, 'c'), { code: 'invalid' });
      const late = await begin(ada);
      await trial.clock.advance(120_000);
      await assert.rejects(add(ada, late, 'd'), { code: 'invalid' });
      const once = await begin(ada);
      await add(ada, once, 'e');
      await assert.rejects(add(ada, once, 'f'), { code: 'invalid' });
      const toSignIn = await trial.asked('ada');
      await assert.rejects(add(ada, toSignIn, 'g'), { code: 'invalid' });
    }),
  );
});

describe('an answer that does not sign in', () => {
  const refused = (trial: Trial, user: string, key: KeyAssertion, at = place) =>
    assert.rejects(trial.signIn(user, { key, place: at }), (error: unknown) => {
      const { code, details } = toCaissonError(error);
      assert.equal(code, 'unauthorized');
      // What to try next, with a challenge of its own.
      assert.equal(details?.['secondFactor'], 'required');
      return true;
    });

  const cases: [string, Odd][] = [
    ['of another page', { origin: elsewhere.origin }],
    ['of the same host at another port', { origin: 'https://room-1.example:9999' }],
    ['from inside another page', { crossOrigin: true }],
    ['to another question', { type: 'webauthn.create' }],
    ['for another host', { host: 'room-2.example' }],
    ['that nobody touched', { flags: 0 }],
  ];
  for (const [what, odd] of cases)
    test(
      what,
      using(async (trial) => {
        const key = new SoftKey();
        await trial.addKey(await trial.user('ada'), key);
        await refused(trial, 'ada', key.sign(await trial.asked('ada'), place.origin, odd));
      }),
    );

  test(
    'one that was sent already, also when it was refused then',
    using(async (trial) => {
      const key = new SoftKey();
      await trial.addKey(await trial.user('ada'), key);
      const answer = key.sign(await trial.asked('ada'), place.origin);
      await trial.signIn('ada', { key: answer });
      await refused(trial, 'ada', answer);
      const asked = await trial.asked('ada');
      await refused(trial, 'ada', key.sign(asked, elsewhere.origin));
      await refused(trial, 'ada', key.sign(asked, place.origin));
    }),
  );

  test(
    'two at the same time with one challenge: one signs in',
    using(async (trial) => {
      const key = new SoftKey();
      await trial.addKey(await trial.user('ada'), key);
      const answer = key.sign(await trial.asked('ada'), place.origin);
      const results = await Promise.allSettled([trial.signIn('ada', { key: answer }), trial.signIn('ada', { key: answer })]);
      assert.deepEqual(results.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
    }),
  );

  test(
    'another challenge, one of another user, one for adding a key, one that is two minutes old',
    using(async (trial) => {
      const [ada, eve] = [await trial.user('ada'), await trial.user('eve')];
      const [key, ofEve] = [new SoftKey(), new SoftKey()];
      await trial.addKey(ada, key);
      await trial.addKey(eve, ofEve);
      await refused(trial, 'ada', key.sign({ challenge: Buffer.alloc(32, 1).toString('base64url'), host: place.host }, place.origin));
      await refused(trial, 'ada', key.sign(await trial.asked('eve'), place.origin));
      const toAdd = await trial.access.users.beginKey('ada', password, ada, { address, place });
      await refused(trial, 'ada', key.sign(toAdd, place.origin));
      const late = await trial.asked('ada');
      await trial.clock.advance(120_000);
      await refused(trial, 'ada', key.sign(late, place.origin));
    }),
  );

  test(
    'another user’s key, a stranger’s key under the right name, and a key that was removed',
    using(async (trial) => {
      const [ada, eve] = [await trial.user('ada'), await trial.user('eve')];
      const [key, ofEve] = [new SoftKey(), new SoftKey()];
      await trial.addKey(ada, key);
      await trial.addKey(eve, ofEve);
      await refused(trial, 'ada', ofEve.sign(await trial.asked('ada'), place.origin));
      await refused(trial, 'ada', { ...ofEve.sign(await trial.asked('ada'), place.origin), id: key.name });
      await trial.addKey(ada, new SoftKey(), 'another');
      const asked = await trial.asked('ada');
      await trial.access.users.removeKey('ada', 'the blue one', undefined, localCaller, address);
      await refused(trial, 'ada', key.sign(asked, place.origin));
    }),
  );

  test(
    'an altered signature, altered data, or none',
    using(async (trial) => {
      const key = new SoftKey();
      await trial.addKey(await trial.user('ada'), key);
      const alter = (text: string) => {
        const bytes = Buffer.from(text, 'base64url');
        bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
        return bytes.toString('base64url');
      };
      for (const change of [
        (answer: KeyAssertion) => ({ ...answer, signature: alter(answer.signature) }),
        (answer: KeyAssertion) => ({ ...answer, signature: '' }),
        (answer: KeyAssertion) => ({ ...answer, authenticatorData: alter(answer.authenticatorData) }),
        (answer: KeyAssertion) => ({ ...answer, authenticatorData: '' }),
      ]) {
        await refused(trial, 'ada', change(key.sign(await trial.asked('ada'), place.origin)));
        await trial.clock.advance(3_600_000);
      }
    }),
  );

  test(
    'a counter that stands still or goes back is told as a copy of the key; one that is always zero is none',
    using(async (trial) => {
      const key = new SoftKey();
      const ada = await trial.user('ada');
      await trial.addKey(ada, key);
      const signWith = async (counter: number) => key.sign(await trial.asked('ada'), place.origin, { counter });
      await trial.signIn('ada', { key: await signWith(0) });
      await trial.signIn('ada', { key: await signWith(0) });
      await trial.signIn('ada', { key: await signWith(7) });
      for (const counter of [7, 6, 0]) {
        await assert.rejects(trial.signIn('ada', { key: await signWith(counter) }), {
          code: 'unauthorized',
          message: /has counted back: there may be a copy of it/,
        });
      }
      await trial.signIn('ada', { key: await signWith(8) });
      await trial.events.close();
      const items = await trial.journal.listEvents({ limit: 1000 });
      assert.equal(items.filter(({ message }) => message.includes('counted back')).length, 3);
    }),
  );

  test(
    'wrong answers are counted as wrong codes are',
    using(async (trial) => {
      const key = new SoftKey();
      await trial.addKey(await trial.user('ada'), key);
      for (let count = 0; count < 5; count++) await refused(trial, 'ada', key.sign(await trial.asked('ada'), elsewhere.origin));
      await assert.rejects(trial.signIn('ada', { key: key.sign(await trial.asked('ada'), place.origin) }), {
        code: 'too-many',
        details: { retryAfterSeconds: 300 },
      });
    }),
  );
});

test('a user of before there were keys keeps authenticator and recovery codes', async () => {
  const trial = new Trial();
  const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
  await trial.store.put(
    'user/ada',
    {
      name: 'ada',
      enabled: true,
      bindings: [],
      secondFactor: { secret, usedStep: 0, recoveryDigests: ['00'] },
      createdAt: '2026-01-01T00:00:00.000Z',
    },
    { expected: 'absent' },
  );
  await trial.open();
  await trial.access.users.setPassword('ada', { password }, localCaller, address);
  assert.deepEqual([trial.access.users.get('ada').authenticator, trial.access.users.get('ada').recoveryCodesLeft], [true, 1]);
  await trial.signIn('ada', { code: totpCode(fromBase32(secret) as Uint8Array, totpStep(trial.clock.now())) });
  await trial.close();
});
