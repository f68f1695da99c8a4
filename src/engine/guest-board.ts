// What is known of each guest at this moment, in one place: the observed process, readiness, and the sentence that says why.
// Kept in memory and, as far as it cannot be observed again (since when ready, why crashed), in the store.
import type { Clock } from '../lib/clock.ts';
import { harmlessLine } from '../lib/harmless.ts';
import type { Log } from '../lib/log.ts';
import { legalActions } from '../model/guest-actions.ts';
import type { Guest, GuestRecord, GuestStatus, RestartStatus } from '../model/guest-status.ts';
import { guestNics } from '../plan/machine.ts';
import type { Store, Write } from '../store/store.ts';

export type LiveStatus = Omit<GuestStatus, 'disks' | 'nics'> & { disks: GuestStatus['disks'] };

/** What survives a restart of the daemon. */
interface KeptStatus {
  pid?: number;
  /** Of the host's run in which that was true. */
  bootId?: string;
  restart?: RestartStatus;
  startedAt?: string;
  readyAt?: string;
  readyAfterMs?: number;
  crashed?: string;
  /** What the process was given: the wish may have changed since. */
  memoryMib?: number;
}

/** Of the rows in the store. */
const prefix = 'guest-status/';

const unknown: LiveStatus = { power: 'stopped', ready: false, reason: '', agent: 'unknown', pending: [], disks: [] };

export interface BoardOptions {
  store: Store;
  clock: Clock;
  log: Log;
  /** Of this run of the host: processes and pauses of an earlier one mean nothing any more. */
  bootId: string;
  /** Guests of the zone share one wire. */
  isBridged: (zone: string) => boolean;
  /** The site has it: of others nothing is known, whoever learns it late. */
  isKnown: (uid: string) => boolean;
}

export class GuestBoard {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #bootId: string;
  readonly #isBridged: BoardOptions['isBridged'];
  readonly #isKnown: BoardOptions['isKnown'];
  readonly #live = new Map<string, LiveStatus>();
  readonly #listeners = new Set<(uid: string) => void>();
  /** Of one guest each: many wait for one, and each change must not wake all of them. */
  readonly #listenersOf = new Map<string, Set<() => void>>();
  readonly #kept = new Map<string, string>();
  /** By guest: what is on its way into the store. */
  readonly #keeping = new Map<string, Set<Promise<unknown>>>();
  /** Guests that are being taken out of the store: nothing is written of them meanwhile. */
  readonly #leaving = new Set<string>();
  readonly #memoryMib = new Map<string, number>();
  readonly #json = new Map<string, { record: GuestRecord; live: Readonly<LiveStatus>; wires: string; bytes: Buffer }>();

  private constructor(options: BoardOptions) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#bootId = options.bootId;
    this.#isBridged = options.isBridged;
    this.#isKnown = options.isKnown;
  }

  static async open(options: BoardOptions): Promise<GuestBoard> {
    const board = new GuestBoard(options);
    for (const row of (await options.store.list(prefix)).rows) {
      const kept = row.value as KeptStatus;
      const uid = row.key.slice(prefix.length);
      if (!options.isKnown(uid)) {
        await board.#sweep(row.key);
        continue;
      }
      board.#kept.set(uid, row.json);
      const { crashed, bootId, memoryMib, ...rest } = kept;
      // Until somebody has looked, a guest that had a process is taken to have one; only a host that was restarted ends them all.
      if (bootId !== board.#bootId) {
        board.#live.set(uid, unknown);
        continue;
      }
      if (memoryMib !== undefined) board.#memoryMib.set(uid, memoryMib);
      if (crashed === undefined) board.#live.set(uid, { ...unknown, ...rest });
      else board.#live.set(uid, { ...unknown, ...rest, power: 'crashed', reason: crashed });
    }
    return board;
  }

  get(uid: string): Readonly<LiveStatus> {
    return this.#live.get(uid) ?? unknown;
  }

  /** Changes what is known; listeners hear of it when anything differs. */
  set(uid: string, change: Partial<{ [K in keyof LiveStatus]: LiveStatus[K] | undefined }>): void {
    if (!this.#isKnown(uid)) return;
    const before = this.get(uid);
    // A reason may be what the guest has said.
    const said = change.reason === undefined ? {} : { reason: harmlessLine(change.reason) };
    const after = Object.fromEntries(
      Object.entries({ ...before, ...change, ...said }).filter(([, value]) => value !== undefined),
    ) as unknown as LiveStatus;
    if (
      Object.entries(after).every(([key, value]) => before[key as keyof LiveStatus] === value) &&
      Object.keys(after).length === Object.keys(before).length
    )
      return;
    this.#live.set(uid, after);
    this.#keep(uid, after);
    this.nudge(uid);
  }

  /** To be said before the process is given it, and true until it is gone. */
  setMemory(uid: string, memoryMib: number): void {
    if (!this.#isKnown(uid)) return;
    this.#memoryMib.set(uid, memoryMib);
    this.#keep(uid, this.get(uid));
  }

  /** Memory that a guest's process was given; undefined while it has none. */
  memoryMib(uid: string): number | undefined {
    return this.#memoryMib.get(uid);
  }

  /** The process is gone: everything that was true of it is forgotten, but for the disks and what is done about its failures. */
  ended(uid: string, power: 'stopped' | 'crashed', reason = ''): void {
    if (!this.#isKnown(uid)) return;
    const { disks, restart } = this.get(uid);
    this.#memoryMib.delete(uid);
    this.#live.set(uid, { ...unknown, power, reason: harmlessLine(reason), disks, ...(restart ? { restart } : {}) });
    this.#keep(uid, this.get(uid));
    this.nudge(uid);
  }

  /** Something that is not on the board, and decides how a guest goes on, has changed. */
  nudge(uid: string): void {
    for (const listener of this.#listeners) listener(uid);
    for (const listener of this.#listenersOf.get(uid) ?? []) listener();
  }

  /** Takes what is kept of a guest out of the store: `commit` does that write together with the guest’s own, while no other of it is on its way. */
  async erase(uid: string, commit: (write: Write) => Promise<void>): Promise<void> {
    this.#leaving.add(uid);
    try {
      await Promise.all(this.#keeping.get(uid) ?? new Set<Promise<unknown>>());
      await commit({ key: keyOf(uid), expected: 'any', delete: true });
      this.#forget(uid);
    } finally {
      this.#leaving.delete(uid);
      if (this.#isKnown(uid)) {
        // It stays after all, with what was learned meanwhile.
        this.#kept.delete(uid);
        this.#keep(uid, this.get(uid));
      }
    }
  }

  onChange(listener: (uid: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls `listener` at each change of one guest. */
  onChangeOf(uid: string, listener: () => void): () => void {
    const listeners = this.#listenersOf.get(uid) ?? new Set();
    this.#listenersOf.set(uid, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listenersOf.get(uid) === listeners) this.#listenersOf.delete(uid);
    };
  }

  /** Resolves once `condition` holds for the guest's state; rejects with the signal's reason. */
  until(uid: string, condition: (status: Readonly<LiveStatus>) => boolean, signal?: AbortSignal): Promise<Readonly<LiveStatus>> {
    const { promise, resolve, reject } = Promise.withResolvers<Readonly<LiveStatus>>();
    const look = () => {
      const status = this.get(uid);
      if (condition(status)) {
        stop();
        resolve(status);
      }
    };
    const abort = () => {
      stop();
      reject(signal?.reason as Error);
    };
    const off = this.onChangeOf(uid, look);
    const stop = () => {
      off();
      signal?.removeEventListener('abort', abort);
    };
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) abort();
    else look();
    return promise;
  }

  /** The guest as the API shows it. */
  view(record: GuestRecord): Guest {
    const live = this.get(record.uid);
    return {
      uid: record.uid,
      name: record.name,
      spec: record.spec,
      wantedPower: record.wantedPower,
      userId: record.userId,
      generation: record.generation,
      hardware: record.hardware,
      createdAt: record.createdAt,
      status: {
        ...live,
        nics: guestNics(record).map(({ mac, tap, zone, addresses }) => ({
          mac,
          tap,
          zone,
          addresses: [...addresses],
          ...(this.#isBridged(zone) && { bridged: true as const }),
        })),
      },
      actions: legalActions(live.power),
    };
  }

  /** The same as bytes of JSON, made again only when something of it has changed: a list of many guests is asked for often. */
  viewJson(record: GuestRecord): Buffer {
    const live = this.get(record.uid);
    const known = this.#json.get(record.uid);
    // What its zones are is no part of its record.
    const wires = record.spec.nics.map(({ zone }) => (this.#isBridged(zone) ? 'b' : '-')).join('');
    if (known?.record === record && known.live === live && known.wires === wires) return known.bytes;
    const text = JSON.stringify(this.view(record));
    // Of its own size: what is kept must not keep a piece of a shared pool.
    const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
    bytes.write(text);
    this.#json.set(record.uid, { record, live, wires, bytes });
    return bytes;
  }

  /** QEMU runs, whatever its guest does. */
  hasProcess(uid: string): boolean {
    return ['running', 'paused', 'halted', 'unresponsive'].includes(this.get(uid).power);
  }

  now(): string {
    return new Date(this.#clock.now()).toISOString();
  }

  #forget(uid: string): void {
    this.#memoryMib.delete(uid);
    this.#live.delete(uid);
    this.#kept.delete(uid);
    this.#json.delete(uid);
    this.nudge(uid);
  }

  /** Left of a guest that is gone, by a version that wrote what it learned late. */
  async #sweep(key: string): Promise<void> {
    await this.#store
      .delete(key, { expected: 'any', durability: 'relaxed' })
      .catch((error: unknown) => this.#log.warn('what is left of a guest that is gone could not be removed', { key, error }));
  }

  #keep(uid: string, status: LiveStatus): void {
    if (this.#leaving.has(uid)) return;
    const kept: KeptStatus = {
      bootId: this.#bootId,
      ...(status.restart === undefined ? {} : { restart: status.restart }),
      ...(status.pid === undefined ? {} : { pid: status.pid }),
      ...(status.startedAt === undefined ? {} : { startedAt: status.startedAt }),
      ...(status.readyAt === undefined ? {} : { readyAt: status.readyAt }),
      ...(status.readyAfterMs === undefined ? {} : { readyAfterMs: status.readyAfterMs }),
      ...(status.power === 'crashed' ? { crashed: status.reason } : {}),
      ...(this.#memoryMib.has(uid) ? { memoryMib: this.#memoryMib.get(uid) as number } : {}),
    };
    const json = JSON.stringify(kept);
    if (this.#kept.get(uid) === json) return;
    this.#kept.set(uid, json);
    const others = this.#keeping.get(uid) ?? new Set();
    this.#keeping.set(uid, others);
    const written = this.#store
      .put(keyOf(uid), kept, { expected: 'any', durability: 'relaxed' })
      .catch((error: unknown) => {
        this.#kept.delete(uid);
        this.#log.warn('the status of a guest could not be kept', { uid, error });
      })
      .finally(() => {
        others.delete(written);
        if (others.size === 0 && this.#keeping.get(uid) === others) this.#keeping.delete(uid);
      });
    others.add(written);
  }
}

function keyOf(uid: string): string {
  return `${prefix}${uid}`;
}
