// The provider of identities says by itself that somebody’s session there has ended: the sessions that came from it end here, those of command lines that they
// approved too. Each word counts once, also after another start: what was used stands in the store until nobody would believe it any more.
import type { IdentityProvider } from '../drivers/identity-provider.ts';
import type { Clock } from '../lib/clock.ts';
import { CaissonError, toCaissonError } from '../lib/errors.ts';
import { RateLimit } from '../lib/rate-limit.ts';
import { digestOf } from '../lib/secret.ts';
import type { Accounts } from './accounts.ts';
import type { Events } from './events.ts';
import { limitKeyOf } from './limit-key.ts';
import { tooMany } from './sign-in.ts';

/** Words that were used and are not over; of more the oldest is forgotten. */
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
  /** Of who says it, and of its own. */
  digest: string;
  until: number;
  issuer: string;
  users: string[];
  /** By digest. */
  sessions: string[];
}

export class ProviderLogout {
  readonly #with: ProviderLogoutDependencies;
  /** What is being written as used: of two at the same moment one succeeds. */
  readonly #ending = new Set<string>();
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
      const { issuer } = provider;
      const digest = digestOf(`${issuer}\n${id}`);
      this.#mustBeUnused(digest);
      const meant = [...accounts.sessions].filter(([, session]) => {
        if (!session.provider || (sid !== undefined && session.provider.sid !== sid)) return false;
        const identity = accounts.users.get(session.user)?.identity;
        return subject === undefined || (identity?.issuer === issuer && identity.subject === subject);
      });
      return {
        digest,
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
  async end({ digest, until, issuer, users, sessions }: LoggedOut): Promise<void> {
    const { accounts, events } = this.#with;
    this.#mustBeUnused(digest);
    this.#ending.add(digest);
    try {
      const surplus = Math.max(0, accounts.usedLogouts.size + 1 - mostUsed);
      await accounts.endSessionsOnce(sessions, { digest, until, forgotten: [...accounts.usedLogouts.keys()].slice(0, surplus) });
    } finally {
      this.#ending.delete(digest);
    }
    for (const name of users)
      events.emit({
        kind: 'user-changed',
        message: `sessions of user ${name} were ended by ${issuer}`,
        object: `user/${name}`,
        actor: 'system',
      });
  }

  /** To be called from time to time: what is over is forgotten. */
  async sweep(): Promise<void> {
    const { accounts, clock } = this.#with;
    const now = clock.now();
    const over = [...accounts.usedLogouts].filter(([, until]) => until <= now).map(([digest]) => digest);
    await accounts.forgetUsedLogouts(over);
  }

  #mustBeUnused(digest: string): void {
    if (this.#ending.has(digest) || this.#with.accounts.usedLogouts.has(digest))
      throw new CaissonError('invalid', 'this logout token was used');
  }
}
