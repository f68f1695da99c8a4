// What is seen of guests becomes what is known of them: at the start of the daemon, by events of the hypervisor, and by a look at every
// process now and then, which finds what a lost event would have told.
import type { Observation } from '../drivers/hypervisor.ts';
import type { GuestRecord, HaltReason } from '../model/guest-status.ts';
import { tapsOfProcess } from '../plan/machine.ts';
import type { Events } from './events.ts';
import { refreshDisks } from './guest-disks.ts';
import { connectRunning } from './guest-nics.ts';
import type { GuestRestarter } from './guest-restart.ts';
import type { GuestSpace } from './guest-space.ts';
import type { GuestWiring } from './guest-wiring.ts';

const observeEveryMs = 30_000;

const haltedBecause: Record<HaltReason, string> = {
  'no-space': 'no space is left for its disk',
  'io-error': 'its disk reports an error',
  panicked: 'its operating system panicked',
  watchdog: 'its watchdog expired, its operating system hangs',
  'internal-error': 'QEMU met an error of its own',
  'shut-down': 'it shut down',
};

export class GuestObserver {
  readonly #w: GuestWiring;
  readonly #restarter: GuestRestarter;
  readonly #space: GuestSpace;
  /** Guests that this daemon is stopping: their end is no crash. */
  readonly #stopping = new Map<string, number>();
  /** Guests that were asked to go down with the host, and may do so later than anybody waits. */
  readonly #keptWanted = new Set<string>();

  constructor(wiring: GuestWiring, { restarter, space }: { restarter: GuestRestarter; space: GuestSpace }) {
    this.#w = wiring;
    this.#restarter = restarter;
    this.#space = space;
    wiring.parts.hypervisor.watch((event) => {
      if (!wiring.site.guests.has(event.uid)) return;
      if (event.kind === 'ended') this.#ended(event.uid, event.why, event.detail);
      else if (event.kind === 'changed') this.observed(event.uid, event.observation);
      else if (event.kind === 'rebooted') this.#rebooted(event.uid);
      else this.tell(event.uid, 'guest-panicked', event.goesOn ? 'panicked, and writes a dump before it restarts' : 'panicked', 'error');
    });
  }

  /** Looks at every process and takes over what runs. Returns the guests that are wanted to run and do not. */
  async adopt(): Promise<GuestRecord[]> {
    const { site, board, parts, readiness } = this.#w;
    const observations = await parts.hypervisor.observeAll();
    const missing: GuestRecord[] = [];
    for (const record of site.guests.values()) {
      const observation = observations.get(record.uid) ?? { state: 'stopped' };
      if (observation.state === 'stopped') {
        if (this.#foundStopped(record)) missing.push(record);
        continue;
      }
      if (board.get(record.uid).pid !== observation.pid) {
        board.set(record.uid, { startedAt: undefined, readyAt: undefined, readyAfterMs: undefined });
      }
      this.observed(record.uid, observation, true);
      if (observation.state === 'running') readiness.watch(record.uid);
      await refreshDisks(this.#w, record);
      this.tell(record.uid, 'guest-adopted', `was found ${observation.state} and taken over`);
    }
    for (const uid of observations.keys()) {
      if (!site.guests.has(uid)) parts.log.error('a process runs for a guest that the site does not know; it is left alone', { uid });
    }
    return missing;
  }

  /** Looks at every process now and then; guests that somebody is working on are left to him. */
  async watch(isBusy: (uid: string) => boolean, signal: AbortSignal): Promise<void> {
    const { parts, site } = this.#w;
    while (!signal.aborted) {
      try {
        await parts.clock.sleep(observeEveryMs, signal);
        const observations = await parts.hypervisor.observeAll();
        for (const { uid } of site.guests.values()) {
          if (!isBusy(uid) && !this.#stopping.has(uid)) await this.#compare(uid, observations.get(uid) ?? { state: 'stopped' });
        }
        await connectRunning(this.#w, isBusy);
      } catch (error) {
        if (!signal.aborted) parts.log.warn('the guests could not be observed', { error });
      }
    }
  }

  /** Whenever it goes down next, it is still wanted to run. */
  keepWanted(uid: string): void {
    this.#keptWanted.add(uid);
  }

  /** It was down already. */
  keepNoLonger(uid: string): void {
    this.#keptWanted.delete(uid);
  }

  /** While `work` goes on, the guest's end is what was asked for. */
  async whileStopping<T>(uid: string, work: () => Promise<T>): Promise<T> {
    this.#stopping.set(uid, (this.#stopping.get(uid) ?? 0) + 1);
    try {
      return await work();
    } finally {
      const left = (this.#stopping.get(uid) ?? 1) - 1;
      if (left > 0) this.#stopping.set(uid, left);
      else this.#stopping.delete(uid);
    }
  }

  /** `isAdopted`: what an earlier daemon has begun to do about it goes on. */
  observed(uid: string, observation: Observation, isAdopted = false): void {
    const { board, readiness } = this.#w;
    if (observation.state === 'stopped') {
      if (board.get(uid).power !== 'crashed') board.ended(uid, 'stopped');
      return;
    }
    const before = board.get(uid);
    const base = {
      pid: observation.pid,
      startedAt: before.startedAt ?? new Date(observation.startedAt).toISOString(),
      haltedBy: observation.state === 'halted' ? observation.why : undefined,
    };
    if (observation.state !== 'running') readiness.stop(uid);
    switch (observation.state) {
      case 'running':
        if (this.#stopping.has(uid)) return;
        board.set(uid, {
          ...base,
          power: 'running',
          ...(before.power === 'running' ? {} : { reason: this.#hasChecks(uid) ? 'boots' : '' }),
        });
        // Whoever told it, QEMU's event or a look at all: the service is asked again.
        if (before.power !== 'running') readiness.watch(uid);
        break;
      case 'paused':
        board.set(uid, { ...base, power: 'paused', ready: false, reason: 'is paused' });
        break;
      case 'halted': {
        board.set(uid, { ...base, power: 'halted', ready: false, reason: haltedBecause[observation.why] });
        if (before.haltedBy !== observation.why) this.#halted(uid, observation.why, isAdopted);
        break;
      }
      case 'unresponsive':
        board.set(uid, { ...base, power: 'unresponsive', ready: false, reason: 'its QEMU does not answer; nothing is known of its state' });
        if (before.power !== 'unresponsive') this.tell(uid, 'guest-unresponsive', 'does not answer: its QEMU is silent', 'error');
        break;
    }
  }

  tell(uid: string, kind: Parameters<Events['emit']>[0]['kind'], what: string, severity: 'info' | 'warning' | 'error' = 'info'): void {
    const record = this.#w.site.guests.get(uid);
    this.#w.events.emit({ kind, severity, object: `guest/${uid}`, message: `guest ${record?.name ?? uid} ${what}` });
  }

  /** No process: whether it is to be started, as on a host that has just started. What crashed is its policy's. */
  #foundStopped(record: GuestRecord): boolean {
    const { board } = this.#w;
    const { uid, wantedPower } = record;
    const { power, pid } = board.get(uid);
    if (wantedPower !== 'stopped' && pid !== undefined) {
      this.#ended(uid, 'crashed', 'its process was gone when the daemon started');
      return false;
    }
    if (power === 'crashed' && wantedPower === 'running') return !this.#restarter.takeUp(uid);
    if (power !== 'crashed') board.ended(uid, 'stopped');
    return wantedPower === 'running';
  }

  #halted(uid: string, why: HaltReason, isAdopted: boolean): void {
    const what = haltedBecause[why];
    if (why === 'shut-down') return;
    if (why === 'no-space') {
      if (!this.#space.isWatched(uid)) this.tell(uid, 'guest-halted', `is paused: ${what}; it goes on by itself once there is`, 'error');
      this.#space.watch(uid);
      return;
    }
    if (isAdopted && this.#restarter.takeUp(uid, what)) return;
    if (why === 'watchdog') this.tell(uid, 'guest-watchdog', `hangs: ${what}`, 'error');
    else this.tell(uid, 'guest-halted', `was stopped by QEMU: ${what}`, 'error');
    if (why !== 'io-error') this.#restarter.ended(uid, { end: 'failure', what, ranMs: this.#ranMs(uid) });
  }

  /** By itself, or asked to: its service has to get ready anew. */
  #rebooted(uid: string): void {
    const { board, readiness } = this.#w;
    this.tell(uid, 'guest-rebooted', 'rebooted');
    if (board.get(uid).power !== 'running') return;
    board.set(uid, { ready: false, reason: 'reboots', readyAt: undefined, readyAfterMs: undefined, startedAt: board.now() });
    readiness.watch(uid);
  }

  #ranMs(uid: string): number {
    const { startedAt } = this.#w.board.get(uid);
    return startedAt === undefined ? 0 : Math.max(0, this.#w.parts.clock.now() - Date.parse(startedAt));
  }

  async #compare(uid: string, observation: Observation): Promise<void> {
    const { board, parts, readiness } = this.#w;
    const before = board.get(uid).power;
    if (observation.state === 'stopped') {
      if (board.hasProcess(uid)) this.#ended(uid, 'crashed', 'its process is gone');
      return;
    }
    if (observation.state !== before) {
      this.observed(uid, observation);
      if (observation.state === 'running') readiness.watch(uid);
    }
    board.set(uid, { memoryBytes: await parts.hypervisor.memoryBytes(uid) });
    this.#restarter.settle(uid);
  }

  #ended(uid: string, why: 'shut-down' | 'stopped' | 'crashed', detail: string): void {
    const { board, site, readiness, parts } = this.#w;
    readiness.stop(uid);
    this.#space.stop(uid);
    const record = site.guest(uid);
    const asked = this.#stopping.has(uid) || this.#keptWanted.delete(uid);
    const ranMs = this.#ranMs(uid);
    let staysDown = false;
    if (why === 'crashed' && !asked) {
      const what = `crashed: ${detail || 'QEMU ended without a word'}`;
      board.ended(uid, 'crashed', what);
      this.tell(uid, 'guest-crashed', what, 'error');
      this.#restarter.ended(uid, { end: 'failure', what, ranMs });
    } else {
      board.ended(uid, 'stopped');
      if (why === 'shut-down') this.tell(uid, 'guest-shut-down', 'has shut down');
      else this.tell(uid, 'guest-stopped', 'was stopped');
      // A guest that shut itself down is meant to stay down, until somebody starts it; unless its policy says otherwise.
      staysDown = why === 'shut-down' && !asked && !this.#restarter.ended(uid, { end: 'shut-down', what: 'has shut itself down', ranMs });
    }
    this.#cleanUp(record, staysDown).catch((error: unknown) =>
      parts.log.error('what a guest left could not be cleaned up', { uid, error }),
    );
  }

  async #cleanUp(record: GuestRecord, staysDown: boolean): Promise<void> {
    if (staysDown) await this.#w.site.want(record.uid, 'stopped');
    for (const tap of tapsOfProcess(record)) await this.#w.network.disconnect(tap);
    await refreshDisks(this.#w, record);
  }

  #hasChecks(uid: string): boolean {
    return (this.#w.site.guest(uid).spec.service?.ready.length ?? 0) > 0;
  }
}
