// What security keys sign: random, for one user, one page and one purpose, good once and for two minutes.
import { randomBytes } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import { CaissonError } from '../lib/errors.ts';
import type { KeyPlace } from '../lib/webauthn.ts';

export const challengeLifeMs = 120_000;
/** Of one user and purpose, that wait to be used; of more the oldest is forgotten. */
const mostWaiting = 5;

export type ChallengePurpose = 'add' | 'sign-in';

interface Challenge extends KeyPlace {
  user: string;
  purpose: ChallengePurpose;
  until: number;
}

export class KeyChallenges {
  readonly #clock: Clock;
  /** In memory alone: after another start one asks anew. */
  readonly #waiting = new Map<string, Challenge>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  issue(user: string, purpose: ChallengePurpose, { origin, host }: KeyPlace): string {
    const now = this.#clock.now();
    for (const [old, { until }] of this.#waiting) if (until <= now) this.#waiting.delete(old);
    const own = [...this.#waiting].filter(([, other]) => other.user === user && other.purpose === purpose).map(([challenge]) => challenge);
    for (const old of own.slice(0, Math.max(0, own.length - mostWaiting + 1))) this.#waiting.delete(old);
    const challenge = randomBytes(32).toString('base64url');
    this.#waiting.set(challenge, { user, purpose, origin, host, until: now + challengeLifeMs });
    return challenge;
  }

  /** The page that it was for. It is used up by that, whatever else is wrong. Throws `invalid`. */
  redeem(challenge: string | undefined, user: string, purpose: ChallengePurpose): KeyPlace & { challenge: string } {
    const found = challenge === undefined ? undefined : this.#waiting.get(challenge);
    if (challenge !== undefined) this.#waiting.delete(challenge);
    if (challenge === undefined || found?.user !== user || found.purpose !== purpose || found.until <= this.#clock.now())
      throw new CaissonError(
        'invalid',
        'this answer of a security key does not count: it was used, is over, or nobody asked for it; try again',
      );
    return { challenge, origin: found.origin, host: found.host };
  }
}
