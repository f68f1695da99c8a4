// The network reconciler: keeps the guests' network what the site says. `ensure` is called before a guest starts and after every change
// of the site; it looks again when the driver hears of a change, and every few seconds for what nobody tells, and mends what somebody else changed.
//
// What cannot be mended stays refused (the rules of before stand, or the kernel routes nothing), is told once, shown as the host's problem, and
// tried again: after a second, then ever more seldom, and at once when something changes. However often somebody breaks it, events stay few.
import { CaissonError, describeError } from '../lib/errors.ts';
import { KeyedLock } from '../lib/keyed-lock.ts';
import type { OtherTable } from '../model/host.ts';
import type { NetworkNic, NetworkState } from '../model/network-state.ts';
import type { RulesRead } from '../drivers/network.ts';
import { tapsOfProcess } from '../plan/machine.ts';
import { NetworkPlanner } from '../plan/network-plan.ts';
import type { Events } from './events.ts';
import { type Faults, findFaults, findWarnings, Moderation } from './network-faults.ts';
import type { EngineParts } from './parts.ts';
import type { SiteStore } from './site-store.ts';

const everyMs = 5000;
const settleMs = 100;
/** Until a nic that seems to be lost is looked for again: its guest may just be starting or ending. */
const secondLookMs = 1000;
const retryMs = { first: 1000, most: 60_000 };

/** Why one looks: it is time, a change was heard of, or somebody cannot go on without. */
type Occasion = 'routine' | 'heard' | 'needed';

interface NetworkReconcilerOptions {
  parts: Pick<EngineParts, 'network' | 'clock' | 'log'>;
  site: SiteStore;
  events: Events;
  /** The guest has a process, and with it a tap. */
  isRunning: (uid: string) => boolean;
}

export class NetworkReconciler {
  readonly #w: NetworkReconcilerOptions;
  readonly #lock = new KeyedLock();
  readonly #moderation: Moderation;
  #applied: NetworkState | undefined;
  /** Of the site, and of what is tried with it, that `#applied` was made from. */
  #appliedVersion = '';
  #problem: string | undefined;
  /** Told as an event, and not yet that it is over. */
  #told: string | undefined;
  #warnings: string[] = [];
  #others: OtherTable[] = [];
  #retry = { at: 0, waitMs: 0 };
  /** Taps that were missing at the last look. */
  #suspects = new Set<string>();
  readonly #planner = new NetworkPlanner();
  readonly #more = new Set<Pick<NetworkState, 'nics' | 'flows'>>();
  #moreVersion = 0;
  readonly #ending = new AbortController();
  /** Ends the sleep between two looks. */
  #wake = new AbortController();

  constructor(options: NetworkReconcilerOptions) {
    this.#w = options;
    this.#moderation = new Moderation(options.parts.clock.monotonic());
  }

  /** The network that the site asks for now, and what is tried with it. */
  wanted(): NetworkState {
    const { zones, flows, guests, name } = this.#w.site;
    const state = this.#planner.plan({
      site: name,
      zones,
      flows,
      guests: [...guests.values()].toSorted((a, b) => (a.uid < b.uid ? -1 : 1)),
    });
    const more = [...this.#more];
    return {
      ...state,
      nics: [...state.nics, ...more.flatMap(({ nics }) => nics)],
      flows: [...state.flows, ...more.flatMap((each) => each.flows)],
    };
  }

  /** Undefined while the network is the wanted one. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** What works, but not as it should: each a sentence. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /** Tables of other programs, as last seen. */
  get otherTables(): readonly OtherTable[] {
    return this.#others;
  }

  /** Makes the wanted network true unless it is known to be. Throws when it cannot; the old rules then stand. */
  ensure(): Promise<NetworkState> {
    return this.#lock.with('network', () => this.#ensure());
  }

  async #ensure(): Promise<NetworkState> {
    // A thousand guests that start ask a thousand times.
    const version = `${this.#w.site.networkVersion} ${this.#moreVersion}`;
    if (this.#applied && version === this.#appliedVersion) return this.#applied;
    const state = this.wanted();
    if (!this.#applied || !areSame(this.#applied, state)) {
      await this.#apply(state);
      this.#mended();
    }
    this.#appliedVersion = version;
    return state;
  }

  /** The rules in force, and the network that they should be of, at one moment. */
  readRules(): Promise<{ state: NetworkState; rules: RulesRead }> {
    return this.#lock.with('network', async () => {
      const state = await this.#ensure();
      return { state, rules: await this.#w.parts.network.readRules() };
    });
  }

  /** Somebody may have taken the rules away a moment ago: then they are set again first. */
  async connect(tap: string): Promise<void> {
    const { network } = this.#w.parts;
    try {
      await network.connect(tap);
    } catch {
      await this.#lock.with('network', () => this.#look('needed'));
      if (this.#problem !== undefined) throw new CaissonError('not-allowed', `its nic cannot be connected: ${this.#problem}`);
      await network.connect(tap);
    }
  }

  disconnect(tap: string): Promise<void> {
    return this.#w.parts.network.disconnect(tap);
  }

  /**
   * Adds to the wanted network while `work` runs: nics of probes, a flow opened on purpose. What is mended meanwhile is mended with them;
   * without them it is applied again in the end, whatever happens.
   */
  async withMore<T>(more: Pick<NetworkState, 'nics' | 'flows'>, work: () => Promise<T>): Promise<T> {
    this.#more.add(more);
    this.#moreVersion++;
    try {
      await this.ensure();
      return await work();
    } finally {
      this.#more.delete(more);
      this.#moreVersion++;
      await this.ensure();
    }
  }

  /** Looks, when a change is heard of and every few seconds, whether the network is still the one applied; mends what is not. */
  async watch(): Promise<void> {
    const { signal } = this.#ending;
    const { network, log } = this.#w.parts;
    const stop = network.onChange(() => this.#wake.abort());
    while (!signal.aborted) {
      try {
        const isHeard = await this.#sleep(signal);
        await this.#lock.with('network', () => this.#look(isHeard ? 'heard' : 'routine'));
      } catch (error) {
        if (!signal.aborted) log.error('the network could not be checked', { error });
      }
    }
    stop();
  }

  close(): void {
    this.#ending.abort();
  }

  /** True when it ended because a change was heard of. */
  async #sleep(signal: AbortSignal): Promise<boolean> {
    const { clock } = this.#w.parts;
    const untilRetry = this.#retry.waitMs > 0 ? Math.max(this.#retry.at - clock.monotonic(), settleMs) : everyMs;
    const ms = Math.min(everyMs, untilRetry, this.#suspects.size > 0 ? secondLookMs : everyMs);
    let isHeard = false;
    try {
      await clock.sleep(ms, AbortSignal.any([signal, this.#wake.signal]));
    } catch (error) {
      if (signal.aborted) throw error;
      // Changes come in crowds.
      await clock.sleep(settleMs, signal);
      isHeard = true;
    }
    this.#wake = new AbortController();
    return isHeard;
  }

  async #look(why: Occasion): Promise<void> {
    if (!this.#applied && this.#problem === undefined) return; // nothing has been asked for
    const suspects = this.#suspects;
    const faults = await this.#faults(suspects);
    if (faults.texts.length === 0) {
      this.#mended();
      return;
    }
    if (this.#retry.waitMs === 0 && this.#applied)
      this.#tell(`the guests’ network is not as applied (${faults.texts.join('; ')}); it is applied again`);
    else if (!this.#isTimeToRetry(why)) return;
    try {
      await this.#mend(faults.lost, suspects);
      this.#mended();
    } catch (error) {
      this.#failed(describeError(error));
    }
  }

  /** A nic is lost when it is missing now and was before. */
  async #faults(suspects: ReadonlySet<string>): Promise<Faults> {
    if (!this.#applied) return { texts: [this.#problem ?? 'it has not been applied'], lost: [] };
    const seen = await this.#w.parts.network.observe();
    this.#warn(findWarnings(seen));
    this.#others = seen.others;
    const running = this.#applied.nics.filter(({ guest, tap }) => {
      const record = this.#w.site.guests.get(guest);
      return record !== undefined && this.#w.isRunning(guest) && tapsOfProcess(record).includes(tap);
    });
    this.#suspects = new Set(findFaults(seen, running).lost.map(({ tap }) => tap));
    return findFaults(
      seen,
      running.filter(({ tap }) => suspects.has(tap)),
    );
  }

  /** Throws when something is amiss even then. */
  async #mend(lost: readonly NetworkNic[], suspects: ReadonlySet<string>): Promise<void> {
    const state = this.wanted();
    await this.#apply(state);
    for (const { tap, guestName } of lost) await this.#reconnect(tap, guestName);
    const left = await this.#faults(suspects);
    if (left.texts.length > 0) throw new CaissonError('failed', left.texts.join('; '));
  }

  async #reconnect(tap: string, guestName: string): Promise<void> {
    try {
      await this.#w.parts.network.connect(tap);
    } catch (cause) {
      throw new CaissonError(
        'failed',
        `the nic of guest ${guestName} (${tap}) is gone: it has no network until it is stopped and started again (“caisson guest stop ${guestName}”, “caisson guest start ${guestName}”)`,
        { cause },
      );
    }
  }

  #failed(why: string): void {
    const waitMs = Math.min(Math.max(this.#retry.waitMs * 2, retryMs.first), retryMs.most);
    this.#retry = { at: this.#w.parts.clock.monotonic() + waitMs, waitMs };
    this.#problem = why;
    if (this.#told !== why)
      this.#tell(
        `the guests’ network cannot be made as the site says: ${why}; it is tried again, and nothing passes meanwhile that did not before`,
      );
    this.#told = why;
  }

  /** A change may be what it takes; but some of what is heard is the echo of our own attempts. */
  #isTimeToRetry(why: Occasion): boolean {
    const { at, waitMs } = this.#retry;
    const now = this.#w.parts.clock.monotonic();
    return why === 'needed' || now >= at || (why === 'heard' && now >= at - (waitMs * 3) / 4);
  }

  /** Each is told when it begins and when it is over. */
  #warn(warnings: string[]): void {
    const before = this.#warnings;
    this.#warnings = warnings;
    for (const warning of warnings) if (!before.includes(warning)) this.#tell(warning, 'warning');
    for (const warning of before)
      if (!warnings.includes(warning)) this.#w.events.emit({ kind: 'network-applied', message: `no longer so: ${warning}` });
  }

  #tell(message: string, severity: 'error' | 'warning' = 'error'): void {
    const withheld = this.#moderation.ask(this.#w.parts.clock.monotonic());
    if (withheld === undefined) return;
    const more = withheld > 0 ? ` (${withheld} times before this was not told)` : '';
    this.#w.events.emit({ kind: 'network-failed', severity, message: `${message}${more}` });
    if (severity === 'error') this.#told ??= '';
  }

  #mended(): void {
    this.#problem = undefined;
    this.#retry = { at: 0, waitMs: 0 };
    if (this.#told === undefined) return;
    this.#told = undefined;
    this.#w.events.emit({ kind: 'network-applied', message: 'the guests’ network is as the site says again' });
  }

  async #apply(state: NetworkState): Promise<void> {
    try {
      await this.#w.parts.network.apply(state);
    } catch (error) {
      this.#applied = undefined;
      this.#problem = describeError(error);
      throw error;
    }
    this.#applied = state;
    this.#problem = undefined;
  }
}

/** Most of a large site's nics and flows are the same objects. */
function areSame(one: NetworkState, other: NetworkState): boolean {
  const [a, b] = [one, other].map(({ nics: _nics, flows: _flows, ...rest }) => JSON.stringify(rest));
  return a === b && haveSame(one.nics, other.nics) && haveSame(one.flows, other.flows);
}

function haveSame(one: readonly object[], other: readonly object[]): boolean {
  return one.length === other.length && one.every((each, at) => each === other[at] || JSON.stringify(each) === JSON.stringify(other[at]));
}
