// A signal for each request that wants one: aborted when its client has gone, when the server closes, and, for what stays open, when whoever
// opened it may not have it any more.
import type { EventEmitter } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import { CaissonError } from '../../lib/errors.ts';
import type { Caller } from '../../model/caller.ts';
import type { AccessControl } from './access-control.ts';

/** Who has something open, and whether they still may. */
export interface Held {
  caller: Caller;
  /** Rejects when a caller with these rights may not have it. */
  check(caller: Caller): Promise<void>;
}

export class Lifetimes {
  readonly #access: AccessControl;
  readonly #open = new Set<AbortController>();
  readonly #held = new Map<AbortController, Held>();
  readonly #stop: () => void;
  #ended = false;

  constructor(access: AccessControl) {
    this.#access = access;
    this.#stop = access.onChange(() => this.#checkHeld());
  }

  /** The signal of what ends with the 'close' of `owner`: a response or a socket. */
  signalOf(owner: EventEmitter, held?: Held): AbortSignal {
    const controller = new AbortController();
    if (this.#ended) {
      controller.abort(endedError());
      return controller.signal;
    }
    this.#open.add(controller);
    if (held) this.#held.set(controller, held);
    owner.once('close', () => {
      this.#open.delete(controller);
      this.#held.delete(controller);
      controller.abort(new CaissonError('cancelled', 'the client has gone'));
    });
    return controller.signal;
  }

  /** Aborts all, and every later one at once. */
  end(): void {
    this.#ended = true;
    this.#stop();
    for (const controller of this.#open) controller.abort(endedError());
    this.#open.clear();
    this.#held.clear();
  }

  #checkHeld(): void {
    for (const [controller, held] of this.#held) {
      const now = this.#access.current(held.caller);
      // A list that goes on is filtered by what its reader might see when it began: with other rights it begins anew.
      if (!now || !isDeepStrictEqual(now.rights, held.caller.rights)) controller.abort(revokedError());
      else held.check(now).catch(() => controller.abort(revokedError()));
    }
  }
}

function endedError(): CaissonError {
  return new CaissonError('unavailable', 'the daemon is ending');
}

function revokedError(): CaissonError {
  return new CaissonError('unauthorized', 'you are signed out, or what you may do has changed');
}
