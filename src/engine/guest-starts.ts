// Starts of guests: after whom, how many at once, and what becomes of those that do not work. The same for an apply, the start of the
// host, a daemon that takes over, and a guest that is started again.
//
// What is remembered here (who waits, whose start failed) is found again by trying: a new daemon tries every guest that is wanted to run.
import { CaissonError, describeError } from '../lib/errors.ts';
import type { KeyedLock } from '../lib/keyed-lock.ts';
import type { GuestRecord } from '../model/guest-status.ts';
import { dependencyName } from '../model/guest.ts';
import { startsAtOnce } from '../plan/start-capacity.ts';
import { followers } from '../plan/start-order.ts';
import type { GuestObserver } from './guest-observer.ts';
import type { GuestRestarter } from './guest-restart.ts';
import { type StartMemory, startGuest } from './guest-start.ts';
import { DependencyLost, type Starts, waitForDependencies } from './guest-waiting.ts';
import type { GuestWiring } from './guest-wiring.ts';
import type { StepContext } from './job-context.ts';
import { StartPermits } from './start-permits.ts';

/** A guest that is not up by then does not keep others from booting any longer. */
const longestBootMs = 120_000;

export interface StartHow {
  /** Start what it requires as well: somebody asked for this guest by name. */
  pull?: boolean;
  /** It ended by itself, or the host starts: a start that fails is tried again as the policy says. */
  keepTrying?: boolean;
}

export interface GuestStartsParts {
  w: GuestWiring;
  observer: GuestObserver;
  restarter: GuestRestarter;
  /** One guest, one thing at a time. */
  lock: KeyedLock;
  /** Starts a guest as a job of the system's. */
  startAgain: (uid: string) => Promise<void>;
  /** What it is given, asked at the moment when it is promised; others may have to give first. */
  makeRoom: (uid: string) => Promise<() => StartMemory>;
}

export function toldToStayDown({ name }: Pick<GuestRecord, 'name'>): CaissonError {
  return new CaissonError('cancelled', `guest ${name} was told to stay down while it waited to start`);
}

export class GuestStarts implements Starts {
  readonly #with: GuestStartsParts;
  readonly #permits: StartPermits;
  /** How many starts of a guest are on their way. */
  readonly #starting = new Map<string, number>();
  /** By whom each guest is about to be started. */
  readonly #expected = new Map<string, Set<symbol>>();
  /** What ends each start of a guest: more than one job may be about to start it. */
  readonly #waiting = new Map<string, Set<AbortController>>();
  readonly #failures = new Map<string, string>();
  /** Guests that are wanted to run and lack one that they require. */
  readonly #blocked = new Set<string>();
  readonly #ready = new Set<string>();

  constructor(parts: GuestStartsParts) {
    this.#with = parts;
    const { w } = parts;
    this.#permits = new StartPermits(async () => {
      const { host, hypervisor } = w.parts;
      return host.startsAtOnce ?? startsAtOnce({ cpus: host.cpus, accelerator: (await hypervisor.facts()).accelerator });
    });
    w.board.onChange((uid) => this.#heard(uid));
  }

  isStarting(uid: string): boolean {
    return this.#starting.has(uid) || this.#expected.has(uid);
  }

  failure(uid: string): string | undefined {
    return this.#failures.get(uid);
  }

  /** Starts that are about to begin: nobody takes what was before for the last word. Returns what ends that for those that do not. */
  expect(uids: readonly string[]): () => void {
    const { board } = this.#with.w;
    const who = Symbol('who starts them');
    for (const uid of uids) {
      this.#expected.set(uid, (this.#expected.get(uid) ?? new Set()).add(who));
      this.#failures.delete(uid);
      if (['stopped', 'crashed'].includes(board.get(uid).power)) board.set(uid, { reason: 'is about to be started' });
    }
    return () => {
      for (const uid of uids) {
        const others = this.#expected.get(uid);
        if (!others?.delete(who)) continue;
        if (others.size === 0) this.#expected.delete(uid);
        board.nudge(uid);
      }
    };
  }

  /** Makes the guest run, after what it depends on; does nothing when it runs. Steps go to the job. */
  async start(uid: string, job: StepContext, how: StartHow = {}): Promise<void> {
    const { w, lock, restarter } = this.#with;
    if (!this.#isDown(uid)) {
      // Whoever waits for it is not to wait for a start: it may go down before that.
      if (this.#expected.delete(uid)) w.board.nudge(uid);
      return lock.with(uid, () => this.#startUnlessRunning(uid, job));
    }
    this.#begin(uid);
    if (!how.keepTrying) restarter.forget(uid);
    const waiting = new AbortController();
    this.#waiting.set(uid, (this.#waiting.get(uid) ?? new Set()).add(waiting));
    const signal = AbortSignal.any([job.signal, waiting.signal]);
    try {
      if (how.pull) await this.#pull(uid, job);
      await waitForDependencies(w, this, uid, { ...job, signal });
      const release = await this.#permit(uid, signal);
      try {
        await lock.with(uid, async () => {
          signal.throwIfAborted();
          await this.#startUnlessRunning(uid, { ...job, signal }, waiting.signal).catch((error: unknown) => {
            // Whoever waits for the lock is not to find it being prepared.
            if (this.#isDown(uid)) w.board.ended(uid, 'stopped');
            throw error;
          });
        });
      } catch (error) {
        release();
        throw error;
      }
      this.#whenUp(uid, release);
      restarter.running(uid);
    } catch (error) {
      if (signal.aborted) {
        if (this.#isDown(uid)) w.board.ended(uid, 'stopped');
        throw waiting.signal.aborted ? (waiting.signal.reason as Error) : error;
      }
      this.giveUp(uid, error, how);
    } finally {
      const others = this.#waiting.get(uid);
      others?.delete(waiting);
      if (others?.size === 0) this.#waiting.delete(uid);
      this.#end(uid);
    }
  }

  /** The guest does not start, for a reason that its state then tells. Always throws. */
  giveUp(uid: string, error: unknown, how: StartHow = {}): never {
    const { w, observer, restarter } = this.#with;
    const { name } = w.site.guest(uid);
    const isBlocked = error instanceof DependencyLost;
    const why = isBlocked
      ? `is not started: ${error.message}; it starts by itself once that is ready`
      : `did not start: ${describeError(error)}`;
    this.#expected.delete(uid);
    this.#failures.set(uid, why);
    if (isBlocked) this.#blocked.add(uid);
    if (this.#isDown(uid)) w.board.ended(uid, 'stopped', why);
    observer.tell(uid, 'guest-start-failed', why, isBlocked ? 'warning' : 'error');
    // What it lacked may have come while it was given up.
    if (isBlocked) this.#startUnlessLacking(uid);
    if (how.keepTrying && !isBlocked) restarter.ended(uid, { end: 'failure', what: why, ranMs: 0 });
    throw new CaissonError(
      error instanceof CaissonError ? error.code : 'failed',
      `guest ${name} ${isBlocked ? 'is not started' : 'did not start'}`,
      {
        cause: error,
      },
    );
  }

  /** Somebody wants the guest to stay down: starts of it are given up, also one that is being prepared. */
  giveUpWaiting(uid: string): void {
    const { board, site } = this.#with.w;
    this.#blocked.delete(uid);
    this.#failures.delete(uid);
    if (this.#expected.delete(uid) && board.get(uid).power === 'stopped') board.set(uid, { reason: '' });
    for (const start of this.#waiting.get(uid) ?? []) start.abort(toldToStayDown(site.guest(uid)));
    board.nudge(uid);
  }

  /** The host goes down: nobody waits for anybody any more. */
  giveUpAll(): void {
    this.#blocked.clear();
    for (const uid of this.#waiting.keys()) this.giveUpWaiting(uid);
  }

  /** Down until a guest that it requires is ready again. */
  block(uid: string, why: string): void {
    this.#blocked.add(uid);
    this.#failures.set(uid, why);
    this.#with.w.board.set(uid, { reason: why });
  }

  #begin(uid: string): void {
    this.#expected.delete(uid);
    this.#starting.set(uid, (this.#starting.get(uid) ?? 0) + 1);
    this.#failures.delete(uid);
    this.#blocked.delete(uid);
  }

  #end(uid: string): void {
    const left = (this.#starting.get(uid) ?? 1) - 1;
    if (left > 0) this.#starting.set(uid, left);
    else this.#starting.delete(uid);
    this.#with.w.board.nudge(uid);
  }

  /** What the guest requires and does not run is started first, with what that requires. */
  async #pull(uid: string, job: StepContext): Promise<void> {
    const { site } = this.#with.w;
    const required = site.guest(uid).spec.after.flatMap((dependency) => {
      const on = 'requires' in dependency ? site.findGuest(dependencyName(dependency)) : undefined;
      return on && this.#isDown(on.uid) && !this.isStarting(on.uid) ? [on] : [];
    });
    await Promise.all(
      required.map((on) =>
        job.step(`start ${on.name}`, async (step) => {
          try {
            await this.start(on.uid, step, { pull: true });
          } catch (cause) {
            throw new DependencyLost('failed', `it requires ${on.name}`, { cause });
          }
        }),
      ),
    );
  }

  async #permit(uid: string, signal: AbortSignal): Promise<() => void> {
    const { board, site } = this.#with.w;
    const specs = [...site.guests.values()].map(({ name, spec }) => ({ name, after: spec.after }));
    const rank = followers(specs, site.guest(uid).name).size;
    return this.#permits.take(rank, signal, () => board.set(uid, { reason: `waits its turn: ${this.#permits.taken} guests are booting` }));
  }

  /** `givenUp`: somebody wants it to stay down after all. */
  async #startUnlessRunning(uid: string, job: StepContext, givenUp?: AbortSignal): Promise<void> {
    const { w, observer, makeRoom } = this.#with;
    const found = await w.parts.hypervisor.observe(uid);
    if (found.state !== 'stopped') {
      observer.observed(uid, found);
      // Somebody wanted it to stop, and it did not.
      if (w.site.guest(uid).wantedPower === 'stopped') await w.site.want(uid, 'running');
      return;
    }
    const started = await startGuest(w, uid, await makeRoom(uid), job);
    if (givenUp?.aborted) {
      // In the very moment of its start: whoever cut its power may have found nothing to cut.
      await w.parts.hypervisor.stop(uid);
      givenUp.throwIfAborted();
    }
    observer.observed(uid, started);
    observer.tell(uid, 'guest-started', 'was started');
    w.readiness.watch(uid);
  }

  /** Gives the permit back once the guest is up: ready, and where nothing is asked of it, its agent answers. */
  #whenUp(uid: string, release: () => void): void {
    const { board, parts, site } = this.#with.w;
    const limit = new AbortController();
    const ended = new AbortController();
    const hasChecks = (site.guest(uid).spec.service?.ready.length ?? 0) > 0;
    parts.clock.sleep(longestBootMs, ended.signal).then(
      () => limit.abort(),
      () => undefined,
    );
    board
      .until(
        uid,
        ({ power, ready, agent }) => !['starting', 'running'].includes(power) || (ready && (hasChecks || agent === 'answers')),
        limit.signal,
      )
      .catch(() => undefined)
      .finally(() => {
        ended.abort();
        release();
      });
  }

  /** A guest that has got ready, and was not, may be what others lack. One that is on its way down is ready for a moment longer. */
  #heard(uid: string): void {
    const { ready } = this.#with.w.board.get(uid);
    if (ready === this.#ready.has(uid)) return;
    if (!ready) {
      this.#ready.delete(uid);
      return;
    }
    this.#ready.add(uid);
    const name = this.#with.w.site.guests.get(uid)?.name;
    for (const other of this.#blocked) {
      if (name !== undefined && this.#required(other).includes(name)) this.#startUnlessLacking(other);
    }
  }

  #required(uid: string): string[] {
    const after = this.#with.w.site.guests.get(uid)?.spec.after ?? [];
    return after.flatMap((dependency) => ('requires' in dependency ? [dependency.requires] : []));
  }

  #startUnlessLacking(uid: string): void {
    const { w, startAgain } = this.#with;
    const isLacking = this.#required(uid).some((name) => !w.board.get(w.site.findGuest(name)?.uid ?? '').ready);
    if (isLacking || w.site.guests.get(uid)?.wantedPower !== 'running') return;
    this.#blocked.delete(uid);
    startAgain(uid).catch((error: unknown) => w.parts.log.error('a guest could not be started after what it requires', { uid, error }));
  }

  #isDown(uid: string): boolean {
    return ['starting', 'stopped', 'crashed'].includes(this.#with.w.board.get(uid).power);
  }
}
