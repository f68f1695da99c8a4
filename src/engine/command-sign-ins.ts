// Command lines that wait to be let in by a browser. One is bound to nobody until a user who is signed in on the page has seen its code, where it asked
// from and when, and approves: then it gets one session of that user, once.
//
// | known by | to whom | good for |
// | --- | --- | --- |
// | its secret, 256 random bits | the command line | asking whether somebody has decided, and the session |
// | its code, 34 random bits | people | being looked at and decided by who is signed in, a few tries each |
//
// In memory alone, bounded: after another start one begins anew.
import { randomInt } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import { CaissonError } from '../lib/errors.ts';
import type { KeyedLock } from '../lib/keyed-lock.ts';
import { RateLimit } from '../lib/rate-limit.ts';
import { digestOf, newSecret } from '../lib/secret.ts';
import type { Caller } from '../model/caller.ts';
import { type CommandDecision, type CommandSignIn, type CommandSignInBegun, commandSignInLifeMs } from '../model/command-sign-in.ts';
import type { Accounts } from './accounts.ts';
import { limitKeyOf } from './limit-key.ts';
import { type Opened, type SignIn, tooMany } from './sign-in.ts';

const prefix = 'caisson_command_';
/** Without vowels, so that no word comes of it, and without digits. */
const letters = 'BCDFGHJKLMNPQRSTVWXZ';
/** That wait; of more the oldest gives way, so that nobody can keep others out by asking. */
const mostWaiting = 1000;
const everyMs = 2000;
/** Who asks too fast waits so much longer from then on. */
const slowDownMs = 2000;
const slowestMs = 60_000;
/** What a timer may be early. */
const slackMs = 200;

interface Waiting {
  digest: string;
  code: string;
  host: string;
  address: string;
  askedAt: number;
  until: number;
  everyMs: number;
  /** When it asked last, by the monotonic clock. */
  polledAt: number;
  decided?: { decision: 'refuse' } | { decision: 'approve'; user: string; session: string };
}

export interface CommandSignInsDependencies {
  accounts: Accounts;
  clock: Clock;
  lock: KeyedLock;
  signIn: SignIn;
}

export class CommandSignIns {
  readonly #with: CommandSignInsDependencies;
  /** By code, the oldest first. */
  readonly #waiting = new Map<string, Waiting>();
  readonly #perAddress: RateLimit;
  /** Codes that nobody waits with, of one user. */
  readonly #wrong: RateLimit;

  constructor(dependencies: CommandSignInsDependencies) {
    this.#with = dependencies;
    const { clock } = dependencies;
    this.#perAddress = new RateLimit({ burst: 10, everyMs: 30_000, clock });
    this.#wrong = new RateLimit({ burst: 5, everyMs: 30_000, clock });
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Throws `too-many`. */
  begin({ host, address }: { host: string; address: string }): CommandSignInBegun {
    const { clock } = this.#with;
    const from = limitKeyOf(address);
    const wait = this.#perAddress.waitMs(from);
    if (wait > 0) throw tooMany(wait);
    this.#perAddress.take(from);
    const now = clock.now();
    for (const [code, { until }] of this.#waiting) if (until <= now || this.#waiting.size >= mostWaiting) this.#waiting.delete(code);
    const { secret, digest } = newSecret(prefix);
    const code = this.#newCode();
    const until = now + commandSignInLifeMs;
    this.#waiting.set(code, { digest, code, host, address, askedAt: now, until, everyMs, polledAt: clock.monotonic() });
    return { secret, code, endsAt: new Date(until).toISOString(), everySeconds: everyMs / 1000 };
  }

  /** Who waits with this code. Throws `forbidden` for whoever is not signed in in a browser, `not-found`, `too-many`. */
  show(code: string, by: Caller, address: string): CommandSignIn {
    return view(this.#find(code, by), address);
  }

  /** Once. Throws as `show`. */
  decide(code: string, decision: CommandDecision, by: Caller, address: string): CommandSignIn {
    const found = this.#find(code, by);
    const { user = '', session = '' } = by;
    found.decided = decision === 'refuse' ? { decision } : { decision, user, session };
    return view(found, address);
  }

  /** Seconds until it may ask again, while nobody has decided. Throws `too-many` for who asks too fast. */
  waitSeconds(secret: string): number | undefined {
    const { clock } = this.#with;
    const found = this.#bySecret(secret);
    if (!found || found.until <= clock.now() || found.decided) return undefined;
    const now = clock.monotonic();
    const isEarly = now - found.polledAt < found.everyMs - slackMs;
    found.polledAt = now;
    if (!isEarly) return found.everyMs / 1000;
    found.everyMs = Math.min(found.everyMs + slowDownMs, slowestMs);
    throw tooMany(found.everyMs);
  }

  /** The session, once. Throws `unauthorized` when it was refused, used, is over, or whoever approved it is signed out. */
  async redeem(secret: string, { address }: { address: string }): Promise<Opened> {
    const { accounts, clock, lock, signIn } = this.#with;
    const found = this.#bySecret(secret);
    if (found) this.#waiting.delete(found.code);
    if (!found?.decided || found.until <= clock.now())
      throw new CaissonError('unauthorized', 'this sign-in of a command line was used, is over, or nobody began it: begin it once more');
    const { host, decided } = found;
    if (decided.decision === 'refuse') throw new CaissonError('unauthorized', 'who was asked in the browser has refused it');
    const { user: name, session } = decided;
    return lock.with(name, async () => {
      // Whatever ended the browser’s session meanwhile meant this one, too.
      const user = accounts.users.get(name);
      if (!user || signIn.callerOf(session)?.user !== name)
        throw new CaissonError('unauthorized', 'who approved this in the browser is signed out there: sign in, and begin it once more');
      const provider = accounts.sessions.get(session)?.provider;
      return signIn.begin(user, { kind: 'token', address, program: `caisson on ${host}`, ...(provider ? { provider } : {}) });
    });
  }

  #find(typed: string, { user, byCookie }: Caller): Waiting {
    if (user === undefined || !byCookie)
      throw new CaissonError('forbidden', 'a command line is let in by a user who is signed in in a browser, and by nobody else');
    const wait = this.#wrong.waitMs(user);
    if (wait > 0) throw tooMany(wait);
    const plain = typed.toUpperCase().replaceAll(/[^A-Z]/g, '');
    const found = this.#waiting.get(`${plain.slice(0, 4)}-${plain.slice(4)}`);
    if (found && !found.decided && found.until > this.#with.clock.now()) return found;
    this.#wrong.take(user);
    throw new CaissonError('not-found', 'no command line waits with this code: it was decided, is over, or was typed wrong');
  }

  #bySecret(secret: string): Waiting | undefined {
    const digest = digestOf(secret);
    return [...this.#waiting.values()].find((each) => each.digest === digest);
  }

  #newCode(): string {
    const four = () => Array.from({ length: 4 }, () => letters[randomInt(letters.length)]).join('');
    for (;;) {
      const code = `${four()}-${four()}`;
      if (!this.#waiting.has(code)) return code;
    }
  }
}

function view({ code, host, address, askedAt, until }: Waiting, from: string): CommandSignIn {
  return {
    code,
    host,
    address,
    isFromHere: limitKeyOf(address) === limitKeyOf(from),
    askedAt: new Date(askedAt).toISOString(),
    endsAt: new Date(until).toISOString(),
  };
}
