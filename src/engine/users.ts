// Users and what they may: making, changing, passwords, second factors. Whoever changes something loses no right by a mistake of a moment: the last
// user who can administer the site stays one, unless the host's own administrator takes that away.
import { randomBytes } from 'node:crypto';
import { toBase32 } from '../lib/base32.ts';
import type { Clock } from '../lib/clock.ts';
import { CaissonError } from '../lib/errors.ts';
import type { KeyedLock } from '../lib/keyed-lock.ts';
import type { PasswordHashes } from '../lib/password-hash.ts';
import { digestOf, newSecret } from '../lib/secret.ts';
import { findTotpStep, totpSecretBytes, totpUri } from '../lib/totp.ts';
import type { KeyCreation, KeyPlace } from '../lib/webauthn.ts';
import type { Actor } from '../model/actor.ts';
import { accountNameSchema } from '../model/account-name.ts';
import type { Caller } from '../model/caller.ts';
import { quote } from '../model/quote.ts';
import { may, type RoleBinding, scopeText } from '../model/rights.ts';
import { parseScope } from '../model/role.ts';
import type { KeyCreationOptions } from '../model/security-key.ts';
import type { Session } from '../model/session.ts';
import { fullNameSchema, type User, type UserRecord, viewUser, type WantedBinding, whyNoPassword } from '../model/user.ts';
import type { Accounts } from './accounts.ts';
import type { Events } from './events.ts';
import { addWay, withoutWays } from './second-factor.ts';
import type { SecurityKeys } from './security-keys.ts';
import { type SignIn, sessionId } from './sign-in.ts';

const setUpLifeMs = 24 * 3_600_000;
const setUpPrefix = 'caisson_setup_';
/** A second factor that was begun and not confirmed is forgotten after this time. */
const beginningLifeMs = 15 * 60_000;
const mostUsers = 1000;

/** The site, as far as roles are bound to it. */
export interface Scopes {
  siteName(): string;
  guest(nameOrUid: string): { uid: string; name: string } | undefined;
  hasZone(name: string): boolean;
}

export interface NewUser {
  name: string;
  fullName?: string | undefined;
  password?: string | undefined;
  bindings: readonly WantedBinding[];
}

export interface UserChange {
  fullName?: string | undefined;
  enabled?: boolean | undefined;
  /** In place of those that there are. */
  bindings?: readonly WantedBinding[] | undefined;
}

export interface UsersDependencies {
  accounts: Accounts;
  clock: Clock;
  events: Events;
  lock: KeyedLock;
  passwords: PasswordHashes;
  scopes: Scopes;
  securityKeys: SecurityKeys;
  signIn: SignIn;
}

export class Users {
  readonly #with: UsersDependencies;
  readonly #begun = new Map<string, { secret: Uint8Array; until: number }>();

  constructor(dependencies: UsersDependencies) {
    this.#with = dependencies;
  }

  list(): User[] {
    return [...this.#with.accounts.users.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(viewUser);
  }

  /** Whether anybody signs in by one. */
  anyPassword(): boolean {
    return [...this.#with.accounts.users.values()].some(({ enabled, passwordHash }) => enabled && passwordHash !== undefined);
  }

  get(name: string): User {
    return viewUser(this.#record(name));
  }

  async add(wanted: NewUser, actor: Actor): Promise<User> {
    const { accounts } = this.#with;
    if (accounts.users.size >= mostUsers)
      throw new CaissonError('invalid', `there are ${mostUsers} users already: delete those that are not needed`);
    const record = await this.#newRecord(wanted);
    await accounts.putUser(record, { isNew: true });
    this.#tell('user-created', record.name, `user ${record.name} was made: ${this.#describe(record.bindings)}`, actor);
    return viewUser(record);
  }

  set(name: string, change: UserChange, actor: Actor): Promise<User> {
    return this.#change(name, async (before) => {
      const record: UserRecord = {
        ...before,
        ...(change.fullName === undefined ? {} : { fullName: readFullName(change.fullName) }),
        ...(change.enabled === undefined ? {} : { enabled: change.enabled }),
        ...(change.bindings === undefined ? {} : { bindings: this.resolve(change.bindings, before.bindings) }),
      };
      this.#keepAnAdministrator(before, record, actor);
      const ending = record.enabled ? [] : this.#sessionsOf(name);
      await this.#with.accounts.putUser(record, { ending });
      const what = [
        ...(change.enabled === undefined ? [] : [record.enabled ? 'enabled' : 'disabled']),
        ...(change.bindings === undefined ? [] : [this.#describe(record.bindings)]),
        ...(change.fullName === undefined ? [] : ['another full name']),
      ];
      this.#tell('user-changed', name, `user ${name} was changed: ${what.join('; ')}`, actor);
      return record;
    });
  }

  async delete(name: string, actor: Actor): Promise<User> {
    const { accounts, lock } = this.#with;
    return lock.with(name, async () => {
      const record = this.#record(name);
      this.#keepAnAdministrator(record, undefined, actor);
      await accounts.deleteUser(name);
      this.#tell('user-deleted', name, `user ${name} was deleted, with sessions and tokens`, actor);
      return viewUser(record);
    });
  }

  /** Ends every session but the caller's own. Of oneself it needs the password that there is. */
  async setPassword(
    name: string,
    wanted: { password: string; currentPassword?: string | undefined },
    by: Caller,
    address: string,
  ): Promise<User> {
    if (by.user === name && this.#record(name).passwordHash !== undefined)
      await this.#with.signIn.confirm(name, wanted.currentPassword, address);
    return this.#change(name, async (before) => {
      const record = { ...before, passwordHash: await this.#hash(wanted.password, name) };
      await this.#with.accounts.putUser(record, { ending: this.#sessionsOf(name).filter((digest) => digest !== by.session) });
      this.#tell('user-changed', name, `user ${name} has a new password; other sessions were ended`, by.actor);
      return record;
    });
  }

  /** A new secret for an authenticator; it counts once a code of it was shown. */
  async beginSecondFactor(
    name: string,
    currentPassword: string | undefined,
    by: Caller,
    address: string,
  ): Promise<{ secret: string; uri: string }> {
    const record = this.#record(name);
    if (by.user === name) await this.#with.signIn.confirm(name, currentPassword, address);
    if (record.secondFactor?.authenticator)
      throw new CaissonError('not-allowed', `user ${name} has an authenticator already: remove it first`);
    const secret = randomBytes(totpSecretBytes);
    this.#begun.set(name, { secret, until: this.#with.clock.now() + beginningLifeMs });
    return { secret: toBase32(secret), uri: totpUri(secret, `Caisson ${this.#with.scopes.siteName()}`, name) };
  }

  /** Returns recovery codes, shown this once; none when there was another second factor, whose codes go on. */
  async confirmSecondFactor(name: string, code: string, by: Caller): Promise<{ recoveryCodes: string[] }> {
    const { clock } = this.#with;
    let recoveryCodes: string[] = [];
    await this.#change(name, async (before) => {
      const begun = this.#begun.get(name);
      if (!begun || begun.until <= clock.now()) throw new CaissonError('not-allowed', 'begin it first: nothing waits for a code');
      const usedStep = findTotpStep(begun.secret, code, clock.now(), -1);
      if (usedStep === undefined)
        throw new CaissonError('invalid', 'this is not the code that the authenticator shows now: is the clock of its device right?');
      const added = addWay(before, { authenticator: { secret: toBase32(begun.secret), usedStep } });
      await this.#putWithNewFactor(added.user, by, 'the codes of an authenticator');
      this.#begun.delete(name);
      recoveryCodes = added.codes;
      return added.user;
    });
    return { recoveryCodes };
  }

  async removeSecondFactor(name: string, currentPassword: string | undefined, by: Caller, address: string): Promise<User> {
    if (by.user === name) await this.#with.signIn.confirm(name, currentPassword, address);
    return this.#change(name, async (before) => {
      const record = withoutWays(before, ({ keys, recoveryDigests }) => ({ keys, recoveryDigests }));
      await this.#with.accounts.putUser(record);
      this.#tell('user-changed', name, `user ${name} has no authenticator any more${noFactorLeft(record)}`, by.actor);
      return record;
    });
  }

  /** By the user alone, in the browser that the key is plugged into. */
  async beginKey(
    name: string,
    currentPassword: string | undefined,
    by: Caller,
    from: { address: string; place?: KeyPlace | undefined },
  ): Promise<KeyCreationOptions> {
    const record = this.#record(name);
    mustBeOneself(name, by);
    await this.#with.signIn.confirm(name, currentPassword, from.address);
    return this.#with.securityKeys.begin(record, `Caisson ${this.#with.scopes.siteName()}`, from.place);
  }

  /** Returns recovery codes as confirmSecondFactor does. */
  async addKey(
    name: string,
    wanted: { name: string; creation: KeyCreation },
    by: Caller,
  ): Promise<{ user: User; recoveryCodes: string[] }> {
    mustBeOneself(name, by);
    let recoveryCodes: string[] = [];
    const user = await this.#change(name, async (before) => {
      const key = await this.#with.securityKeys.read(before, wanted.name, wanted.creation);
      const added = addWay(before, { keys: [...(before.secondFactor?.keys ?? []), key] });
      await this.#putWithNewFactor(added.user, by, `the security key ${quote(key.name)}`);
      recoveryCodes = added.codes;
      return added.user;
    });
    return { user, recoveryCodes };
  }

  async removeKey(name: string, key: string, currentPassword: string | undefined, by: Caller, address: string): Promise<User> {
    if (by.user === name) await this.#with.signIn.confirm(name, currentPassword, address);
    return this.#change(name, async (before) => {
      if (!before.secondFactor?.keys.some((each) => each.name === key))
        throw new CaissonError('not-found', `no key of ${name} is called ${quote(key)}; “caisson user keys ${name}” shows all`);
      const record = withoutWays(before, (factor) => ({ ...factor, keys: factor.keys.filter((each) => each.name !== key) }));
      await this.#with.accounts.putUser(record);
      this.#tell('user-changed', name, `the security key ${quote(key)} of user ${name} was removed${noFactorLeft(record)}`, by.actor);
      return record;
    });
  }

  /** The user is no longer who the provider says; without a password of their own they cannot sign in any more. */
  async forgetProvider(name: string, currentPassword: string | undefined, by: Caller, address: string): Promise<User> {
    if (by.user === name) await this.#with.signIn.confirm(name, currentPassword, address);
    return this.#change(name, async (before) => {
      const { identity, providerRoles: _, ...record } = before;
      if (!identity) throw new CaissonError('not-allowed', `user ${name} does not sign in by a provider of identities`);
      const { sessions } = this.#with.accounts;
      await this.#with.accounts.putUser(record, { ending: this.#sessionsOf(name).filter((digest) => sessions.get(digest)?.provider) });
      this.#tell('user-changed', name, `user ${name} does not sign in by ${identity.issuer} any more`, by.actor);
      return record;
    });
  }

  /** Ends every session of the user. Returns how many. */
  async endSessions(name: string, actor: Actor): Promise<number> {
    const sessions = this.#sessionsOf(this.#record(name).name);
    await this.#with.accounts.endSessions(sessions);
    if (sessions.length > 0) this.#tell('user-changed', name, `${sessions.length} sessions of user ${name} were ended`, actor);
    return sessions.length;
  }

  /** Nobody, and no token, has a role on these zones any more. */
  async forgetZones(zones: readonly string[]): Promise<void> {
    const { accounts, lock } = this.#with;
    const scopes = new Set<string>(zones.map((name) => `zone:${name}`));
    const isOn = ({ on }: RoleBinding) => scopes.has(on);
    const left = (bindings: readonly RoleBinding[]) => bindings.filter((binding) => !isOn(binding));
    const rolesOf = ({ bindings, providerRoles }: UserRecord) => [...bindings, ...(providerRoles?.bindings ?? [])];
    for (const { name } of [...accounts.users.values()].filter((user) => rolesOf(user).some(isOn)))
      await lock.with(name, async () => {
        const user = accounts.users.get(name);
        if (!user) return;
        const { providerRoles } = user;
        await accounts.putUser({
          ...user,
          bindings: left(user.bindings),
          ...(providerRoles ? { providerRoles: { ...providerRoles, bindings: left(providerRoles.bindings) } } : {}),
        });
        const gone = this.#describe(rolesOf(user).filter(isOn));
        this.#tell('user-changed', name, `user ${name} lost what went with a deleted zone: ${gone}`, 'system');
      });
    for (const token of [...accounts.tokens.values()].filter(({ bindings }) => bindings.some(isOn)))
      await accounts.changeToken({ ...token, bindings: left(token.bindings) });
    const { provider } = accounts;
    if (provider?.roles.some(isOn)) await accounts.putProvider({ ...provider, roles: provider.roles.filter((role) => !isOn(role)) });
  }

  /** Those of the bindings whose zone is there. */
  withZones(bindings: readonly RoleBinding[]): RoleBinding[] {
    const { scopes } = this.#with;
    return bindings.filter(({ on }) => !on.startsWith('zone:') || scopes.hasZone(on.slice('zone:'.length)));
  }

  /** Returns it as it was. */
  async endSession(name: string, id: string, by: Caller): Promise<Session> {
    const { accounts, signIn } = this.#with;
    const found = signIn.sessionsOf(this.#record(name).name, by.session).find((session) => session.id === id);
    if (!found)
      throw new CaissonError('not-found', `no session of ${name} is called ${quote(id)}; “caisson user sessions ${name}” shows all`);
    await accounts.endSessions(this.#sessionsOf(name).filter((digest) => sessionId(digest) === id));
    const message = `the session ${id} of user ${name}, from ${found.address}, was ended`;
    this.#tell('user-changed', name, message, by.actor);
    return found;
  }

  /** The secret of a new set-up link, which ends the one before. Throws `not-allowed` once there are users. */
  async newSetUpSecret(): Promise<{ secret: string; endsAt: string }> {
    const { accounts, clock } = this.#with;
    this.#mustHaveNoUsers();
    const { secret, digest } = newSecret(setUpPrefix);
    const endsAt = clock.now() + setUpLifeMs;
    await accounts.putSetUp({ digest, endsAt });
    return { secret, endsAt: new Date(endsAt).toISOString() };
  }

  /** The first start: nobody has ever been told how to begin. */
  get needsFirstSetUp(): boolean {
    const { accounts } = this.#with;
    return accounts.users.size === 0 && !accounts.setUpWasMade;
  }

  /** Makes the first administrator. One of two at the same time succeeds. */
  setUp(wanted: { secret: string; name: string; password: string }): Promise<User> {
    const { accounts, clock, lock } = this.#with;
    return lock.with('set-up', async () => {
      this.#mustHaveNoUsers();
      const { setUp } = accounts;
      if (!setUp || setUp.endsAt <= clock.now() || digestOf(wanted.secret) !== setUp.digest)
        throw new CaissonError(
          'unauthorized',
          'this set-up link was used, is over, or is not the last one: “caisson user setup-link” on the host makes a new one',
        );
      const { name, password } = wanted;
      const record = await this.#newRecord({ name, password, bindings: [{ role: 'administrator', on: 'site' }] });
      await accounts.putFirstUser(record);
      this.#tell('user-created', name, `user ${name} was made by the set-up link: ${this.#describe(record.bindings)}`, `user:${name}`);
      return viewUser(record);
    });
  }

  /**
   * Bindings as they are kept: guests by their uid. Throws `invalid` or `not-found` for what is not there, unless it is among those `before`: what a
   * role was on may be gone.
   */
  resolve(wanted: readonly WantedBinding[], before: readonly RoleBinding[] = []): RoleBinding[] {
    const { scopes } = this.#with;
    const bindings = wanted.map(({ role, on }): RoleBinding => {
      const kept = before.find((binding) => binding.on === on);
      if (kept) return { role, on: kept.on };
      const guest = /^guest:(.+)$/.exec(on)?.[1];
      if (guest !== undefined) {
        const found = scopes.guest(guest);
        if (!found) throw new CaissonError('not-found', `no guest is called ${quote(guest)}; “caisson guest list” shows all`);
        return { role, on: `guest:${found.uid}` };
      }
      const scope = parseScope(on);
      if (!scope) throw new CaissonError('invalid', `${quote(on)} is nothing to have a role on: expected is site, zone:NAME or guest:NAME`);
      if (scope.kind === 'zone' && !scopes.hasZone(scope.name))
        throw new CaissonError('not-found', `no zone is called ${quote(scope.name)}; “caisson zone list” shows all`);
      return { role, on: scope.kind === 'zone' ? `zone:${scope.name}` : 'site' };
    });
    return bindings.filter((binding, at) => bindings.findIndex(({ role, on }) => role === binding.role && on === binding.on) === at);
  }

  /** As they are typed, so that events say it in the words of whoever gave them. */
  #describe(bindings: readonly RoleBinding[]): string {
    if (bindings.length === 0) return 'no role';
    return bindings.map(({ role, on }) => `${role} on ${scopeText(on, (uid) => this.#with.scopes.guest(uid)?.name)}`).join(', ');
  }

  #change(name: string, work: (before: UserRecord) => Promise<UserRecord>): Promise<User> {
    return this.#with.lock.with(name, async () => viewUser(await work(this.#record(name))));
  }

  async #newRecord({ name, fullName, password, bindings }: NewUser): Promise<UserRecord> {
    const parsed = accountNameSchema.safeParse(name);
    if (!parsed.success) throw new CaissonError('invalid', `${quote(name)} cannot be a user’s name: ${parsed.error.issues[0]?.message}`);
    if (this.#with.accounts.users.has(name)) throw new CaissonError('conflict', `a user is called ${quote(name)} already`);
    return {
      name,
      ...(fullName === undefined ? {} : { fullName: readFullName(fullName) }),
      enabled: true,
      bindings: this.resolve(bindings),
      ...(password === undefined ? {} : { passwordHash: await this.#hash(password, name) }),
      createdAt: new Date(this.#with.clock.now()).toISOString(),
    };
  }

  async #hash(password: string, user: string): Promise<string> {
    const why = whyNoPassword(password, user);
    if (why !== undefined) throw new CaissonError('invalid', why);
    return this.#with.passwords.hash(password);
  }

  #record(name: string): UserRecord {
    const record = this.#with.accounts.users.get(name);
    if (!record) throw new CaissonError('not-found', `no user is called ${quote(name)}; “caisson user list” shows all`);
    return record;
  }

  /** Whoever was signed in without it is signed out. */
  async #putWithNewFactor(record: UserRecord, by: Caller, what: string): Promise<void> {
    const { name } = record;
    await this.#with.accounts.putUser(record, { ending: this.#sessionsOf(name).filter((digest) => digest !== by.session) });
    this.#tell('user-changed', name, `user ${name} has a second factor from now on: ${what}`, by.actor);
  }

  #sessionsOf(name: string): string[] {
    return this.#with.accounts.sessionsOf(name).map(([digest]) => digest);
  }

  #mustHaveNoUsers(): void {
    if (this.#with.accounts.users.size > 0)
      throw new CaissonError(
        'not-allowed',
        'there are users already: an administrator adds more; on the host, “caisson user password” gives one a new password',
      );
  }

  #keepAnAdministrator(before: UserRecord, after: UserRecord | undefined, actor: Actor): void {
    if (actor === 'local' || !administers(before) || (after && administers(after))) return;
    const others = [...this.#with.accounts.users.values()].filter((user) => user.name !== before.name && administers(user));
    if (others.length === 0)
      throw new CaissonError(
        'not-allowed',
        `user ${before.name} is the last who can administer the site: make another administrator first`,
      );
  }

  #tell(kind: 'user-created' | 'user-changed' | 'user-deleted', name: string, message: string, actor: Actor): void {
    this.#with.events.emit({ kind, message, object: `user/${name}`, actor });
  }
}

function administers({ enabled, passwordHash, bindings }: UserRecord): boolean {
  return enabled && passwordHash !== undefined && may(bindings, 'administer', { kind: 'site' });
}

function mustBeOneself(name: string, by: Caller): void {
  if (by.user !== name || by.session === undefined)
    throw new CaissonError('not-allowed', `a security key is added by its user: ${name} signs in, and adds it in the settings of the page`);
}

function noFactorLeft({ secondFactor }: UserRecord): string {
  return secondFactor ? '' : ': a password is enough from now on';
}

function readFullName(text: string): string {
  const parsed = fullNameSchema.safeParse(text);
  if (!parsed.success) throw new CaissonError('invalid', `${quote(text)} cannot be somebody’s name: ${parsed.error.issues[0]?.message}`);
  return parsed.data;
}
