// What can be done to a guest. Every way in is idempotent: it looks at what is, and does what is missing; so a job that died in the middle
// is simply done again.
//
// One guest, one thing at a time: `#lock` is held by whatever changes a guest's process. A start waits for others *before* it takes
// the lock, so that a waiting guest can be stopped.
import { CaissonError, describeError } from '../lib/errors.ts';
import { KeyedLock } from '../lib/keyed-lock.ts';
import { explainIllegal, isLegal, type GuestAction } from '../model/guest-actions.ts';
import type { GuestRecord } from '../model/guest-status.ts';
import type { MemoryPromise } from '../plan/admission.ts';
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

  /** The guest does not start, for a reason that its state then tells. Always throws. */
  giveUp(uid: string, error: unknown): never {
    const why = `did not start: ${describeError(error)}`;
    if (this.#isDown(uid)) this.#w.board.ended(uid, 'stopped', why);
    this.#observer.tell(uid, 'guest-start-failed', why, 'error');
    throw new CaissonError(error instanceof CaissonError ? error.code : 'failed', `guest ${this.#w.site.guest(uid).name} did not start`, {
      cause: error,
    });
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
    if (!options.keepWanted) await this.#w.site.want(uid, 'stopped');
    return this.#lock.with(uid, () => shutDownGuest(this.#w, this.#observer, uid, options, job));
  }

  /** Cuts the power. */
  async stop(uid: string, job: StepContext): Promise<void> {
    await this.#w.site.want(uid, 'stopped');
    await this.#observer.whileStopping(uid, () => cutPower(this.#w, uid, job.signal));
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
      this.check('pause', this.#w.site.guest(uid));
      await this.#w.parts.hypervisor.pause(uid);
      this.#observer.observed(uid, await this.#w.parts.hypervisor.observe(uid));
      this.#observer.tell(uid, 'guest-paused', 'is paused');
    });
  }

  async resume(uid: string): Promise<void> {
    await this.#w.site.want(uid, 'running');
    await this.#lock.with(uid, async () => {
      this.check('resume', this.#w.site.guest(uid));
      await this.#w.parts.hypervisor.resume(uid);
      this.#observer.observed(uid, await this.#w.parts.hypervisor.observe(uid));
      this.#w.readiness.watch(uid);
      this.#observer.tell(uid, 'guest-resumed', 'runs on');
    });
  }

  /** Deletes a stopped guest from the site; its folder only with `deleteDisks`. */
  async delete(uid: string, options: { deleteDisks: boolean }): Promise<{ disksKeptIn?: string }> {
    const { site, board, parts, network } = this.#w;
    return this.#lock.with(uid, async () => {
      const record = site.guest(uid);
      this.check('delete', record);
      await parts.hypervisor.forget(uid);
      await site.commit([site.erase(`guest/${uid}`)]);
      await board.forget(uid);
      await network.ensure();
      if (options.deleteDisks) await parts.guestFiles.remove(uid);
      const kept = options.deleteDisks ? undefined : parts.guestFiles.folders(uid).data;
      this.#w.events.emit({
        kind: 'guest-deleted',
        object: `guest/${uid}`,
        message: `guest ${record.name} was deleted${kept ? `; its disks are kept in ${kept}` : ' with its disks'}`,
      });
      return kept === undefined ? {} : { disksKeptIn: kept };
    });
  }

  /** What guests that run, or are about to, were promised. */
  promised(except?: string): MemoryPromise[] {
    const { site, board, parts } = this.#w;
    return [...site.guests.values()]
      .filter((record) => record.uid !== except && !['stopped', 'crashed'].includes(board.get(record.uid).power))
      .map(({ name, spec }) => ({ name, memoryMib: spec.memoryMib, overheadMib: parts.hypervisor.overheadMib(spec) }));
  }

  async #startUnlessRunning(uid: string, job: StepContext): Promise<void> {
    const found = await this.#w.parts.hypervisor.observe(uid);
    if (found.state !== 'stopped') {
      this.#observer.observed(uid, found);
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
