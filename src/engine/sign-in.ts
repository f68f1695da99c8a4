// Signing in: password, then a code or key of a second factor; sessions; and who a secret belongs to. Nothing here tells whether a user exists: an unknown
// one, a disabled one and a wrong password take the same time and get the same answer. How often it may be tried is limited for each address,
// and for each account; who has no try left is told when again, right password or not.
import type { Clock } from '../lib/clock.ts';
import { CaissonError, toCaissonError } from '../lib/errors.ts';
import { harmlessLine } from '../lib/harmless.ts';
import type { KeyedLock } from '../lib/keyed-lock.ts';
import type { PasswordHashes } from '../lib/password-hash.ts';
import { RateLimit } from '../lib/rate-limit.ts';
import { digestOf, newSecret } from '../lib/secret.ts';
import type { KeyAssertion, KeyPlace } from '../lib/webauthn.ts';
import { isAccountName } from '../model/account-name.ts';
import type { Caller } from '../model/caller.ts';
import { type Session, type SessionKind, sessionLives, type SessionRecord, type SignedIn } from '../model/session.ts';
import { bindingsOf, type SecondFactor, type UserRecord } from '../model/user.ts';
import type { Accounts } from './accounts.ts';
import type { Events } from './events.ts';
import { limitKeyOf } from './limit-key.ts';
import { useCode } from './second-factor.ts';
import type { SecurityKeys } from './security-keys.ts';

/** Sessions that a user may have at once; the one that was not used for longest gives way. */
const mostSessions = 20;
/** When something was used last is written to the minute. */
const touchMs = 60_000;

export const sessionPrefix = 'caisson_session_';

/** Which session is begun: from where, and with what. */
export interface SessionRequest {
  kind: SessionKind;
  address: string;
  program: string;
  provider?: SessionRecord['provider'];
}

export interface Opened {
  secret: string;
  signedIn: SignedIn;
}

export interface SignInRequest extends SessionRequest {
  user: string;
  password: string;
  code?: string | undefined;
  /** In place of a code. */
  key?: KeyAssertion | undefined;
  /** The page, where it is one that security keys can be bound to. */
  place?: KeyPlace | undefined;
}

export interface SignInDependencies {
  accounts: Accounts;
  clock: Clock;
  events: Events;
  /** One change of a user at a time. */
  lock: KeyedLock;
  passwords: PasswordHashes;
  securityKeys: SecurityKeys;
}

/** The session is as good as before. */
const confirmDetails = { details: { confirm: 'password' } };
const codeDetails = { details: { secondFactor: 'required' } };

/** The password was right. */
class CodeMissing extends CaissonError {}

export class SignIn {
  readonly #with: SignInDependencies;
  /** Of one account from one address; of one account from anywhere, which an attacker can use up for its user, so it is wide; of one address. */
  readonly #perBoth: RateLimit;
  readonly #perAccount: RateLimit;
  readonly #perAddress: RateLimit;
  /** Wrong codes after a right password. */
  readonly #perCode: RateLimit;

  constructor(dependencies: SignInDependencies) {
    this.#with = dependencies;
    const { clock } = dependencies;
    this.#perBoth = new RateLimit({ burst: 10, everyMs: 30_000, clock });
    this.#perAccount = new RateLimit({ burst: 100, everyMs: 6000, clock });
    this.#perCode = new RateLimit({ burst: 5, everyMs: 300_000, clock });
    this.#perAddress = new RateLimit({ burst: 30, everyMs: 4000, clock });
  }

  /**
   * Throws `unauthorized` or `too-many`. Where only the second factor is missing or wrong, details are `secondFactor`, and `key` when one of the
   * user’s keys may do.
   */
  async signIn(request: SignInRequest): Promise<Opened> {
    const { lock, events } = this.#with;
    const name = request.user;
    // Until the session is there nobody changes the user: a password that was replaced meanwhile opens nothing.
    return this.#try(name, request.address, () =>
      lock.with(name, async () => {
        const user = await this.#checkPassword(name, request.password);
        if (!user) {
          events.emit({
            kind: 'sign-in-refused',
            severity: 'warning',
            message: `sign-in as ${shown(name)} from ${request.address} was refused`,
            object: userKey(name),
          });
          throw new CaissonError('unauthorized', 'no user has this name and password');
        }
        return this.#open(await this.#checkSecondFactor(user, request), request);
      }),
    );
  }

  /** For who came by a link that the host’s administrator made: no password is asked. Throws `unauthorized` for who may not sign in. */
  openByLink(name: string, request: Pick<SignInRequest, 'kind' | 'address' | 'program'>): Promise<{ secret: string; signedIn: SignedIn }> {
    const { lock, accounts } = this.#with;
    return lock.with(name, async () => {
      const user = accounts.users.get(name);
      if (!user?.enabled) throw new CaissonError('unauthorized', 'whom this link stands for may not sign in any more');
      return this.#open(user, request);
    });
  }

  /** For what is done to one’s own account: the password once more. Throws `unauthorized` or `too-many`. */
  async confirm(name: string, password: string | undefined, address: string): Promise<void> {
    if (password === undefined)
      throw new CaissonError('unauthorized', 'this needs your password once more: `currentPassword`', confirmDetails);
    await this.#try(name, address, async () => {
      if (!(await this.#checkPassword(name, password))) throw new CaissonError('unauthorized', 'this is not your password', confirmDetails);
    });
  }

  /** Who shows this as a cookie or bearer; undefined when nobody does, or not any more. */
  identify(secret: string, kind: SessionKind): Caller | undefined {
    const digest = digestOf(secret);
    const caller = this.callerOf(digest);
    const session = this.#with.accounts.sessions.get(digest);
    if (!caller || session?.kind !== kind) return undefined;
    const now = this.#with.clock.now();
    if (now - session.usedAt >= touchMs) this.#with.accounts.touchSession(digest, now);
    return kind === 'cookie' ? { ...caller, byCookie: true } : caller;
  }

  /** The caller of a session that counts now. */
  callerOf(digest: string): Caller | undefined {
    const { accounts, clock } = this.#with;
    const session = accounts.sessions.get(digest);
    const now = clock.now();
    if (!session || isOver(session, now)) return undefined;
    const user = accounts.users.get(session.user);
    if (!user?.enabled) return undefined;
    return { actor: `user:${user.name}`, rights: [bindingsOf(user, now)], user: user.name, session: digest };
  }

  signOut(digest: string): Promise<void> {
    return this.#with.accounts.endSessions([digest]);
  }

  sessionsOf(user: string, own: string | undefined): Session[] {
    const { accounts, clock } = this.#with;
    return accounts
      .sessionsOf(user)
      .filter(([, session]) => !isOver(session, clock.now()))
      .toSorted(([, a], [, b]) => b.usedAt - a.usedAt)
      .map(([digest, session]) => viewSession(digest, session, digest === own));
  }

  endsOf(digest: string): { endsAt: string; endsUnusedAt: string } | undefined {
    const session = this.#with.accounts.sessions.get(digest);
    return session && ends(session);
  }

  /** Forgets those that are over. */
  async sweep(): Promise<void> {
    const { accounts, clock } = this.#with;
    await accounts.endSessions([...accounts.sessions].filter(([, session]) => isOver(session, clock.now())).map(([digest]) => digest));
  }

  async #try<T>(account: string, from: string, work: () => Promise<T>): Promise<T> {
    const address = limitKeyOf(from);
    const both = `${address} ${account}`;
    const wait = Math.max(this.#perBoth.waitMs(both), this.#perAccount.waitMs(account), this.#perAddress.waitMs(address));
    if (wait > 0) throw tooMany(wait);
    // Counted before, so that many at once are not all let through, and given back when it was right.
    this.#perBoth.take(both);
    this.#perAccount.take(account);
    this.#perAddress.take(address);
    try {
      const value = await work();
      this.#giveBack(both, account, address);
      return value;
    } catch (error) {
      if (error instanceof CodeMissing) this.#giveBack(both, account, address);
      throw error;
    }
  }

  #giveBack(both: string, account: string, address: string): void {
    this.#perBoth.giveBack(both);
    this.#perAccount.giveBack(account);
    this.#perAddress.giveBack(address);
  }

  async #checkPassword(name: string, password: string): Promise<UserRecord | undefined> {
    const { accounts, passwords } = this.#with;
    const user = accounts.users.get(name);
    if (user?.passwordHash === undefined) {
      await passwords.checkNobody(password);
      return undefined;
    }
    const { isRight, isOutdated } = await passwords.check(password, user.passwordHash);
    if (!isRight || !user.enabled) return undefined;
    if (isOutdated) await accounts.putUser({ ...user, passwordHash: await passwords.hash(password) });
    return accounts.users.get(name);
  }

  /** What was used is used up before anything is opened by it. Returns the user after that. */
  async #checkSecondFactor(user: UserRecord, request: SignInRequest): Promise<UserRecord> {
    const { accounts } = this.#with;
    if (!user.secondFactor) return user;
    if (request.code === undefined && request.key === undefined) throw this.#codeMissing(user, user.secondFactor, request);
    const wait = this.#perCode.waitMs(user.name);
    if (wait > 0) throw tooMany(wait);
    const after = { ...user, secondFactor: await this.#use(user, user.secondFactor, request) };
    await accounts.putUser(after);
    return after;
  }

  async #use(user: UserRecord, factor: SecondFactor, request: SignInRequest): Promise<SecondFactor> {
    const { clock, securityKeys } = this.#with;
    const { code, key, address, place } = request;
    if (key !== undefined)
      return securityKeys.use(user, factor, key, place).catch((cause: unknown) => {
        const { code: why, message } = toCaissonError(cause);
        if (why !== 'invalid' && why !== 'untrusted') throw cause;
        this.#refuseFactor(user, `sign-in as ${user.name} from ${address} was refused: ${message}`);
        throw new CaissonError('unauthorized', message, this.#factorDetails(user, request));
      });
    const used = useCode(factor, code ?? '', clock.now());
    if (used) return used;
    this.#refuseFactor(user, `sign-in as ${user.name} from ${address} was refused: a wrong code`);
    throw new CaissonError('unauthorized', 'this code is not the right one, or was used already: wait for the next', codeDetails);
  }

  #refuseFactor({ name }: UserRecord, message: string): void {
    this.#with.events.emit({ kind: 'sign-in-refused', severity: 'warning', message, object: userKey(name) });
    this.#perCode.take(name);
  }

  #codeMissing(user: UserRecord, { authenticator, keys }: SecondFactor, request: SignInRequest): CodeMissing {
    const details = this.#factorDetails(user, request);
    const code = authenticator ? 'a code of the second factor' : 'a recovery code';
    if ('key' in details.details) return new CodeMissing('unauthorized', `a security key, or ${code}, is needed too`, details);
    const hosts = [...new Set(keys.map(({ host }) => host))].join(', ');
    const elsewhere = hosts === '' ? '' : `; your security keys work in a browser, at ${hosts}`;
    // Who has keys alone is let in by the browser.
    const browser = request.kind === 'token' && !authenticator && keys.length > 0 ? { browser: true } : {};
    return new CodeMissing('unauthorized', `${code} is needed too${elsewhere}`, { details: { ...details.details, ...browser } });
  }

  /** A command line has no browser’s keys; its session is a token. */
  #factorDetails(user: UserRecord, { place, kind }: SignInRequest): { details: Record<string, unknown> } {
    const key = kind === 'cookie' ? this.#with.securityKeys.request(user, place) : undefined;
    return key ? { details: { ...codeDetails.details, key } } : codeDetails;
  }

  /** A session of who is known by another way, which holds the user’s lock. */
  begin(user: UserRecord, request: SessionRequest): Promise<Opened> {
    return this.#open(user, request);
  }

  /** Where the provider, by whom this session was begun, ends its own. */
  providerEnd(digest: string): string | undefined {
    return this.#with.accounts.sessions.get(digest)?.provider?.endSessionUrl;
  }

  async #open(user: UserRecord, { kind, address, program, provider }: SessionRequest): Promise<Opened> {
    const { accounts, clock, events } = this.#with;
    const { name } = user;
    const { secret, digest } = newSecret(sessionPrefix);
    const now = clock.now();
    const session: SessionRecord = {
      user: name,
      kind,
      createdAt: now,
      usedAt: now,
      endsAt: now + sessionLives[kind].lifeMs,
      address,
      program: harmlessLine(program).slice(0, 200),
      ...(provider ? { provider } : {}),
    };
    const others = accounts.sessionsOf(name).toSorted(([, a], [, b]) => b.usedAt - a.usedAt);
    await accounts.endSessions(others.slice(mostSessions - 1).map(([other]) => other));
    await accounts.putUser({ ...user, lastSignInAt: new Date(now).toISOString() });
    await accounts.putSession(digest, session);
    events.emit({ kind: 'user-signed-in', message: `${name} signed in from ${address}`, object: userKey(name), actor: `user:${name}` });
    return { secret, signedIn: { user: name, ...ends(session), ...(kind === 'token' ? { token: secret } : {}) } };
  }
}

export function tooMany(waitMs: number): CaissonError {
  const retryAfterSeconds = Math.ceil(waitMs / 1000);
  return new CaissonError('too-many', `too many tries: the next is possible in ${retryAfterSeconds} s`, { details: { retryAfterSeconds } });
}

/** What people name it by: enough to be one of a user’s few, and nothing that opens it. */
export function sessionId(digest: string): string {
  return digest.slice(0, 12);
}

function isOver({ kind, usedAt, endsAt }: SessionRecord, now: number): boolean {
  return now >= endsAt || now >= usedAt + sessionLives[kind].idleMs;
}

function ends({ kind, usedAt, endsAt }: SessionRecord): { endsAt: string; endsUnusedAt: string } {
  const endsUnusedAt = Math.min(endsAt, usedAt + sessionLives[kind].idleMs);
  return { endsAt: new Date(endsAt).toISOString(), endsUnusedAt: new Date(endsUnusedAt).toISOString() };
}

function viewSession(digest: string, session: SessionRecord, own: boolean): Session {
  const { kind, createdAt, usedAt, address, program } = session;
  return {
    id: sessionId(digest),
    kind,
    createdAt: new Date(createdAt).toISOString(),
    usedAt: new Date(usedAt).toISOString(),
    ...ends(session),
    address,
    program,
    own,
  };
}

/** Only what can be a user’s name: whatever else was typed might be a password. */
function shown(name: string): string {
  return isAccountName(name) ? `“${name}”` : 'something that is no user’s name';
}

function userKey(name: string): string {
  return isAccountName(name) ? `user/${name}` : 'user/unknown';
}
