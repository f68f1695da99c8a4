// A guest's life: created, started when what it requires is ready, shut down, stopped, deleted. Every way in is idempotent: it looks
// at what is, and does what is missing; so a job that died in the middle is simply done again.
//
// One guest, one thing at a time: `#lock` is held by whatever changes a guest's process. A start waits for others *before* it takes
// the lock, so that a waiting guest can be stopped.
import { CaissonError, describeError } from '../lib/errors.ts';
import { KeyedLock } from '../lib/keyed-lock.ts';
import type { Observation } from '../drivers/hypervisor.ts';
import { explainIllegal, isLegal, type GuestAction } from '../model/guest-actions.ts';
import type { GuestRecord, WantedPower } from '../model/guest-status.ts';
import { admit } from '../plan/admission.ts';
import { machineOf, tapName } from '../plan/machine.ts';
import { seedNics } from '../plan/network-plan.ts';
import type { Events } from './events.ts';
import type { GuestBoard } from './guest-board.ts';
import { ensureDisks, refreshDisks } from './guest-disks.ts';
import { waitForDependencies, waitReady } from './guest-waiting.ts';
import type { ImageService } from './images.ts';
import type { StepContext } from './job-context.ts';
import type { NetworkReconciler } from './network.ts';
import type { EngineParts } from './parts.ts';
import type { Readiness } from './readiness.ts';
import type { SiteStore } from './site-store.ts';

const agentShutdownMs = 5000;
const observeEveryMs = 30_000;
export const defaultShutdownTimeoutMs = 90_000;

/** How a guest went down. */
export type ShutdownWay = 'was not running' | 'agent' | 'power button' | 'power cut';

interface Wiring {
  parts: EngineParts;
  site: SiteStore;
  board: GuestBoard;
  events: Events;
  images: ImageService;
  network: NetworkReconciler;
  readiness: Readiness;
}

export class Guests {
  readonly #w: Wiring;
  readonly #lock = new KeyedLock();
  /** Guests that this daemon is stopping: their end is no crash. */
  readonly #stopping = new Set<string>();

  constructor(wiring: Wiring) {
    this.#w = wiring;
    wiring.parts.hypervisor.watch((event) => {
      if (!wiring.site.guests.has(event.uid)) return;
      if (event.kind === 'ended') this.#ended(event.uid, event.why, event.detail);
      else if (event.kind === 'changed') this.#observed(event.uid, event.observation);
      else
        this.#tell(
          event.uid,
          event.kind === 'rebooted' ? 'guest-rebooted' : 'guest-panicked',
          event.kind === 'rebooted' ? 'rebooted' : 'panicked',
        );
    });
  }

  /** Looks at every process and takes over what runs. Returns the guests that are wanted to run and do not. */
  async adopt(): Promise<GuestRecord[]> {
    const { site, board, parts, readiness, events } = this.#w;
    const observations = await parts.hypervisor.observeAll();
    const missing: GuestRecord[] = [];
    for (const record of site.guests.values()) {
      const observation = observations.get(record.uid) ?? { state: 'stopped' };
      if (observation.state === 'stopped') {
        if (board.get(record.uid).power !== 'crashed') board.ended(record.uid, 'stopped');
        if (record.wantedPower === 'running') missing.push(record);
        continue;
      }
      if (board.get(record.uid).pid !== observation.pid) board.set(record.uid, { readyAt: undefined, readyAfterMs: undefined });
      this.#observed(record.uid, observation);
      if (observation.state === 'running') readiness.watch(record.uid);
      await refreshDisks(this.#w, record);
      events.emit({
        kind: 'guest-adopted',
        object: `guest/${record.uid}`,
        message: `guest ${record.name} was found ${observation.state} and taken over`,
      });
    }
    for (const uid of observations.keys()) {
      if (!site.guests.has(uid)) parts.log.error('a process runs for a guest that the site does not know; it is left alone', { uid });
    }
    return missing;
  }

  /** Looks at every process now and then: what a lost event would have told is found here. */
  async watch(signal: AbortSignal): Promise<void> {
    const { parts, site, board } = this.#w;
    while (!signal.aborted) {
      try {
        await parts.clock.sleep(observeEveryMs, signal);
        const observations = await parts.hypervisor.observeAll();
        for (const { uid } of site.guests.values()) {
          if (this.#lock.isHeld(uid) || this.#stopping.has(uid)) continue;
          const observation = observations.get(uid) ?? { state: 'stopped' };
          const before = board.get(uid).power;
          if (observation.state === 'stopped' && ['running', 'paused', 'halted', 'unresponsive'].includes(before))
            this.#ended(uid, 'crashed', 'its process is gone');
          else if (observation.state !== before && observation.state !== 'stopped') {
            this.#observed(uid, observation);
            if (observation.state === 'running') this.#w.readiness.watch(uid);
          }
          if (observation.state !== 'stopped') board.set(uid, { memoryBytes: await parts.hypervisor.memoryBytes(uid) });
        }
      } catch (error) {
        if (!signal.aborted) parts.log.warn('the guests could not be observed', { error });
      }
    }
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
      await this.#lock.with(uid, () => this.#startNow(uid, job));
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
    this.#tell(uid, 'guest-start-failed', why, 'error');
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
    if (!options.keepWanted) await this.#want(uid, 'stopped');
    return this.#lock.with(uid, async () => {
      const { board, parts, site } = this.#w;
      const { power } = board.get(uid);
      if (power === 'stopped' || power === 'crashed') return 'was not running';
      const { name } = site.guest(uid);
      this.#stopping.add(uid);
      try {
        if (power !== 'unresponsive') {
          const way = await this.#ask(uid, options.timeoutMs, job);
          if (way) return way;
        }
        if (!options.force)
          throw new CaissonError(
            'timeout',
            `guest ${name} did not shut down within ${options.timeoutMs / 1000} s; “caisson guest stop ${name}” cuts its power`,
          );
        await parts.hypervisor.stop(uid);
        await this.#gone(uid, job.signal);
        return 'power cut';
      } finally {
        this.#stopping.delete(uid);
        if (board.get(uid).power === 'stopping') this.#observed(uid, await parts.hypervisor.observe(uid));
      }
    });
  }

  /** Cuts the power. */
  async stop(uid: string, job: StepContext): Promise<void> {
    await this.#want(uid, 'stopped');
    const { parts, board } = this.#w;
    this.#stopping.add(uid);
    try {
      await parts.hypervisor.stop(uid);
      if (board.get(uid).power !== 'stopped' && board.get(uid).power !== 'crashed') await this.#gone(uid, job.signal);
    } finally {
      this.#stopping.delete(uid);
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
    await this.#want(uid, 'paused');
    await this.#lock.with(uid, async () => {
      this.check('pause', this.#w.site.guest(uid));
      await this.#w.parts.hypervisor.pause(uid);
      this.#observed(uid, await this.#w.parts.hypervisor.observe(uid));
      this.#tell(uid, 'guest-paused', 'is paused');
    });
  }

  async resume(uid: string): Promise<void> {
    await this.#want(uid, 'running');
    await this.#lock.with(uid, async () => {
      this.check('resume', this.#w.site.guest(uid));
      await this.#w.parts.hypervisor.resume(uid);
      this.#observed(uid, await this.#w.parts.hypervisor.observe(uid));
      this.#w.readiness.watch(uid);
      this.#tell(uid, 'guest-resumed', 'runs on');
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
  promised(except?: string): { name: string; memoryMib: number; overheadMib: number }[] {
    const { site, board, parts } = this.#w;
    return [...site.guests.values()]
      .filter((record) => record.uid !== except && !['stopped', 'crashed'].includes(board.get(record.uid).power))
      .map(({ name, spec }) => ({ name, memoryMib: spec.memoryMib, overheadMib: parts.hypervisor.overheadMib(spec) }));
  }

  async #want(uid: string, wantedPower: WantedPower): Promise<void> {
    if (this.#w.site.guest(uid).wantedPower !== wantedPower) await this.#w.site.updateGuest(uid, { wantedPower });
  }

  async #startNow(uid: string, job: StepContext): Promise<void> {
    const { site, board, parts, images, network, readiness } = this.#w;
    const observed = await parts.hypervisor.observe(uid);
    if (observed.state !== 'stopped') {
      this.#observed(uid, observed);
      return;
    }
    let record = site.guest(uid);
    const { name } = record;
    const asked = { name, memoryMib: record.spec.memoryMib, overheadMib: parts.hypervisor.overheadMib(record.spec) };
    const answer = admit({ totalMib: parts.host.memoryMib, reserveMib: parts.host.reserveMib, promised: this.promised(uid), asked });
    if (answer.kind === 'refused') throw new CaissonError('no-capacity', answer.message);
    board.set(uid, { power: 'starting', reason: 'is being prepared' });
    const image = await job.step('image', (step) => images.ensure(record.spec.image, record.imageDigest, step));
    record = await job.step('disks', () => ensureDisks(this.#w, record, image));
    const zone = await job.step('network', async () =>
      (await network.ensure()).zones.find((candidate) => candidate.name === record.spec.zone),
    );
    if (!zone) throw new CaissonError('internal', `zone ${record.spec.zone} is not part of the network`);
    await job.step('start', async () => {
      const owner = { uid, userId: record.userId };
      const { userData } = record.spec;
      await parts.guestFiles.writeSeed(owner, {
        instanceId: record.hardware.generationId,
        hostName: name,
        sshKeys: record.spec.sshKeys,
        network: seedNics(record, zone, site.name),
        ...(userData === undefined ? {} : { userData }),
      });
      await parts.guestFiles.prepareStart(owner, record.spec.firmware);
      const facts = await parts.hypervisor.facts();
      const machine = machineOf(record, parts.guestFiles.folders(uid), facts.accelerator, image.path);
      const limits = { memoryMib: asked.memoryMib + asked.overheadMib, cpuWeight: 100, pids: 256 };
      await this.#want(uid, 'running');
      const started = await parts.hypervisor.start(machine, { userId: record.userId, generation: record.generation, limits });
      try {
        for (const index of record.hardware.macs.keys()) await network.connect(tapName(uid, index));
      } catch (error) {
        await parts.hypervisor.stop(uid);
        throw error;
      }
      this.#observed(uid, started);
      this.#tell(uid, 'guest-started', 'was started');
      readiness.watch(uid);
    });
  }

  /** Undefined when the guest did not go within the time. */
  async #ask(uid: string, timeoutMs: number, job: StepContext): Promise<ShutdownWay | undefined> {
    const { parts, board } = this.#w;
    board.set(uid, { power: 'stopping', ready: false, reason: 'shuts down' });
    this.#w.readiness.stop(uid);
    const until = parts.clock.monotonic() + timeoutMs;
    let way: ShutdownWay = 'power button';
    try {
      await parts.hypervisor.agent(uid).shutdown(agentShutdownMs);
      way = 'agent';
    } catch {
      await parts.hypervisor.pressPowerButton(uid);
    }
    const left = Math.max(1, until - parts.clock.monotonic());
    return (await this.#goneWithin(uid, left, job.signal)) ? way : undefined;
  }

  async #askReboot(uid: string): Promise<void> {
    const { parts, site } = this.#w;
    try {
      const { code } = await parts.hypervisor.agent(uid).exec(['/sbin/reboot'], { timeoutMs: agentShutdownMs });
      if (code === 0) return;
    } catch (error) {
      throw new CaissonError(
        'unavailable',
        `guest ${site.guest(uid).name} cannot be asked to reboot: its agent does not answer; “--force” presses reset`,
        { cause: error },
      );
    }
  }

  #gone(uid: string, signal: AbortSignal): Promise<unknown> {
    return this.#w.board.until(uid, (status) => status.power === 'stopped' || status.power === 'crashed', signal);
  }

  async #goneWithin(uid: string, ms: number, signal: AbortSignal): Promise<boolean> {
    const ended = new AbortController();
    const timeout = new AbortController();
    this.#w.parts.clock.sleep(ms, ended.signal).then(
      () => timeout.abort(new Error('time is over')),
      () => undefined,
    );
    try {
      await this.#gone(uid, AbortSignal.any([signal, timeout.signal]));
      return true;
    } catch (error) {
      if (timeout.signal.aborted && !signal.aborted) return false;
      throw error;
    } finally {
      ended.abort();
    }
  }

  #observed(uid: string, observation: Observation): void {
    const { board } = this.#w;
    if (observation.state === 'stopped') {
      if (board.get(uid).power !== 'crashed') board.ended(uid, 'stopped');
      return;
    }
    const startedAt = new Date(observation.startedAt).toISOString();
    const base = { pid: observation.pid, startedAt: board.get(uid).startedAt ?? startedAt };
    switch (observation.state) {
      case 'running':
        if (board.get(uid).power === 'stopping') return;
        board.set(uid, {
          ...base,
          power: 'running',
          ...(board.get(uid).power === 'running' ? {} : { reason: this.#hasChecks(uid) ? 'boots' : '' }),
        });
        break;
      case 'paused':
        this.#w.readiness.stop(uid);
        board.set(uid, { ...base, power: 'paused', ready: false, reason: 'is paused' });
        break;
      case 'halted': {
        const why = {
          'no-space': 'no space is left for its disk',
          'io-error': 'its disk reports an error',
          panicked: 'its operating system panicked',
          'internal-error': 'QEMU met an error of its own',
          'shut-down': 'it shut down',
        }[observation.why];
        this.#w.readiness.stop(uid);
        board.set(uid, { ...base, power: 'halted', ready: false, reason: `QEMU stopped it: ${why}` });
        if (observation.why !== 'shut-down') this.#tell(uid, 'guest-halted', `was stopped by QEMU: ${why}`, 'error');
        break;
      }
      case 'unresponsive':
        this.#w.readiness.stop(uid);
        board.set(uid, { ...base, power: 'unresponsive', ready: false, reason: 'its QEMU does not answer; nothing is known of its state' });
        this.#tell(uid, 'guest-unresponsive', 'does not answer: its QEMU is silent', 'error');
        break;
    }
  }

  #ended(uid: string, why: 'shut-down' | 'stopped' | 'crashed', detail: string): void {
    const { board, site, readiness, network, parts } = this.#w;
    readiness.stop(uid);
    const record = site.guest(uid);
    const asked = this.#stopping.has(uid);
    const crashed = why === 'crashed' && !asked;
    board.ended(
      uid,
      crashed ? 'crashed' : 'stopped',
      crashed ? `crashed: ${detail || 'QEMU ended without a word'}; “caisson guest start ${record.name}” starts it again` : '',
    );
    if (crashed) this.#tell(uid, 'guest-crashed', `crashed: ${detail || 'QEMU ended without a word'}`, 'error');
    else if (why === 'shut-down') this.#tell(uid, 'guest-shut-down', 'has shut down');
    else this.#tell(uid, 'guest-stopped', 'was stopped');
    const cleanUp = async () => {
      // A guest that shut itself down is meant to stay down, until somebody starts it.
      if (why === 'shut-down' && !asked) await this.#want(uid, 'stopped');
      for (const index of record.hardware.macs.keys()) await network.disconnect(tapName(uid, index));
      await refreshDisks(this.#w, record);
    };
    cleanUp().catch((error: unknown) => parts.log.error('what a guest left could not be cleaned up', { uid, error }));
  }

  #hasChecks(uid: string): boolean {
    return (this.#w.site.guest(uid).spec.service?.ready.length ?? 0) > 0;
  }

  #tell(uid: string, kind: Parameters<Events['emit']>[0]['kind'], what: string, severity: 'info' | 'warning' | 'error' = 'info'): void {
    const record = this.#w.site.guests.get(uid);
    this.#w.events.emit({ kind, severity, object: `guest/${uid}`, message: `guest ${record?.name ?? uid} ${what}` });
  }
}
