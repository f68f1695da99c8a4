// Signing in by a provider of identities: its settings, who of its people is who here, and what their groups may. Nothing of it is asked for by
// anything else: a provider that does not answer keeps nobody from signing in with a password.
//
// Who somebody is, is the issuer and its name for them, never a name or an address that they could choose:
//
// | known here as | then |
// | --- | --- |
// | linked to a user | that user |
// | linked to nobody, one of their groups has a role | a new user of their name; a name that is taken is refused: its user links the two, signed in |
// | linked to nobody, no group has a role | refused |
import { randomBytes } from 'node:crypto';
import type { IdentityProvider, Identity, ProviderProof } from '../drivers/identity-provider.ts';
import type { Clock } from '../lib/clock.ts';
import { CaissonError } from '../lib/errors.ts';
import type { KeyedLock } from '../lib/keyed-lock.ts';
import { RateLimit } from '../lib/rate-limit.ts';
import { digestOf } from '../lib/secret.ts';
import type { KeyPlace } from '../lib/webauthn.ts';
import { isAccountName } from '../model/account-name.ts';
import type { Caller } from '../model/caller.ts';
import {
  type Provider,
  type ProviderAnswer,
  type ProviderCheck,
  type ProviderRecord,
  providerRolesLifeMs,
  viewProvider,
  type WantedProvider,
} from '../model/identity-provider.ts';
import { clip, quote } from '../model/quote.ts';
import { fullNameSchema, type UserRecord } from '../model/user.ts';
import type { Accounts } from './accounts.ts';
import type { Events } from './events.ts';
import { limitKeyOf } from './limit-key.ts';
import { type Opened, type SessionRequest, type SignIn, tooMany } from './sign-in.ts';
import type { Users } from './users.ts';

/** From the button until one is back: somebody may have to type a password there. */
const beginningLifeMs = 10 * 60_000;
const mostBeginnings = 1000;
/** Questions to the provider that may be under way. */
const mostAsking = 8;

interface Beginning {
  proof: ProviderProof;
  /** Of the browser that began it. */
  binding: string;
  /** The session whose user is to be linked; absent: to sign in. */
  linkFor: string | undefined;
  until: number;
}

export interface ProviderSignInDependencies {
  accounts: Accounts;
  clock: Clock;
  events: Events;
  lock: KeyedLock;
  identityProvider: IdentityProvider;
  signIn: SignIn;
  users: Users;
}

export class ProviderSignIn {
  readonly #with: ProviderSignInDependencies;
  /** By state. In memory alone: after another start one begins anew. */
  readonly #begun = new Map<string, Beginning>();
  /** Beginnings from one address, each of which asks the provider something. */
  readonly #perAddress: RateLimit;
  #asking = 0;

  constructor(dependencies: ProviderSignInDependencies) {
    this.#with = dependencies;
    this.#perAddress = new RateLimit({ burst: 20, everyMs: 5000, clock: dependencies.clock });
  }

  /** What the page needs before anybody is known. */
  get label(): string | undefined {
    return this.#with.accounts.provider?.label;
  }

  get(): Provider {
    return viewProvider(this.#provider());
  }

  /** In place of the one before; with another issuer or client a secret must be given again. */
  async set({ clientSecret, roles, ...wanted }: WantedProvider, by: Caller): Promise<Provider> {
    const { accounts, users, events } = this.#with;
    const before = accounts.provider;
    const isSame = before?.issuer === wanted.issuer && before.clientId === wanted.clientId;
    const secret = clientSecret ?? (isSame ? before.clientSecret : undefined);
    const bindings = roles.map(({ group, ...binding }) => users.resolve([binding], before?.roles).map((role) => ({ ...role, group })));
    const record: ProviderRecord = { ...wanted, ...(secret === undefined ? {} : { clientSecret: secret }), roles: bindings.flat() };
    if (before && before.issuer !== record.issuer) await accounts.deleteProvider();
    await accounts.putProvider(record);
    await this.#takeRolesAway(record);
    const message = `people of ${record.issuer} may sign in, by ${record.roles.length} roles of groups`;
    events.emit({ kind: 'identity-provider-changed', message, object: 'identity-provider', actor: by.actor });
    return viewProvider(record);
  }

  async delete(by: Caller): Promise<Provider> {
    const record = this.#provider();
    await this.#with.accounts.deleteProvider();
    const message = `nobody signs in by ${record.issuer} any more`;
    this.#with.events.emit({ kind: 'identity-provider-changed', message, object: 'identity-provider', actor: by.actor });
    return viewProvider(record);
  }

  check(): Promise<ProviderCheck> {
    const provider = this.#provider();
    return this.#ask(() => this.#with.identityProvider.check(provider));
  }

  /** With `link`, for the user of the caller’s session. Throws `not-found` without a provider, `too-many`, `unavailable`. */
  async begin(
    link: boolean,
    by: Caller,
    { address, place }: { address: string; place?: KeyPlace | undefined },
  ): Promise<{ url: string; binding: string }> {
    const { clock, identityProvider } = this.#with;
    const provider = this.#provider();
    if (!place) throw new CaissonError('unsupported', 'this is for a browser, which comes back to the page');
    if (link && (by.user === undefined || by.session === undefined))
      throw new CaissonError('unauthorized', 'sign in first: that user is then linked');
    const from = limitKeyOf(address);
    const wait = this.#perAddress.waitMs(from);
    if (wait > 0) throw tooMany(wait);
    this.#perAddress.take(from);
    const { url, proof } = await this.#ask(() => identityProvider.ask(provider, `${place.origin}/`));
    const now = clock.now();
    for (const [state, { until }] of this.#begun) if (until <= now || this.#begun.size >= mostBeginnings) this.#begun.delete(state);
    const binding = randomBytes(32).toString('base64url');
    this.#begun.set(proof.state, { proof, binding, linkFor: link ? by.session : undefined, until: now + beginningLifeMs });
    return { url, binding };
  }

  /**
   * Who came back, as the user that they are here. Throws `unauthorized` for who is nobody here, or comes with something that was used, is over or began
   * in another browser; `untrusted` and `unavailable` as the provider’s contract says.
   */
  async finish(
    answer: ProviderAnswer,
    binding: string,
    request: Omit<SessionRequest, 'kind'> & { place?: KeyPlace | undefined },
  ): Promise<{ user: string; opened: Opened | undefined }> {
    const { identityProvider } = this.#with;
    const { address, program, place } = request;
    const { proof, linkFor } = this.#redeem(answer.state, binding, place);
    const provider = this.#provider();
    const identity = await this.#ask(() => identityProvider.identify(provider, proof, answer));
    if (linkFor !== undefined) return { user: await this.#link(provider, identity, linkFor), opened: undefined };
    const { endSessionUrl, sid } = identity;
    const session: SessionRequest = {
      kind: 'cookie',
      address,
      program,
      provider: { ...(endSessionUrl === undefined ? {} : { endSessionUrl }), ...(sid === undefined ? {} : { sid }) },
    };
    return this.#enter(provider, identity, session);
  }

  /** Roles that no group has any more end at once, and not only with the next sign-in. */
  async #takeRolesAway({ roles }: ProviderRecord): Promise<void> {
    const { accounts, lock } = this.#with;
    for (const { name } of [...accounts.users.values()].filter(({ providerRoles }) => providerRoles))
      await lock.with(name, async () => {
        const user = accounts.users.get(name);
        if (!user?.providerRoles) return;
        const bindings = user.providerRoles.bindings.filter(({ role, on }) => roles.some((each) => each.role === role && each.on === on));
        if (bindings.length < user.providerRoles.bindings.length)
          await accounts.putUser({ ...user, providerRoles: { ...user.providerRoles, bindings } });
      });
  }

  async #enter(provider: ProviderRecord, identity: Identity, session: SessionRequest): Promise<{ user: string; opened: Opened }> {
    const { accounts, clock, lock, signIn } = this.#with;
    const known = this.#linked(provider, identity);
    const name = known?.name ?? this.#newName(provider, identity);
    return lock.with(name, async () => {
      // Who was made, linked or taken away meanwhile counts as it is now.
      const user = this.#linked(provider, identity) ?? (await this.#make(provider, identity, name));
      if (user.name !== name || !user.enabled) throw nobody(provider, `user ${user.name} is disabled: ask an administrator`);
      const bindings = rolesOf(provider, identity);
      const after: UserRecord = { ...user, providerRoles: { bindings, until: clock.now() + providerRolesLifeMs } };
      await accounts.putUser(after);
      return { user: name, opened: await signIn.begin(after, session) };
    });
  }

  async #make(provider: ProviderRecord, identity: Identity, name: string): Promise<UserRecord> {
    const { accounts, clock, events } = this.#with;
    if (accounts.users.has(name)) throw taken(provider, name);
    const fullName = fullNameSchema.safeParse(identity.fullName);
    const record: UserRecord = {
      name,
      ...(fullName.success ? { fullName: fullName.data } : {}),
      enabled: true,
      bindings: [],
      identity: { issuer: provider.issuer, subject: identity.subject },
      createdAt: new Date(clock.now()).toISOString(),
    };
    await accounts.putUser(record, { isNew: true });
    const message = `user ${name} was made, who signed in by ${provider.issuer}`;
    events.emit({ kind: 'user-created', message, object: `user/${name}`, actor: `user:${name}` });
    return record;
  }

  /** Throws `unauthorized` when there is none that they could have. */
  #newName(provider: ProviderRecord, identity: Identity): string {
    if (rolesOf(provider, identity).length === 0)
      throw nobody(provider, 'none of your groups there has a role here; an administrator gives one with “caisson oidc set”');
    const name = identity.userName?.toLowerCase();
    if (name === undefined || !isAccountName(name)) {
      const said = name === undefined ? 'does not say it' : `says ${quote(clip(name, 63))}, which cannot be a user’s name`;
      throw nobody(
        provider,
        `your name here would be the claim ${quote(provider.userClaim)}, and it ${said}; an administrator chooses another claim`,
      );
    }
    if (this.#with.accounts.users.has(name)) throw taken(provider, name);
    return name;
  }

  async #link(provider: ProviderRecord, identity: Identity, session: string): Promise<string> {
    const { accounts, events, lock, signIn } = this.#with;
    const caller = signIn.callerOf(session);
    if (caller?.user === undefined) throw new CaissonError('unauthorized', 'whoever began this is signed out: sign in, and link once more');
    const { user: name } = caller;
    return lock.with(name, async () => {
      const user = accounts.users.get(name);
      const other = this.#linked(provider, identity);
      if (!user || (other && other.name !== name))
        throw new CaissonError('conflict', `this account of “${provider.label}” is user ${other?.name ?? name} here already`);
      await accounts.putUser({ ...user, identity: { issuer: provider.issuer, subject: identity.subject } });
      const message = `user ${name} signs in by ${provider.issuer} too`;
      events.emit({ kind: 'user-changed', message, object: `user/${name}`, actor: caller.actor });
      return name;
    });
  }

  #linked({ issuer }: ProviderRecord, { subject }: Identity): UserRecord | undefined {
    return [...this.#with.accounts.users.values()].find(({ identity }) => identity?.issuer === issuer && identity.subject === subject);
  }

  /** What was begun, once. */
  #redeem(state: string, binding: string, place: KeyPlace | undefined): Beginning {
    const begun = this.#begun.get(state);
    const isRight =
      begun !== undefined &&
      begun.until > this.#with.clock.now() &&
      digestOf(begun.binding) === digestOf(binding) &&
      begun.proof.redirectUri === `${place?.origin}/`;
    // What another browser shows does not take it from the one that began it.
    if (!isRight)
      throw new CaissonError('unauthorized', 'this sign-in was used, is over, or was begun in another browser: begin it once more');
    this.#begun.delete(state);
    return begun;
  }

  /** Each is bounded in time by the driver. */
  async #ask<T>(question: () => Promise<T>): Promise<T> {
    if (this.#asking >= mostAsking)
      throw new CaissonError('too-many', 'the provider of identities is slow, and many are waiting for it: try again in a minute', {
        details: { retryAfterSeconds: 60 },
      });
    this.#asking++;
    return question().finally(() => this.#asking--);
  }

  #provider(): ProviderRecord {
    const { provider } = this.#with.accounts;
    if (!provider) throw new CaissonError('not-found', 'there is no provider of identities: “caisson oidc set” says which one');
    return provider;
  }
}

/** Of all their groups, each once. */
function rolesOf({ roles }: ProviderRecord, { groups }: Identity): UserRecord['bindings'] {
  const bindings = roles.filter(({ group }) => groups.includes(group)).map(({ role, on }) => ({ role, on }));
  return bindings.filter((binding, at) => bindings.findIndex(({ role, on }) => role === binding.role && on === binding.on) === at);
}

function nobody({ label }: ProviderRecord, why: string): CaissonError {
  return new CaissonError('unauthorized', `“${label}” knows you, and you are nobody here: ${why}`);
}

function taken(provider: ProviderRecord, name: string): CaissonError {
  return nobody(
    provider,
    `there is a user ${name} already, who is not linked to it; if that is you, sign in with your password and link the two in the settings of the page`,
  );
}
