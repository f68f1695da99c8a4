// What can be done to a guest. Every way in is idempotent: it looks at what is, and does what is missing; so a job that died in the middle
// is simply done again.
//
// One guest, one thing at a time: `#lock` is held by whatever changes a guest's process. A start waits for others *before* it takes
// the lock, so that a waiting guest can be stopped.
import { CaissonError, describeError } from '../lib/errors.ts';
import { KeyedLock } from '../lib/keyed-lock.ts';
import { explainIllegal, isLegal, type GuestAction } from '../model/guest-actions.ts';
import type { GuestRecord, WantedPower } from '../model/guest-status.ts';
import type { MemoryPromise } from '../plan/admission.ts';
import { connectRunning } from './guest-nics.ts';
import { GuestObserver } from './guest-observer.ts';
import { cutPower, type ShutdownWay, shutDownGuest } from './guest-shutdown.ts';
import { startGuest } from './guest-start.ts';
import { waitForDependencies, waitReady } from './guest-waiting.ts';
import type { GuestWiring } from './guest-wiring.ts';
import type { StepContext } from './job-context.ts';

const agentRebootMs = 5000;
export const defaultShutdownTimeoutMs = 90_000;

export class Guests {
  readonly #w: GuestWiring;
  readonly #observer: GuestObserver;
  readonly #lock = new KeyedLock();

  constructor(wiring: GuestWiring) {
    this.#w = wiring;
    this.#observer = new GuestObserver(wiring);
  }

  /** Looks at every process and takes over what runs. Returns the guests that are wanted to run and do not. */
  adopt(): Promise<GuestRecord[]> {
    return this.#observer.adopt();
  }

  /** Nics of those that were taken over, once the rules stand. */
  connectRunning(): Promise<void> {
    return connectRunning(this.#w, (uid) => this.#lock.isHeld(uid));
  }

  watch(signal: AbortSignal): Promise<void> {
    return this.#observer.watch((uid) => this.#lock.isHeld(uid), signal);
  }

  /** Refuses what the state of the guest does not allow, with what is possible instead. */
  check(action: GuestAction, record: GuestRecord): void {
    const { power } = this.#w.board.get(record.uid);
    if (!isLegal(action, power)) throw new CaissonError('not-allowed', explainIllegal(action, record.name, power));
  }

  /** Makes the guest run, after what it depends on; does nothing when it runs. Steps go to the job. */
  async start(uid: string, job: StepContext): Promise<void> {
    try {
      await waitForDependencies(this.#w, uid, job);
      await this.#lock.with(uid, () => this.#startUnlessRunning(uid, job));
    } catch (error) {
      if (job.signal.aborted) {
        if (this.#isDown(uid)) this.#w.board.ended(uid, 'stopped');
        throw error;
      }
      this.giveUp(uid, error);
    }
  }

  /** It is tried anew: why it is down does not count any more, not for those that wait for it either. */
  announceStart(uid: string): void {
    const { power } = this.#w.board.get(uid);
    if (power === 'stopped' || power === 'crashed') this.#w.board.ended(uid, 'stopped', 'is about to be started');
  }

  /** The guest does not start, for a reason that its state then tells. Always throws. */
  giveUp(uid: string, error: unknown): never {
    const why = `did not start: ${describeError(error)}`;
    if (this.#isDown(uid)) this.#w.board.ended(uid, 'stopped', why);
    this.#observer.tell(uid, 'guest-start-failed', why, 'error');
    throw new CaissonError(error instanceof CaissonError ? error.code : 'failed', `guest ${this.#w.site.guest(uid).name} did not start`, {
      cause: error,
    });
  }

  #hasProcess(uid: string): boolean {
    return !['starting', 'stopped', 'crashed'].includes(this.#w.board.get(uid).power);
  }

  #isDown(uid: string): boolean {
    return ['starting', 'stopped'].includes(this.#w.board.get(uid).power);
  }

  /**
   * Asks by agent, then by power button; cuts the power when `force` and the time is over. Does nothing when it does not run.
   * With `keepWanted` the guest starts again with the host.
   */
  async shutdown(
    uid: string,
    options: { timeoutMs: number; force: boolean; keepWanted?: boolean },
    job: StepContext,
  ): Promise<ShutdownWay> {
    const { site } = this.#w;
    const { wantedPower } = site.guest(uid);
    const want = (power: WantedPower) => (options.keepWanted || !site.guests.has(uid) ? Promise.resolve() : site.want(uid, power));
    await want('stopped');
    try {
      if (options.keepWanted) this.#observer.keepWanted(uid);
      const way = await this.#lock.with(uid, () => shutDownGuest(this.#w, this.#observer, uid, options, job));
      // Another shutdown of the same guest may have given up meanwhile.
      await want('stopped');
      return way;
    } catch (error) {
      // It runs on as before, so it is wanted as before.
      if (this.#hasProcess(uid)) await want(wantedPower);
      throw error;
    }
  }

  /** Cuts the power. */
  async stop(uid: string, job: StepContext): Promise<void> {
    const { site } = this.#w;
    const { wantedPower } = site.guest(uid);
    await site.want(uid, 'stopped');
    try {
      await this.#observer.whileStopping(uid, () => cutPower(this.#w, uid, job.signal));
    } catch (error) {
      if (this.#hasProcess(uid)) await site.want(uid, wantedPower);
      throw error;
    }
  }

  /** Waits until the guest is ready. Throws when it ended, or its time is over, with what it was waiting for. */
  waitReady(uid: string, job: StepContext): Promise<void> {
    return waitReady(this.#w, uid, job);
  }

  async reboot(uid: string, options: { force: boolean }, job: StepContext): Promise<void> {
    const { parts, readiness, board } = this.#w;
    await this.#lock.with(uid, async () => {
      const record = this.#w.site.guest(uid);
      this.check('reboot', record);
      if (options.force) await parts.hypervisor.reset(uid);
      else await this.#askReboot(uid);
      board.set(uid, { ready: false, reason: 'reboots', readyAt: undefined, readyAfterMs: undefined, startedAt: board.now() });
      readiness.watch(uid);
    });
    await job.step('ready', () => waitReady(this.#w, uid, job));
  }

  async pause(uid: string): Promise<void> {
    await this.#w.site.want(uid, 'paused');
    await this.#lock.with(uid, async () => {
      if (this.#w.board.get(uid).power === 'paused') return;
      this.check('pause', this.#w.site.guest(uid));
      await this.#w.parts.hypervisor.pause(uid);
      this.#observer.observed(uid, await this.#w.parts.hypervisor.observe(uid));
      this.#observer.tell(uid, 'guest-paused', 'is paused');
    });
  }

  async resume(uid: string): Promise<void> {
    await this.#w.site.want(uid, 'running');
    await this.#lock.with(uid, async () => {
      if (this.#w.board.get(uid).power === 'running') return;
      this.check('resume', this.#w.site.guest(uid));
      await this.#w.parts.hypervisor.resume(uid);
      this.#observer.observed(uid, await this.#w.parts.hypervisor.observe(uid));
      this.#w.readiness.watch(uid);
      this.#observer.tell(uid, 'guest-resumed', 'runs on');
    });
  }

  /**
   * Deletes a stopped guest from the site; its folder only with `deleteDisks`. The guest goes from the store last, so that whoever dies in the
   * middle leaves one that can be deleted again, and no file without an owner. Does nothing when it is gone.
   */
  async delete(uid: string, options: { deleteDisks: boolean }): Promise<{ disksKeptIn?: string }> {
    const { site, board, parts, network } = this.#w;
    return this.#lock.with(uid, async () => {
      const record = site.guests.get(uid);
      if (!record) return {};
      this.check('delete', record);
      await parts.hypervisor.forget(uid);
      if (options.deleteDisks) {
        // Known to be gone before they are: a deletion that fails half-way leaves a guest without disks, not one that has lost them.
        const { imageDigest: _, ...rest } = record;
        await site.commit([site.write(`guest/${uid}`, { ...rest, disksMade: [], wantedPower: 'stopped' } satisfies GuestRecord)]);
        await parts.guestFiles.remove(uid);
      }
      await site.commit([site.erase(`guest/${uid}`), board.erase(uid)]);
      board.forget(uid);
      const kept = options.deleteDisks ? undefined : parts.guestFiles.folders(uid).data;
      this.#w.events.emit({
        kind: 'guest-deleted',
        object: `guest/${uid}`,
        message: `guest ${record.name} was deleted${kept ? `; its disks are kept in ${kept}` : ' with its disks'}`,
      });
      await network.ensure();
      return kept === undefined ? {} : { disksKeptIn: kept };
    });
  }

  /** What guests that run, or are about to, were promised. */
  promised(except?: string): MemoryPromise[] {
    const { site, board, parts } = this.#w;
    return [...site.guests.values()]
      .filter((record) => record.uid !== except && !['stopped', 'crashed'].includes(board.get(record.uid).power))
      .map(({ uid, name, spec }) => {
        const memoryMib = board.memoryMib(uid) ?? spec.memoryMib;
        return { name, memoryMib, overheadMib: parts.hypervisor.overheadMib({ ...spec, memoryMib }) };
      });
  }

  async #startUnlessRunning(uid: string, job: StepContext): Promise<void> {
    const found = await this.#w.parts.hypervisor.observe(uid);
    if (found.state !== 'stopped') {
      this.#observer.observed(uid, found);
      // Somebody wanted it to stop, and it did not.
      if (this.#w.site.guest(uid).wantedPower === 'stopped') await this.#w.site.want(uid, 'running');
      return;
    }
    this.#observer.observed(uid, await startGuest(this.#w, uid, this.promised(uid), job));
    this.#observer.tell(uid, 'guest-started', 'was started');
    this.#w.readiness.watch(uid);
  }

  async #askReboot(uid: string): Promise<void> {
    const { parts, site } = this.#w;
    try {
      const { code } = await parts.hypervisor.agent(uid).exec(['/sbin/reboot'], { timeoutMs: agentRebootMs });
      if (code === 0) return;
    } catch (error) {
      throw new CaissonError(
        'unavailable',
        `guest ${site.guest(uid).name} cannot be asked to reboot: its agent does not answer; “--force” presses reset`,
        { cause: error },
      );
    }
  }
}
