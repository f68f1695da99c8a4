// A hypervisor in memory, for tests and simulated sites: it keeps the contract, and a `FakeHost` makes it fail.
import { Duplex } from 'node:stream';
import { CaissonError } from '../../lib/errors.ts';
import { readFrame } from '../../lib/rfb-frame.ts';
import { waitFor } from '../../lib/wait-for.ts';
import type { ProcessIsolation } from '../../model/isolation.ts';
import type { Machine } from '../../model/machine.ts';
import {
  type GuestAgent,
  type GuestInterface,
  type Hypervisor,
  type HypervisorEvent,
  type HypervisorFacts,
  mostScreenViewers,
  type Observation,
  type StartOptions,
} from '../hypervisor.ts';
import type { LiveHardware } from '../live-hardware.ts';
import type { LiveStats } from '../live-stats.ts';
import { FakeHardware } from './live-hardware.ts';
import type { FakeHost, FakeProcess } from './fake-host.ts';

const facts: HypervisorFacts = { accelerator: 'tcg', version: '7.2.0', machineType: 'pc-q35-7.2', cpuModel: 'Nehalem' };

/** One instance, as one run of the daemon has it; several may follow one another on a host. */
export class FakeHypervisor implements Hypervisor {
  readonly #host: FakeHost;
  readonly #stopWatching = new Set<() => void>();

  constructor(host: FakeHost) {
    this.#host = host;
  }

  facts(): Promise<HypervisorFacts> {
    return Promise.resolve({ ...facts });
  }

  overheadMib(machine: Pick<Machine, 'memoryMib' | 'cpus'>): number {
    return 220 + 8 * machine.cpus;
  }

  async observeAll(): Promise<Map<string, Observation>> {
    return new Map(await Promise.all([...this.#host.processes.keys()].map(async (uid) => [uid, await this.observe(uid)] as const)));
  }

  observe(uid: string): Promise<Observation> {
    const process = this.#host.processes.get(uid);
    if (!process) return Promise.resolve({ state: 'stopped' });
    const { pid, startedAt } = process;
    return Promise.resolve(process.isFrozen ? { state: 'unresponsive', pid, startedAt } : process.observation);
  }

  // Asynchronous, so that what is refused rejects as it does with a process behind.
  async start(machine: Machine, options: StartOptions): Promise<Observation> {
    return this.#host.spawn(machine, options).observation;
  }

  async pressPowerButton(uid: string): Promise<void> {
    this.#talk(uid);
    if (!this.#host.behaviour(uid).ignoresPowerButton) this.#host.shutDown(uid);
  }

  async stop(uid: string): Promise<void> {
    if (this.#host.processes.has(uid) && this.#host.behaviour(uid).cannotBeKilled)
      throw new CaissonError('timeout', `the end of the process of guest ${uid}: not after 30000 ms`);
    this.#host.end(uid, 'stopped', '');
  }

  async reset(uid: string): Promise<void> {
    const process = this.#talk(uid);
    this.#host.reboot(uid);
    if (process.observation.state !== 'running') await this.resume(uid);
  }

  async pause(uid: string): Promise<void> {
    const { pid, startedAt } = this.#talk(uid);
    this.#host.observe(uid, { state: 'paused', pid, startedAt });
  }

  async resume(uid: string): Promise<void> {
    const { pid, startedAt } = this.#talk(uid);
    this.#host.observe(uid, { state: 'running', pid, startedAt });
  }

  agent(uid: string): GuestAgent {
    return {
      ping: async (timeoutMs) => this.#askAgent(uid, timeoutMs),
      exec: async (argv, { timeoutMs, stdin }) => {
        await this.#askAgent(uid, timeoutMs);
        return this.#host.behaviour(uid).exec(argv, stdin ?? '');
      },
      hostName: async (timeoutMs) => {
        await this.#askAgent(uid, timeoutMs);
        return this.#host.process(uid).machine.name;
      },
      interfaces: async (timeoutMs): Promise<GuestInterface[]> => {
        await this.#askAgent(uid, timeoutMs);
        return this.#host.process(uid).machine.nics.map(({ mac }, index) => ({ name: `eth${index}`, mac, addresses: [] }));
      },
      readFile: async (path, { maxBytes, timeoutMs }) => {
        await this.#askAgent(uid, timeoutMs);
        const text = this.#host.behaviour(uid).files[path];
        if (text === undefined) throw new CaissonError('failed', `the guest agent refused: no file ${path}`);
        const content = Buffer.from(text);
        return { content: content.subarray(0, maxBytes), complete: content.length <= maxBytes };
      },
      shutdown: async (timeoutMs) => {
        await this.#askAgent(uid, timeoutMs);
        if (!this.#host.behaviour(uid).ignoresAgent) this.#host.shutDown(uid);
      },
    };
  }

  hardware(uid: string): LiveHardware {
    return new FakeHardware(this.#host, uid);
  }

  async openConsole(uid: string, { history }: { history: number }): Promise<Duplex> {
    const host = this.#host;
    const process = host.process(uid);
    const reader = new Duplex({
      allowHalfOpen: false,
      read() {},
      write(chunk: Buffer, _encoding, done) {
        if (host.processes.get(uid) === process) host.say(uid, chunk.toString('utf8'));
        done();
      },
      destroy(error, done) {
        leave();
        done(error);
      },
    });
    const stopReading = host.watchConsole((from, text) => from === uid && reader.push(text));
    const stopWaiting = host.watch((event) => event.uid === uid && event.kind === 'ended' && reader.push(null));
    const leave = () => {
      stopReading();
      stopWaiting();
      this.#stopWatching.delete(leave);
    };
    this.#stopWatching.add(leave);
    if (history > 0 && process.console !== '') reader.push(process.console.slice(-history));
    return reader;
  }

  async openScreen(uid: string): Promise<Duplex> {
    const process = this.#talk(uid);
    if (process.machine.display === 'none')
      throw new CaissonError('not-allowed', 'it was started without a display: it gets one at its next start');
    if (process.screen.viewers >= mostScreenViewers)
      throw new CaissonError('too-many', `${mostScreenViewers} look at it already: one of them must leave first`);
    const screen = process.screen.open();
    const stopWaiting = this.#host.watch((event) => event.uid === uid && event.kind === 'ended' && screen.destroy());
    const leave = () => void screen.destroy();
    this.#stopWatching.add(leave);
    screen.once('close', () => {
      stopWaiting();
      this.#stopWatching.delete(leave);
    });
    return screen;
  }

  async screenshot(uid: string): Promise<Buffer> {
    const frame = await readFrame(await this.openScreen(uid));
    const { encodePng } = await import('../../lib/png.ts');
    return encodePng(frame);
  }

  async memoryBytes(uid: string): Promise<number | undefined> {
    const process = this.#host.processes.get(uid);
    return process && (grantedMib(process) + 100) * 1024 * 1024;
  }

  async stats(uid: string): Promise<LiveStats | undefined> {
    const process = this.#host.processes.get(uid);
    if (!process || process.isFrozen) return undefined;
    const { clock } = this.#host;
    const bytes = grantedMib(process) * 1024 * 1024;
    const used = Math.min(bytes, this.#host.behaviour(uid).usedBytes);
    return {
      // It is busy for a tenth of its time.
      cpuMs: Math.round((clock.now() - process.startedAt) / 10),
      hostBytes: bytes + 100 * 1024 * 1024,
      groupBytes: bytes + 96 * 1024 * 1024,
      swapBytes: 0,
      ...(this.#host.behaviour(uid).follows.balloon
        ? { memory: { totalBytes: bytes, freeBytes: bytes - used, availableBytes: bytes - used } }
        : {}),
      disks: process.live.disks.map((slot) => ({ slot, readBytes: 0, writtenBytes: 0, reads: 0, writes: 0 })),
    };
  }

  async isolation(): ReturnType<Hypervisor['isolation']> {
    const processes = [...this.#host.processes].map(([uid, process]) => ({
      ...isolated(uid, process),
      ...this.#host.behaviour(uid).isolation,
    }));
    return { host: { kernel: '6.1.0', ksm: 'off', vulnerabilities: [], controllers: ['memory', 'cpu', 'pids', 'io'] }, processes };
  }

  async forget(uid: string): Promise<void> {
    if (this.#host.processes.has(uid)) throw new CaissonError('not-allowed', `guest ${uid} still has a process: stop it first`);
  }

  watch(listener: (event: HypervisorEvent) => void): () => void {
    const stop = this.#host.watch(listener);
    this.#stopWatching.add(stop);
    return () => {
      this.#stopWatching.delete(stop);
      stop();
    };
  }

  async close(): Promise<void> {
    for (const stop of this.#stopWatching) stop();
  }

  /** The process, when it can be talked to. */
  #talk(uid: string): FakeProcess {
    const process = this.#host.process(uid);
    if (process.isFrozen) throw new CaissonError('timeout', `QEMU of guest ${uid} says nothing`);
    return process;
  }

  /** Waits until the agent answers. */
  async #askAgent(uid: string, timeoutMs: number): Promise<void> {
    const { clock } = this.#host;
    await waitFor(
      'the guest agent',
      () => {
        const process = this.#host.process(uid);
        const isUp = !process.isFrozen && process.observation.state === 'running' && clock.monotonic() >= process.bootedAt;
        return isUp && this.#host.behaviour(uid).agent !== 'absent';
      },
      { timeoutMs, everyMs: Math.min(timeoutMs, 50), clock },
    );
    if (this.#host.behaviour(uid).agent === 'lies')
      throw new CaissonError('unavailable', 'the guest agent answered with a malformed answer');
  }
}

/** What the guest has of the host's memory. */
function grantedMib({ live: { memory } }: FakeProcess): number {
  return memory.boardMib + (memory.plugged?.sizeMib ?? 0) - memory.balloonMib;
}

/** As the root helper starts it. */
function isolated(uid: string, { pid, machine, userId, limits }: FakeProcess): ProcessIsolation {
  const four = Array<number>(4).fill(userId);
  return {
    uid,
    pid,
    userIds: four,
    groupIds: four,
    supplementaryGroups: [],
    capabilities: [],
    noNewPrivileges: true,
    seccomp: 'filter',
    sharedNamespaces: [],
    interfaces: [],
    foreignMounts: [],
    writableMounts: machine.disks.filter((disk) => !disk.readOnly).map((disk) => disk.path),
    limits: { memoryBytes: limits.memoryMib * 1024 * 1024, pids: 256, cpuWeight: 100, ioWeight: 100 },
    coreDumps: false,
    kvm: false,
    mergeable: false,
  };
}
