// The provider of identities says by itself that somebody’s session there has ended: the sessions that came from it end here, those of command lines that they
// approved too. Each word counts once.
import type { IdentityProvider } from '../drivers/identity-provider.ts';
import type { Clock } from '../lib/clock.ts';
import { CaissonError, toCaissonError } from '../lib/errors.ts';
import { RateLimit } from '../lib/rate-limit.ts';
import type { Accounts } from './accounts.ts';
import type { Events } from './events.ts';
import { limitKeyOf } from './limit-key.ts';
import { tooMany } from './sign-in.ts';

/** Words that were used; of more the oldest is forgotten. */
const mostUsed = 10_000;
/** That wait for the provider’s keys. */
const mostReading = 200;

export interface ProviderLogoutDependencies {
  accounts: Accounts;
  clock: Clock;
  events: Events;
  identityProvider: IdentityProvider;
}

/** What a word of the provider ends. */
export interface LoggedOut {
  id: string;
  until: number;
  issuer: string;
  users: string[];
  /** By digest. */
  sessions: string[];
}

export class ProviderLogout {
  readonly #with: ProviderLogoutDependencies;
  /** Until when they would be believed. In memory alone: after another start one that is shown again ends what began in those minutes, and no more. */
  readonly #used = new Map<string, number>();
  /** Wrong ones from an address; a provider may end many sessions at once. */
  readonly #wrong: RateLimit;
  #reading = 0;

  constructor(dependencies: ProviderLogoutDependencies) {
    this.#with = dependencies;
    this.#wrong = new RateLimit({ burst: 50, everyMs: 2000, clock: dependencies.clock });
  }

  /** Throws `invalid` for what is not believed or was used, `not-found` without a provider, `too-many`, `unavailable`. */
  async read(token: string, address: string): Promise<LoggedOut> {
    const { accounts, clock, identityProvider } = this.#with;
    const { provider } = accounts;
    if (!provider) throw new CaissonError('not-found', 'there is no provider of identities here');
    const from = limitKeyOf(address);
    const wait = this.#wrong.waitMs(from);
    if (wait > 0) throw tooMany(wait);
    if (this.#reading >= mostReading) throw tooMany(1000);
    this.#reading++;
    try {
      const { id, until, subject, sid } = await identityProvider.readLogout(provider, token, clock.now());
      if (this.#isUsed(id)) throw new CaissonError('invalid', 'this logout token was used');
      const { issuer } = provider;
      const meant = [...accounts.sessions].filter(([, session]) => {
        if (!session.provider || (sid !== undefined && session.provider.sid !== sid)) return false;
        const identity = accounts.users.get(session.user)?.identity;
        return subject === undefined || (identity?.issuer === issuer && identity.subject === subject);
      });
      return {
        id,
        until,
        issuer,
        users: [...new Set(meant.map(([, { user }]) => user))],
        sessions: meant.map(([digest]) => digest),
      };
    } catch (cause) {
      const error = toCaissonError(cause);
      if (error.code === 'untrusted' || error.code === 'invalid') this.#wrong.take(from);
      throw error.code === 'untrusted' ? new CaissonError('invalid', error.message, { cause }) : cause;
    } finally {
      this.#reading--;
    }
  }

  /** Once. */
  async end({ id, until, issuer, users, sessions }: LoggedOut): Promise<void> {
    const { accounts, events } = this.#with;
    if (this.#isUsed(id)) throw new CaissonError('invalid', 'this logout token was used');
    this.#used.set(id, until);
    for (const oldest of this.#used.keys()) {
      if (this.#used.size <= mostUsed) break;
      this.#used.delete(oldest);
    }
    await accounts.endSessions(sessions);
    for (const name of users)
      events.emit({
        kind: 'user-changed',
        message: `sessions of user ${name} were ended by ${issuer}`,
        object: `user/${name}`,
        actor: 'system',
      });
  }

  #isUsed(id: string): boolean {
    const now = this.#with.clock.now();
    for (const [each, until] of this.#used) if (until <= now) this.#used.delete(each);
    return this.#used.has(id);
  }
}
