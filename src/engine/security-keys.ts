// Security keys of users: adding, removing, and signing in by one. What checks them is loaded by the first who uses it: most daemons have none.
//
// | chosen | because |
// | --- | --- |
// | user verification discouraged | the password was the first factor: a PIN of the key would be a third |
// | resident key discouraged | the key need not remember us, and has little room |
// | attestation none | any maker’s key is one |
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import type { Clock } from '../lib/clock.ts';
import { CaissonError } from '../lib/errors.ts';
import type { KeyAssertion, KeyCreation, KeyPlace } from '../lib/webauthn.ts';
import { quote } from '../model/quote.ts';
import {
  type KeyCreationOptions,
  type KeyRequest,
  mostSecurityKeys,
  securityKeyNameSchema,
  type SecurityKeyRecord,
} from '../model/security-key.ts';
import type { SecondFactor, UserRecord } from '../model/user.ts';
import { challengeLifeMs, KeyChallenges } from './key-challenges.ts';

const load = () => import('../lib/webauthn.ts');

export class SecurityKeys {
  readonly #clock: Clock;
  readonly #challenges: KeyChallenges;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#challenges = new KeyChallenges(clock);
  }

  /** Throws `unsupported` where the page is open by an address, `not-allowed` when there are enough. */
  async begin(user: UserRecord, site: string, place: KeyPlace | undefined): Promise<KeyCreationOptions> {
    const { host, origin } = mustHaveName(place);
    const keys = user.secondFactor?.keys ?? [];
    if (keys.length >= mostSecurityKeys)
      throw new CaissonError(
        'not-allowed',
        `user ${user.name} has ${mostSecurityKeys} security keys already: remove one that is not needed`,
      );
    const { keyAlgorithms } = await load();
    return {
      challenge: this.#challenges.issue(user.name, 'add', { host, origin }),
      host,
      site,
      handle: createHash('sha256').update(`caisson/${host}/${user.name}`).digest('base64url'),
      user: user.name,
      algorithms: [...keyAlgorithms],
      exclude: keys.filter((key) => key.host === host).map(({ id }) => id),
      timeoutMs: challengeLifeMs,
    };
  }

  /** Throws `invalid` for a name or an answer that does not count, `conflict` for a key or name that is there. */
  async read(user: UserRecord, name: string, creation: KeyCreation): Promise<SecurityKeyRecord> {
    const { challengeOf, readCreatedKey } = await load();
    const expected = this.#challenges.redeem(challengeOf(creation.clientData), user.name, 'add');
    const parsed = securityKeyNameSchema.safeParse(name);
    if (!parsed.success) throw new CaissonError('invalid', `${quote(name)} cannot be a key’s name: ${parsed.error.issues[0]?.message}`);
    const keys = user.secondFactor?.keys ?? [];
    if (keys.some((key) => key.name === name)) throw new CaissonError('conflict', `a key of ${user.name} is called ${quote(name)} already`);
    if (keys.length >= mostSecurityKeys) throw new CaissonError('not-allowed', `there are ${mostSecurityKeys} keys already`);
    const key = readCreatedKey(creation, expected);
    if (keys.some(({ id }) => id === key.id)) throw new CaissonError('conflict', 'this key is one of yours already');
    return { ...key, name, host: expected.host, createdAt: this.#now() };
  }

  /** What a browser at this place is asked for; undefined when none of the user’s keys works there. */
  request(user: UserRecord, place: KeyPlace | undefined): KeyRequest | undefined {
    const keys = (user.secondFactor?.keys ?? []).filter((key) => key.host === place?.host);
    if (place === undefined || keys.length === 0) return undefined;
    return {
      challenge: this.#challenges.issue(user.name, 'sign-in', place),
      host: place.host,
      keys: keys.map(({ id }) => id),
      timeoutMs: challengeLifeMs,
    };
  }

  /**
   * The second factor after this key was used. Throws `invalid` for an answer that does not count, `untrusted` when the key’s counter
   * says that there is a copy of it.
   */
  async use(user: UserRecord, factor: SecondFactor, assertion: KeyAssertion, place: KeyPlace | undefined): Promise<SecondFactor> {
    const { challengeOf, checkAssertion, isCounterPlausible } = await load();
    const expected = this.#challenges.redeem(challengeOf(assertion.clientData), user.name, 'sign-in');
    const key = factor.keys.find(({ id, host }) => id === assertion.id && host === expected.host);
    if (!key || place?.origin !== expected.origin)
      throw new CaissonError('invalid', 'this answer of a security key does not count: it is no key of this user at this address');
    const { counter } = checkAssertion(assertion, key, expected);
    if (!isCounterPlausible(key.counter, counter))
      throw new CaissonError(
        'untrusted',
        `the key ${quote(key.name)} has counted back: there may be a copy of it; sign in by another way, and remove it`,
      );
    const used: SecurityKeyRecord = { ...key, counter, usedAt: this.#now() };
    return { ...factor, keys: factor.keys.map((each) => (each === key ? used : each)) };
  }

  #now(): string {
    return new Date(this.#clock.now()).toISOString();
  }
}

/** Browsers bind keys to a name. */
function mustHaveName(place: KeyPlace | undefined): KeyPlace {
  if (place === undefined)
    throw new CaissonError(
      'unsupported',
      'a security key is added in the browser, in the settings of the page: that binds it to its address',
    );
  const isAddress = isIP(place.host.replaceAll(/^\[|\]$/g, '')) !== 0;
  if (isAddress)
    throw new CaissonError(
      'unsupported',
      `security keys are bound to a host name, and ${place.host} is an address: open the page by a name that its certificate has (on the machine itself: localhost), and add the key there`,
    );
  return place;
}
