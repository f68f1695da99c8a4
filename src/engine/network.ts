// The network reconciler: keeps the guests' network what the site says. `ensure` is called before a guest starts and after every change
// of the site; it looks again when the driver hears of a change, and every few seconds for what nobody tells, and mends what somebody else changed.
import { describeError } from '../lib/errors.ts';
import { KeyedLock } from '../lib/keyed-lock.ts';
import type { NetworkState } from '../model/network-state.ts';
import { planNetwork } from '../plan/network-plan.ts';
import type { Events } from './events.ts';
import type { EngineParts } from './parts.ts';
import type { SiteStore } from './site-store.ts';

const everyMs = 5000;
const settleMs = 100;

export class NetworkReconciler {
  readonly #parts: Pick<EngineParts, 'network' | 'clock' | 'log'>;
  readonly #site: SiteStore;
  readonly #events: Events;
  readonly #lock = new KeyedLock();
  #applied: NetworkState | undefined;
  #appliedText = '';
  #problem: string | undefined;
  readonly #more = new Set<Pick<NetworkState, 'nics' | 'flows'>>();
  readonly #ending = new AbortController();
  /** Ends the sleep between two looks. */
  #wake = new AbortController();

  constructor(options: { parts: Pick<EngineParts, 'network' | 'clock' | 'log'>; site: SiteStore; events: Events }) {
    this.#parts = options.parts;
    this.#site = options.site;
    this.#events = options.events;
  }

  /** The network that the site asks for now, and what is tried with it. */
  wanted(): NetworkState {
    const { zones, flows, guests, name } = this.#site;
    const state = planNetwork({ site: name, zones, flows, guests: [...guests.values()].toSorted((a, b) => (a.uid < b.uid ? -1 : 1)) });
    const more = [...this.#more];
    return {
      ...state,
      nics: [...state.nics, ...more.flatMap(({ nics }) => nics)],
      flows: [...state.flows, ...more.flatMap(({ flows: added }) => added)],
    };
  }

  /** Undefined while the rules in force are the wanted ones. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Makes the wanted network true unless it is known to be. Throws when it cannot; the old rules then stand. */
  ensure(): Promise<NetworkState> {
    return this.#lock.with('network', async () => {
      const state = this.wanted();
      const text = JSON.stringify(state);
      if (this.#applied && text === this.#appliedText) return state;
      await this.#apply(state, text);
      return state;
    });
  }

  /** Somebody may have taken the rules away a moment ago: then they are set again first. */
  async connect(tap: string): Promise<void> {
    try {
      await this.#parts.network.connect(tap);
    } catch {
      await this.#mend();
      await this.#parts.network.connect(tap);
    }
  }

  disconnect(tap: string): Promise<void> {
    return this.#parts.network.disconnect(tap);
  }

  /**
   * Adds to the wanted network while `work` runs: nics of probes, a flow opened on purpose. What is mended meanwhile is mended with them;
   * without them it is applied again in the end, whatever happens.
   */
  async withMore<T>(more: Pick<NetworkState, 'nics' | 'flows'>, work: () => Promise<T>): Promise<T> {
    this.#more.add(more);
    try {
      await this.ensure();
      return await work();
    } finally {
      this.#more.delete(more);
      await this.ensure();
    }
  }

  /** Looks, when a change is heard of and every few seconds, whether the rules are still those applied; mends what is not. */
  async watch(): Promise<void> {
    const { signal } = this.#ending;
    const stop = this.#parts.network.onChange(() => this.#wake.abort());
    while (!signal.aborted) {
      try {
        await this.#sleep(signal);
        await this.#mend();
      } catch (error) {
        if (!signal.aborted) this.#parts.log.error('the network could not be checked', { error });
      }
    }
    stop();
  }

  close(): void {
    this.#ending.abort();
  }

  async #sleep(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    try {
      await clock.sleep(everyMs, AbortSignal.any([signal, this.#wake.signal]));
    } catch (error) {
      if (signal.aborted) throw error;
      // Changes come in crowds.
      await clock.sleep(settleMs, signal);
    }
    this.#wake = new AbortController();
  }

  #mend(): Promise<void> {
    return this.#lock.with('network', async () => {
      // Nobody has asked for a network yet.
      if (!this.#applied && this.#problem === undefined) return;
      const state = this.wanted();
      const text = JSON.stringify(state);
      if (!this.#applied) return this.#apply(state, text);
      const observed = await this.#parts.network.observe();
      if (observed.rules.inForce && observed.names.running) {
        this.#problem = undefined;
        return;
      }
      const why = observed.rules.inForce ? 'the name service does not run' : observed.rules.why;
      this.#events.emit({
        kind: 'network-failed',
        severity: 'error',
        message: `the guests’ network is not as applied (${why}); it is applied again`,
      });
      await this.#apply(state, text);
    });
  }

  async #apply(state: NetworkState, text: string): Promise<void> {
    try {
      await this.#parts.network.apply(state);
    } catch (error) {
      this.#applied = undefined;
      this.#problem = describeError(error);
      throw error;
    }
    this.#applied = state;
    this.#appliedText = text;
    this.#problem = undefined;
  }
}
