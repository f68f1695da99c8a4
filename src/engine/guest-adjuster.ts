// Who has how much, now: what guests were promised, whether there is room for more, and when a guest that runs is brought to its wish: when
// somebody asks, when its system has booted, and now and then while something is pending or memory has become free.
import { CaissonError } from '../lib/errors.ts';
import type { KeyedLock } from '../lib/keyed-lock.ts';
import type { GuestRecord } from '../model/guest-status.ts';
import type { GuestSpec } from '../model/guest.ts';
import { admit, type MemoryPromise } from '../plan/admission.ts';
import { fitMemory, shareOf } from './guest-memory.ts';
import { adjustSizes, lookAtSizes } from './guest-sizes.ts';
import type { StartMemory } from './guest-start.ts';
import type { GuestWiring } from './guest-wiring.ts';

/** Between two looks at guests that have something to follow. */
const adjustEveryMs = 60_000;

export class GuestAdjuster {
  readonly #w: GuestWiring;
  readonly #lock: KeyedLock;

  /** `lock`: one guest, one thing at a time. */
  constructor(wiring: GuestWiring, lock: KeyedLock) {
    this.#w = wiring;
    this.#lock = lock;
  }

  /** What guests that run, or are about to, were promised: what they have, whatever is wished since. */
  promised(except?: string): MemoryPromise[] {
    const { board, parts } = this.#w;
    return this.#up(except).map(({ uid, name, spec }) => {
      const { has } = board.get(uid);
      const memoryMib = has?.promisedMib ?? board.memoryMib(uid) ?? spec.memoryMib;
      return { name, memoryMib, overheadMib: parts.hypervisor.overheadMib({ memoryMib, cpus: has?.cpus ?? spec.cpus }) };
    });
  }

  /** Refuses, with the arithmetic, a wish for more memory than there is beside what the others were promised. */
  checkRoom(uid: string, spec: GuestSpec): void {
    const { site, board, parts } = this.#w;
    const has = board.get(uid).has?.promisedMib;
    if (has === undefined || site.overcommitsMemory || !spec.memoryRange || spec.memoryMib <= has) return;
    const asked = { name: site.guest(uid).name, memoryMib: spec.memoryMib, overheadMib: parts.hypervisor.overheadMib(spec) };
    const { memoryMib: totalMib, reserveMib } = parts.host;
    const answer = admit({ totalMib, reserveMib, promised: this.promised(uid), asked });
    if (answer.kind === 'refused') throw new CaissonError('no-capacity', `guest ${asked.name} ${answer.message}`);
  }

  /** Gives a guest that runs what is wished, as far as it can follow; what has to wait is on the board then. */
  adjust(uid: string): Promise<void> {
    return this.#lock.with(uid, () =>
      adjustSizes(this.#w, uid, {
        memoryMib: shareOf(this.#w, this.#up(), this.#w.site.guest(uid)),
        promised: () => this.promised(uid),
      }),
    );
  }

  /** After a restart of the daemon: what guests were promised is what they have, whatever is wished. */
  async look(): Promise<void> {
    const { parts } = this.#w;
    await Promise.all(
      this.#up().map(({ uid }) =>
        lookAtSizes(this.#w, uid).catch((error: unknown) => parts.log.warn('a guest does not tell what it has', { uid, error })),
      ),
    );
  }

  /** Takes up what guests have not followed yet, and what changes by itself. */
  async watch(signal: AbortSignal): Promise<void> {
    const { board, parts } = this.#w;
    const adjust = (uid: string) => {
      if (signal.aborted || this.#lock.isHeld(uid) || !this.#w.site.guests.has(uid)) return;
      this.adjust(uid).catch((error: unknown) => {
        if (!signal.aborted) parts.log.warn('the sizes of a guest could not be looked at', { uid, error });
      });
    };
    const ready = new Map<string, boolean>();
    const stop = board.onChange((uid) => {
      const isReady = board.get(uid).ready;
      if (isReady && !ready.get(uid)) adjust(uid);
      ready.set(uid, isReady);
    });
    signal.addEventListener('abort', stop, { once: true });
    for (const { uid } of this.#up()) adjust(uid);
    while (!signal.aborted) {
      await parts.clock.sleep(adjustEveryMs, signal).catch(() => undefined);
      for (const record of this.#up()) {
        const { has, pending } = board.get(record.uid);
        if (pending.length > 0 || has?.memoryMib !== shareOf(this.#w, this.#up(), record)) adjust(record.uid);
      }
    }
  }

  /**
   * What a guest that is to start is given. Where memory is overcommitted, others give theirs first. To be called at the moment when it is
   * promised: what others were promised may change until then.
   */
  async makeRoom(uid: string): Promise<() => StartMemory> {
    const { site, board, parts } = this.#w;
    const record = site.guest(uid);
    if (!site.overcommitsMemory) return () => ({ memoryMib: record.spec.memoryMib, promised: this.promised(uid) });
    const all = [...this.#up(uid), record];
    await Promise.all(
      this.#up(uid)
        .filter((other) => (board.get(other.uid).has?.promisedMib ?? 0) > shareOf(this.#w, all, other))
        .map((other) => this.#lock.with(other.uid, () => this.#giveUpTo(other.uid, shareOf(this.#w, all, other)))),
    );
    return () => {
      const promised = this.promised(uid);
      const takenMib = promised.reduce((sum, one) => sum + one.memoryMib + one.overheadMib, 0);
      const freeMib = parts.host.memoryMib - parts.host.reserveMib - takenMib - parts.hypervisor.overheadMib(record.spec);
      return { memoryMib: fitMemory(record.spec, Math.min(freeMib, shareOf(this.#w, all, record))), promised };
    };
  }

  async #giveUpTo(uid: string, memoryMib: number): Promise<void> {
    await adjustSizes(this.#w, uid, { memoryMib, promised: () => this.promised(uid) }).catch((error: unknown) =>
      this.#w.parts.log.warn('a guest could not be asked for memory', { uid, error }),
    );
  }

  #up(except?: string): GuestRecord[] {
    const { site, board } = this.#w;
    return [...site.guests.values()].filter(
      (record) => record.uid !== except && !['stopped', 'crashed'].includes(board.get(record.uid).power),
    );
  }
}
