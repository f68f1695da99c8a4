// Who somebody is, by what they show. One value of the parts that know: users, sessions, tokens, tickets.
import type { Clock } from '../lib/clock.ts';
import { CaissonError } from '../lib/errors.ts';
import { KeyedLock } from '../lib/keyed-lock.ts';
import { PasswordHashes } from '../lib/password-hash.ts';
import { RateLimit } from '../lib/rate-limit.ts';
import { type Caller, tokenFileCaller } from '../model/caller.ts';
import type { ConsoleKind } from '../model/console-ticket.ts';
import type { Store } from '../store/store.ts';
import type { Accounts } from './accounts.ts';
import { CommandSignIns } from './command-sign-ins.ts';
import { ConsoleTickets } from './console-tickets.ts';
import type { IdentityProvider } from '../drivers/identity-provider.ts';
import type { Events } from './events.ts';
import { limitKeyOf } from './limit-key.ts';
import { ProviderLogout } from './provider-logout.ts';
import { ProviderSignIn } from './provider-sign-in.ts';
import { SecurityKeys } from './security-keys.ts';
import { SignIn, sessionPrefix, tooMany } from './sign-in.ts';
import { Tokens } from './tokens.ts';
import { UserLinks } from './user-links.ts';
import { type Scopes, Users } from './users.ts';

export interface AccessDependencies {
  accounts: Accounts;
  clock: Clock;
  events: Events;
  scopes: Scopes;
  store: Store;
  identityProvider: IdentityProvider;
  /** Default: as strong as today’s must be. */
  passwords?: PasswordHashes;
}

export class Access {
  readonly users: Users;
  readonly signIn: SignIn;
  readonly tokens: Tokens;
  readonly tickets: ConsoleTickets;
  readonly links: UserLinks;
  readonly commands: CommandSignIns;
  readonly provider: ProviderSignIn;
  readonly providerLogout: ProviderLogout;
  readonly #accounts: Accounts;
  readonly #clock: Clock;
  /** Requests of one user or token. */
  readonly #requests: RateLimit;
  /** Secrets from one address that nobody has. */
  readonly #wrong: RateLimit;
  readonly #over = new Set<string>();

  constructor({ accounts, clock, events, scopes, store, identityProvider, passwords = new PasswordHashes() }: AccessDependencies) {
    const lock = new KeyedLock();
    this.#accounts = accounts;
    this.#clock = clock;
    this.#requests = new RateLimit({ burst: 2000, everyMs: 4, clock });
    this.#wrong = new RateLimit({ burst: 50, everyMs: 2000, clock });
    const securityKeys = new SecurityKeys(clock);
    this.signIn = new SignIn({ accounts, clock, events, lock, passwords, securityKeys });
    this.users = new Users({ accounts, clock, events, lock, passwords, scopes, securityKeys, signIn: this.signIn });
    this.tokens = new Tokens({ accounts, clock, events, users: this.users });
    this.tickets = new ConsoleTickets(clock);
    this.commands = new CommandSignIns({ accounts, clock, lock, signIn: this.signIn });
    this.links = new UserLinks({ store, clock, users: this.users });
    this.providerLogout = new ProviderLogout({ accounts, clock, events, identityProvider });
    this.provider = new ProviderSignIn({ accounts, clock, events, lock, identityProvider, signIn: this.signIn, users: this.users });
  }

  /** Undefined when nobody has this secret, or not any more. Throws `too-many`. */
  identify({ bearer, cookie }: { bearer?: string | undefined; cookie?: string | undefined }, address: string): Caller | undefined {
    const caller = bearer === undefined ? cookie && this.signIn.identify(cookie, 'cookie') : this.#byBearer(bearer, address);
    if (!caller) return undefined;
    const account = caller.user ?? caller.actor;
    const wait = this.#requests.waitMs(account);
    if (wait > 0) throw tooMany(wait);
    this.#requests.take(account);
    return caller;
  }

  /** Once there are users, a file that every process of the daemon's user can read is nobody. Throws `unauthorized`. */
  tokenFile(): Caller {
    if (this.#accounts.users.size === 0) return tokenFileCaller;
    throw new CaissonError(
      'unauthorized',
      'the token of the file api-token does not count any more, since there are users: sign in, or make a token with “caisson token create”',
    );
  }

  current(caller: Caller): Caller | undefined {
    if (caller.token !== undefined) return this.tokens.callerOf(caller.token);
    if (caller.session !== undefined) {
      const now = this.signIn.callerOf(caller.session);
      return now && caller.byCookie ? { ...now, byCookie: true } : now;
    }
    return caller.actor === 'token' && this.#accounts.users.size > 0 ? undefined : caller;
  }

  /** Whose ticket it is, with what they may now. Throws `unauthorized`. */
  redeemTicket(ticket: string, wanted: { guest: string | undefined; kind: ConsoleKind }, shownBy: Caller): Caller {
    const caller = this.current(this.tickets.redeem(ticket, wanted, shownBy));
    if (!caller) throw new CaissonError('unauthorized', 'whoever asked for this ticket is signed out');
    return caller;
  }

  /** Calls `listener` whenever somebody may have lost something. */
  onChange(listener: () => void): () => void {
    return this.#accounts.onChange(listener);
  }

  /** Ends what is over, so that what was opened by it ends too. To be called from time to time. */
  async sweep(): Promise<void> {
    await this.signIn.sweep();
    await this.providerLogout.sweep();
    const now = this.#clock.now();
    const over = [...this.#accounts.tokens.values()].filter(({ endsAt }) => endsAt <= now).map(({ digest }) => digest);
    // What a provider of identities gave ends by itself too.
    const lost = [...this.#accounts.users.values()].flatMap(({ name, providerRoles }) =>
      providerRoles && providerRoles.until <= now ? [`${name} ${providerRoles.until}`] : [],
    );
    const isNew = [...over, ...lost].some((each) => !this.#over.has(each));
    for (const each of [...over, ...lost]) this.#over.add(each);
    if (isNew) this.#accounts.tell();
  }

  #byBearer(secret: string, address: string): Caller | undefined {
    const caller = secret.startsWith(sessionPrefix) ? this.signIn.identify(secret, 'token') : this.tokens.identify(secret);
    if (caller) return caller;
    // Nobody can guess one: this only keeps somebody's broken program from filling logs. Others at the same address go on.
    const key = limitKeyOf(address);
    const wait = this.#wrong.waitMs(key);
    if (wait > 0) throw tooMany(wait);
    this.#wrong.take(key);
    return undefined;
  }
}
