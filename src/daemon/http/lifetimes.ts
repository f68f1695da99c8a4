// A signal for each request that wants one: aborted when its client has gone or the server closes.
import type { EventEmitter } from 'node:events';
import { CaissonError } from '../../lib/errors.ts';

export class Lifetimes {
  readonly #open = new Set<AbortController>();
  #ended = false;

  /** The signal of what ends with the 'close' of `owner`: a response or a socket. */
  signalOf(owner: EventEmitter): AbortSignal {
    const controller = new AbortController();
    if (this.#ended) {
      controller.abort(endedError());
      return controller.signal;
    }
    this.#open.add(controller);
    owner.once('close', () => {
      this.#open.delete(controller);
      controller.abort(new CaissonError('cancelled', 'the client has gone'));
    });
    return controller.signal;
  }

  /** Aborts all, and every later one at once. */
  end(): void {
    this.#ended = true;
    for (const controller of this.#open) controller.abort(endedError());
    this.#open.clear();
  }
}

function endedError(): CaissonError {
  return new CaissonError('unavailable', 'the daemon is ending');
}
