// Tickets by which a browser opens a console: a websocket carries no header that a page could choose, and a cookie alone could be another page's
// doing. A ticket opens one console once, soon, for whoever asked for it.
import type { Clock } from '../lib/clock.ts';
import { CaissonError } from '../lib/errors.ts';
import { digestOf, newSecret } from '../lib/secret.ts';
import type { Caller } from '../model/caller.ts';
import type { ConsoleKind } from '../model/console-ticket.ts';

const lifeMs = 30_000;
const prefix = 'caisson_ticket_';
/** Tickets that wait to be used; of more the oldest is forgotten. */
const mostTickets = 1000;

interface Ticket {
  caller: Caller;
  /** Uid. */
  guest: string;
  kind: ConsoleKind;
  until: number;
}

export class ConsoleTickets {
  readonly #clock: Clock;
  /** By digest. In memory alone: a daemon that ends ends consoles too. */
  readonly #tickets = new Map<string, Ticket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  issue(guest: string, kind: ConsoleKind, caller: Caller): { ticket: string; endsAt: string } {
    const { secret, digest } = newSecret(prefix);
    const until = this.#clock.now() + lifeMs;
    this.#tickets.set(digest, { caller, guest, kind, until });
    for (const [old, { until: end }] of this.#tickets) {
      if (this.#tickets.size <= mostTickets && end > this.#clock.now()) break;
      this.#tickets.delete(old);
    }
    return { ticket: secret, endsAt: new Date(until).toISOString() };
  }

  /**
   * Whose ticket it is; it is used up, whatever comes of it. One that was given to a browser's session counts only together with that session's
   * cookie: `shownBy` is who shows it. Throws `unauthorized`.
   */
  redeem(ticket: string, wanted: { guest: string | undefined; kind: ConsoleKind }, shownBy: Caller): Caller {
    const digest = digestOf(ticket);
    const found = this.#tickets.get(digest);
    this.#tickets.delete(digest);
    const isGood =
      found !== undefined &&
      found.until > this.#clock.now() &&
      found.guest === wanted.guest &&
      found.kind === wanted.kind &&
      (found.caller.byCookie
        ? shownBy.session === found.caller.session
        : shownBy.actor === 'anonymous' || shownBy.actor === found.caller.actor);
    if (!isGood) throw new CaissonError('unauthorized', 'this ticket was used, is over, or is for another console: ask for a new one');
    return found.caller;
  }
}
