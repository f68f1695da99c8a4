// QEMU behind the hypervisor's contract. Nothing is remembered that cannot be found again: which guests run is what the kernel
// knows (by whoever starts the processes), how they are is what QEMU says. A new daemon therefore adopts what runs by asking.
import type { Duplex } from 'node:stream';
import type { Clock } from '../../lib/clock.ts';
import { CaissonError, describeError } from '../../lib/errors.ts';
import { KeyedLock } from '../../lib/keyed-lock.ts';
import type { Log } from '../../lib/log.ts';
import type { Machine } from '../../model/machine.ts';
import type { GuestAgent, Hypervisor, HypervisorEvent, HypervisorFacts, Observation, StartOptions } from '../hypervisor.ts';
import type { LiveHardware } from '../live-hardware.ts';
import type { LiveStats, StatsOptions } from '../live-stats.ts';
import type { GuestExit, GuestProcess, GuestProcesses } from './guest-processes.ts';
import { isAlive, residentBytes } from './process-stat.ts';
import { QemuHardware } from './live-hardware.ts';
import { readStats } from './live-stats.ts';
import { filesOf, renderArgv, tcgCacheMib } from './render-argv.ts';
import { RunningGuest } from './running-guest.ts';
import { trimLog } from './trim-log.ts';

export interface QemuOptions {
  clock: Clock;
  log: Log;
  processes: GuestProcesses;
  /** Holds guests/UID/console.log. */
  dataDirectory: string;
  /** Holds UID/qmp.sock and the other sockets. */
  runDirectory: string;
  facts(): Promise<HypervisorFacts>;
}

/** From the start of the process to QEMU's first answer. */
const startTimeoutMs = 60_000;

/** Console logs are looked at this often at most. */
const trimEveryMs = 30_000;

export function createQemu(options: QemuOptions): Hypervisor {
  return new Qemu(options);
}

class Qemu implements Hypervisor {
  readonly #options: QemuOptions;
  readonly #guests = new Map<string, RunningGuest>();
  readonly #listeners = new Set<(event: HypervisorEvent) => void>();
  readonly #locks = new KeyedLock();
  readonly #starting = new Set<string>();
  readonly #stopListening: () => void;
  #adopted: Promise<void> | undefined;
  #trimmedAt = -Infinity;

  constructor(options: QemuOptions) {
    this.#options = options;
    this.#stopListening = options.processes.onExit((exit) => this.#onExit(exit));
  }

  facts(): Promise<HypervisorFacts> {
    return this.#options.facts();
  }

  overheadMib(machine: Pick<Machine, 'memoryMib' | 'cpus'> & Partial<Pick<Machine, 'accelerator'>>): number {
    // Program, libraries, device models and their buffers: 60 to 90 MiB measured; a stack and buffers for each processor.
    const base = 96 + 8 * machine.cpus + Math.ceil(machine.memoryMib / 512);
    return machine.accelerator === 'kvm' ? base : base + tcgCacheMib;
  }

  async observeAll(): Promise<Map<string, Observation>> {
    await this.#adopt();
    const seen = await Promise.all([...this.#guests].map(async ([uid, guest]) => [uid, await guest.observe()] as const));
    await this.#trimLogs();
    return new Map(seen.filter(([, observation]) => observation.state !== 'stopped'));
  }

  async observe(uid: string): Promise<Observation> {
    await this.#adoptOnce();
    return (await this.#guests.get(uid)?.observe()) ?? { state: 'stopped' };
  }

  async start(machine: Machine, options: StartOptions): Promise<Observation> {
    await this.#adoptOnce();
    return this.#locks.with(machine.uid, async () => {
      this.#starting.add(machine.uid);
      try {
        return await this.#start(machine, options);
      } finally {
        this.#starting.delete(machine.uid);
      }
    });
  }

  async #start(machine: Machine, options: StartOptions): Promise<Observation> {
    const { uid } = machine;
    const running = this.#guests.get(uid);
    if (running) throw new CaissonError('not-allowed', `guest ${uid} has a process already (${running.process.pid})`);
    const process = await this.#options.processes.start({
      uid,
      userId: options.userId,
      argv: renderArgv(machine),
      taps: machine.nics.map((nic) => ({ name: nic.tap })),
      ...filesOf(machine),
      generation: options.generation,
      limits: options.limits,
      ...(machine.accelerator === 'kvm' ? { kvm: true } : {}),
    });
    const guest = this.#add({ uid, ...process }, true);
    try {
      await guest.awaitListening();
      const seen = await guest.observe(startTimeoutMs);
      if (seen.state === 'stopped') throw new CaissonError('failed', 'QEMU ended at once');
      if (seen.state === 'unresponsive') throw new CaissonError('timeout', `QEMU says nothing after ${startTimeoutMs} ms`);
      guest.announce();
      return seen;
    } catch (cause) {
      if (!guest.hasEnded) await guest.end('stopped');
      throw new CaissonError('failed', `guest ${uid} could not be started: ${guest.lastWords || describeError(cause)}`, { cause });
    }
  }

  async pressPowerButton(uid: string): Promise<void> {
    await (await this.#running(uid)).execute('system_powerdown');
  }

  async stop(uid: string): Promise<void> {
    await this.#adoptOnce();
    await this.#locks.with(uid, async () => this.#guests.get(uid)?.end('stopped'));
  }

  async reset(uid: string): Promise<void> {
    const guest = await this.#running(uid);
    await guest.execute('system_reset');
    // A halted guest stays stopped through its reset.
    if ((await guest.observe()).state !== 'running') await guest.execute('cont');
  }

  async pause(uid: string): Promise<void> {
    await (await this.#running(uid)).execute('stop');
  }

  async resume(uid: string): Promise<void> {
    await (await this.#running(uid)).execute('cont');
  }

  agent(uid: string): GuestAgent {
    const agent = async () => (await this.#running(uid)).agent;
    return {
      ping: async (timeoutMs) => (await agent()).ping(timeoutMs),
      exec: async (argv, execOptions) => (await agent()).exec(argv, execOptions),
      hostName: async (timeoutMs) => (await agent()).hostName(timeoutMs),
      interfaces: async (timeoutMs) => (await agent()).interfaces(timeoutMs),
      readFile: async (path, readOptions) => (await agent()).readFile(path, readOptions),
      shutdown: async (timeoutMs) => (await agent()).shutdown(timeoutMs),
    };
  }

  hardware(uid: string): LiveHardware {
    const hardware = async () => new QemuHardware(await this.#running(uid), this.#options);
    return {
      read: async () => (await hardware()).read(),
      plugMemory: async (sizeMib, timeoutMs) => (await hardware()).plugMemory(sizeMib, timeoutMs),
      fillBalloon: async (takenMib, timeoutMs) => (await hardware()).fillBalloon(takenMib, timeoutMs),
      setCpus: async (count, timeoutMs) => (await hardware()).setCpus(count, timeoutMs),
      attachDisk: async (disk, options) => (await hardware()).attachDisk(disk, options),
      detachDisk: async (disk, timeoutMs) => (await hardware()).detachDisk(disk, timeoutMs),
      attachNic: async (nic, options) => (await hardware()).attachNic(nic, options),
      detachNic: async (nic, timeoutMs) => (await hardware()).detachNic(nic, timeoutMs),
      growDisk: async (disk, sizeMib) => (await hardware()).growDisk(disk, sizeMib),
      limit: async (limits) => (await hardware()).limit(limits),
    };
  }

  async openConsole(uid: string, { history }: { history: number }): Promise<Duplex> {
    return (await this.#running(uid)).console.open(history);
  }

  async openScreen(uid: string): Promise<Duplex> {
    return (await this.#running(uid)).screen.open();
  }

  async screenshot(uid: string): Promise<Buffer> {
    return (await this.#running(uid)).screen.picture();
  }

  async memoryBytes(uid: string): Promise<number | undefined> {
    await this.#adoptOnce();
    const guest = this.#guests.get(uid);
    return guest && residentBytes(guest.process.pid);
  }

  async stats(uid: string, options: StatsOptions): Promise<LiveStats | undefined> {
    await this.#adoptOnce();
    const guest = this.#guests.get(uid);
    return guest && readStats(guest, this.#options, options);
  }

  isolation(): ReturnType<Hypervisor['isolation']> {
    return this.#options.processes.isolation();
  }

  async forget(uid: string): Promise<void> {
    await this.#adoptOnce();
    await this.#locks.with(uid, async () => {
      if (this.#guests.has(uid)) throw new CaissonError('not-allowed', `guest ${uid} still has a process: stop it first`);
      await this.#options.processes.forget(uid);
    });
  }

  watch(listener: (event: HypervisorEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    this.#stopListening();
    for (const guest of this.#guests.values()) guest.release();
    this.#guests.clear();
    this.#listeners.clear();
    return Promise.resolve();
  }

  async #running(uid: string): Promise<RunningGuest> {
    await this.#adoptOnce();
    const guest = this.#guests.get(uid);
    if (!guest) throw new CaissonError('not-allowed', `guest ${uid} does not run`);
    return guest;
  }

  /** Before anything is said about a guest, those that run already are known. Tried again when it failed. */
  #adoptOnce(): Promise<void> {
    this.#adopted ??= this.#adopt().catch((error: unknown) => {
      this.#adopted = undefined;
      throw error;
    });
    return this.#adopted;
  }

  async #adopt(): Promise<void> {
    for (const process of await this.#options.processes.list()) {
      // A guest that is just being started is its starter's; one that has ended since it was listed is nobody's.
      if (!(await isAlive(process)) || this.#guests.has(process.uid) || this.#starting.has(process.uid)) continue;
      this.#add(process, false);
    }
  }

  #add(process: GuestProcess, isNew: boolean): RunningGuest {
    const { uid } = process;
    const { clock, log, processes, dataDirectory, runDirectory } = this.#options;
    const guest = new RunningGuest(
      process,
      {
        clock,
        log,
        processes,
        emit: (event) => this.#emit(event),
        socketFolder: `${runDirectory}/${uid}`,
        consoleLogPath: `${dataDirectory}/guests/${uid}/console.log`,
      },
      isNew,
    );
    this.#guests.set(uid, guest);
    void guest.whenGone().then(() => {
      if (this.#guests.get(uid) === guest) this.#guests.delete(uid);
    });
    return guest;
  }

  #onExit(exit: GuestExit): void {
    const guest = this.#guests.get(exit.uid);
    if (guest?.process.pid === exit.pid && guest.process.startTime === exit.startTime) void guest.noteExit(exit);
  }

  #emit(event: HypervisorEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#options.log.error('a listener of the hypervisor failed', { event: event.kind, uid: event.uid, error });
      }
    }
  }

  async #trimLogs(): Promise<void> {
    const now = this.#options.clock.monotonic();
    if (now - this.#trimmedAt < trimEveryMs) return;
    this.#trimmedAt = now;
    for (const uid of this.#guests.keys()) {
      await trimLog(`${this.#options.dataDirectory}/guests/${uid}/console.log`).catch((error: unknown) => {
        this.#options.log.warn('a console log could not be trimmed', { uid, error });
      });
    }
  }
}
