// What can be done to a guest. Every way in is idempotent: it looks at what is, and does what is missing; so a job that died in the middle
// is simply done again.
//
// One guest, one thing at a time: `#lock` is held by whatever changes a guest's process. A start waits for others, and for its turn,
// *before* it takes the lock, so that a waiting guest can be stopped.
import { CaissonError } from '../lib/errors.ts';
import { KeyedLock } from '../lib/keyed-lock.ts';
import { explainIllegal, isLegal, type GuestAction } from '../model/guest-actions.ts';
import { shutdownWithin } from '../model/guest-shutdown.ts';
import type { GuestStats } from '../model/guest-stats.ts';
import type { GuestRecord, WantedPower } from '../model/guest-status.ts';
import { GuestAdjuster } from './guest-adjuster.ts';
import { connectRunning } from './guest-nics.ts';
import { followers, stopOrder } from '../plan/start-order.ts';
import { GuestObserver } from './guest-observer.ts';
import { GuestRestarter } from './guest-restart.ts';
import { cutPower, type ShutdownOptions, type ShutdownWay, shutDownGuest } from './guest-shutdown.ts';
import { GuestSpace } from './guest-space.ts';
import { GuestStarts, type StartHow, toldToStayDown } from './guest-starts.ts';
import { readGuestStats } from './guest-stats.ts';
import { waitReady } from './guest-waiting.ts';
import type { GuestWiring } from './guest-wiring.ts';
import type { StepContext } from './job-context.ts';

const agentRebootMs = 5000;

export class Guests {
  /** How much each has. */
  readonly sizes: GuestAdjuster;
  readonly #w: GuestWiring;
  readonly #restarter: GuestRestarter;
  readonly #space: GuestSpace;
  readonly #observer: GuestObserver;
  readonly #starts: GuestStarts;
  readonly #lock = new KeyedLock();

  /** `startAgain` starts a guest as a job of the system's, by way of the method of the same name here. */
  constructor(wiring: GuestWiring, startAgain: (uid: string) => Promise<void>) {
    this.#w = wiring;
    this.sizes = new GuestAdjuster(wiring, this.#lock);
    this.#restarter = new GuestRestarter({ ...wiring, startAgain });
    this.#space = new GuestSpace({
      ...wiring,
      goOn: (uid) => this.#goOn(uid),
      recovered: (uid, free) => this.#observer.tell(uid, 'guest-resumed', `goes on: there is space for its disk again (${free} free)`),
    });
    this.#observer = new GuestObserver(wiring, { restarter: this.#restarter, space: this.#space });
    this.#starts = new GuestStarts({
      w: wiring,
      observer: this.#observer,
      restarter: this.#restarter,
      lock: this.#lock,
      startAgain,
      makeRoom: (uid) => this.sizes.makeRoom(uid),
    });
  }

  /** Looks at every process and takes over what runs. Returns the guests that are to be started, as on a host that has just started. */
  async adopt(): Promise<GuestRecord[]> {
    const missing = await this.#observer.adopt();
    await this.sizes.look();
    return missing;
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

  /** What those that run use, now. */
  stats(records: readonly GuestRecord[]): Promise<GuestStats[]> {
    return readGuestStats(this.#w, records, { exact: true });
  }

  /** Makes the guest run, after what it depends on; does nothing when it runs. Steps go to the job. */
  start(uid: string, job: StepContext, how?: StartHow): Promise<void> {
    return this.#starts.start(uid, job, how);
  }

  /** The guest does not start, for a reason that its state then tells. Always throws. */
  giveUp(uid: string, error: unknown, how?: StartHow): never {
    return this.#starts.giveUp(uid, error, how);
  }

  /** Starts that are about to begin. Returns what ends that for those that do not. */
  expect(uids: readonly string[]): () => void {
    return this.#starts.expect(uids);
  }

  /** Starts a guest that ended, or hangs, by itself, or that lacked what it requires. */
  async startAgain(uid: string, job: StepContext): Promise<void> {
    const record = this.#w.site.guest(uid);
    // Since that was decided somebody may have wanted it to stay down.
    if (record.wantedPower !== 'running') throw toldToStayDown(record);
    if (this.#w.board.get(uid).power === 'halted') {
      await this.#lock.with(uid, () => this.#observer.whileStopping(uid, () => cutPower(this.#w, uid, job.signal)));
    }
    await this.#starts.start(uid, job, { keepTrying: true });
  }

  /** While the host goes down, nothing starts by itself. */
  hold(): void {
    this.#restarter.hold();
    this.#starts.giveUpAll();
  }

  release(): void {
    this.#restarter.release();
  }

  close(): void {
    this.#restarter.close();
    this.#space.close();
  }

  /** Whether any guest has a process. */
  runs(): boolean {
    return [...this.#w.site.guests.keys()].some((uid) => this.#hasProcess(uid));
  }

  /** Names of the guests that run and require this one, directly or through others. */
  whoRequires(uid: string): string[] {
    const { site, board } = this.#w;
    const records = [...site.guests.values()];
    const strong = records.map(({ name, spec }) => ({ name, after: spec.after.filter((dependency) => 'requires' in dependency) }));
    const found = followers(strong, site.guest(uid).name);
    return records
      .filter(({ name, uid: other }) => found.has(name) && !['stopped', 'crashed'].includes(board.get(other).power))
      .map(({ name }) => name)
      .toSorted();
  }

  /**
   * Asks by agent, then by power button; cuts the power when `force` and the time is over. Does nothing when it does not run.
   * With `keepWanted` the guest starts again with the host; with `until` once the guest of that name is ready again.
   */
  async shutdown(uid: string, options: ShutdownOptions & { keepWanted?: boolean; until?: string }, job: StepContext): Promise<ShutdownWay> {
    const { site } = this.#w;
    const isKept = options.keepWanted || options.until !== undefined;
    const want = (power: WantedPower) => (isKept || !site.guests.has(uid) ? Promise.resolve() : site.want(uid, power));
    this.#restarter.forget(uid);
    await want('stopped');
    this.#starts.giveUpWaiting(uid);
    try {
      if (options.keepWanted) this.#observer.keepWanted(uid);
      const way = await this.#lock.with(uid, () => shutDownGuest(this.#w, this.#observer, uid, options, job));
      if (way === 'was not running') this.#observer.keepNoLonger(uid);
      // Another shutdown of the same guest may have given up meanwhile.
      await want('stopped');
      if (options.until !== undefined) this.#starts.block(uid, `was shut down with ${options.until}, and starts once that is ready again`);
      return way;
    } catch (error) {
      // It runs on, so it is wanted to.
      if (this.#hasProcess(uid)) await want(this.#powerAsItIs(uid));
      throw error;
    }
  }

  /** By name, as somebody asks for it: with its own limits, or `timeoutMs` in their proportion; first what requires it, where asked. */
  async shutdownNamed(
    uid: string,
    { timeoutMs, force, withDependents }: { timeoutMs?: number; force: boolean; withDependents: boolean },
    job: StepContext,
  ): Promise<ShutdownWay> {
    const { site } = this.#w;
    const { name } = site.guest(uid);
    const limitsOf = ({ spec }: GuestRecord) => (timeoutMs === undefined ? spec.shutdown : shutdownWithin(spec.shutdown, timeoutMs));
    const first = withDependents ? this.whoRequires(uid) : [];
    for (const level of stopOrder(Object.fromEntries(first.map((each) => [each, site.guest(each).spec])))) {
      await Promise.all(
        level.map((each) =>
          job.step(`shut down ${each}`, (step) => {
            const record = site.guest(each);
            return this.shutdown(record.uid, { limits: limitsOf(record), force, until: name }, step);
          }),
        ),
      );
    }
    return this.shutdown(uid, { limits: limitsOf(site.guest(uid)), force }, job);
  }

  /** Cuts the power. */
  async stop(uid: string, job: StepContext): Promise<void> {
    const { site } = this.#w;
    this.#restarter.forget(uid);
    await site.want(uid, 'stopped');
    this.#starts.giveUpWaiting(uid);
    try {
      await this.#observer.whileStopping(uid, () => cutPower(this.#w, uid, job.signal));
    } catch (error) {
      if (this.#hasProcess(uid)) await site.want(uid, this.#powerAsItIs(uid));
      throw error;
    }
  }

  /** Waits until the guest is ready. Throws when it ended, or its time is over, with what it was waiting for. */
  waitReady(uid: string, job: StepContext): Promise<void> {
    return waitReady(this.#w, this.#starts, uid, job);
  }

  async reboot(uid: string, options: { force: boolean }, job: StepContext): Promise<void> {
    const { parts, readiness, board } = this.#w;
    await this.#lock.with(uid, async () => {
      const record = this.#w.site.guest(uid);
      this.check('reboot', record);
      this.#restarter.forget(uid);
      if (options.force) await parts.hypervisor.reset(uid);
      else await this.#askReboot(uid);
      board.set(uid, {
        power: 'running',
        haltedBy: undefined,
        ready: false,
        reason: 'reboots',
        readyAt: undefined,
        readyAfterMs: undefined,
        startedAt: board.now(),
      });
      readiness.watch(uid);
    });
    await job.step('ready', () => waitReady(this.#w, this.#starts, uid, job));
  }

  async pause(uid: string): Promise<void> {
    await this.#wanting(uid, 'paused', async () => {
      if (this.#w.board.get(uid).power === 'paused') return;
      this.check('pause', this.#w.site.guest(uid));
      await this.#w.parts.hypervisor.pause(uid);
      this.#observer.observed(uid, await this.#w.parts.hypervisor.observe(uid));
      this.#observer.tell(uid, 'guest-paused', 'is paused');
    });
  }

  async resume(uid: string): Promise<void> {
    await this.#wanting(uid, 'running', async () => {
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
      this.#restarter.forget(uid);
      this.#starts.giveUpWaiting(uid);
      await parts.hypervisor.forget(uid);
      if (options.deleteDisks) {
        // Known to be gone before they are: a deletion that fails half-way leaves a guest without disks, not one that has lost them.
        const { imageDigest: _, ...rest } = record;
        await site.commit([site.write(`guest/${uid}`, { ...rest, disksMade: [], wantedPower: 'stopped' } satisfies GuestRecord)]);
        await parts.guestFiles.remove(uid);
      }
      await parts.history.forget(uid);
      await board.erase(uid, (status) => site.commit([site.erase(`guest/${uid}`), status]));
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

  /** What is wanted is written first, so that the next daemon does it; what fails is not wanted any more. */
  async #wanting(uid: string, power: WantedPower, work: () => Promise<void>): Promise<void> {
    const { site } = this.#w;
    const { wantedPower } = site.guest(uid);
    await site.want(uid, power);
    try {
      await this.#lock.with(uid, work);
    } catch (error) {
      if (site.guests.get(uid)?.wantedPower === power) await site.want(uid, this.#hasProcess(uid) ? this.#powerAsItIs(uid) : wantedPower);
      throw error;
    }
  }

  /** QEMU tries again what found no space; nobody has asked for anything else meanwhile. */
  async #goOn(uid: string): Promise<void> {
    const { parts, readiness, board, site } = this.#w;
    await this.#lock.with(uid, async () => {
      if (board.get(uid).haltedBy !== 'no-space' || site.guest(uid).wantedPower !== 'running') return;
      await parts.hypervisor.resume(uid);
      this.#observer.observed(uid, await parts.hypervisor.observe(uid));
      if (board.get(uid).power === 'running') readiness.watch(uid);
    });
  }

  /** For a guest with a process: what is wanted of it when what was asked for has failed. What was wanted before may be somebody else's vain attempt. */
  #powerAsItIs(uid: string): WantedPower {
    return this.#w.board.get(uid).power === 'paused' ? 'paused' : 'running';
  }

  #hasProcess(uid: string): boolean {
    return !['starting', 'stopped', 'crashed'].includes(this.#w.board.get(uid).power);
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
