// The host under a fake hypervisor: its guests live here, apart from any instance of the hypervisor, as processes live apart
// from the daemon. Tests and simulations make things happen with it. Time passes by the clock alone.
import type { Clock } from '../../lib/clock.ts';
import { CaissonError } from '../../lib/errors.ts';
import type { ProcessIsolation } from '../../model/isolation.ts';
import type { Machine, MachineDisk } from '../../model/machine.ts';
import type { HypervisorEvent, Observation, StartOptions } from '../hypervisor.ts';
import type { Limits } from '../limits.ts';
import type { LiveState } from '../live-hardware.ts';
import { FakeScreen } from './fake-screen.ts';
import { liveStateOf } from './live-state.ts';

/** How the guests' systems behave; may be changed while they run. */
export interface FakeBehaviour {
  /** From power on to an answering agent. */
  bootMs: number;
  /** From the wish to shut down to its end. */
  shutdownMs: number;
  /** `absent`: nothing answers. `lies`: it answers with nonsense. */
  agent: 'answers' | 'absent' | 'lies';
  ignoresPowerButton: boolean;
  /** The agent says that it has heard, and nothing happens. */
  ignoresAgent: boolean;
  /** Its process waits for a disk that is away: not even a kill ends it. */
  cannotBeKilled: boolean;
  /** Memory that its programs use. */
  usedBytes: number;
  /** What its system can follow while it runs. */
  follows: { memory: boolean; balloon: boolean; cpus: boolean; disks: boolean; nics: boolean };
  /** Content of files, by path. */
  files: Readonly<Record<string, string>>;
  /** Where its process is not cut off as it should be. */
  isolation: Partial<ProcessIsolation>;
  exec(argv: readonly string[], stdin: string): { code: number; stdout: string; stderr: string };
}

export interface FakeProcess {
  readonly machine: Machine;
  readonly pid: number;
  readonly startedAt: number;
  readonly generation: number;
  readonly userId: number;
  observation: Observation;
  isFrozen: boolean;
  /** When the agent answers, by the clock. */
  bootedAt: number;
  isShuttingDown: boolean;
  /** Of what can change while it runs: what it has now. */
  live: LiveState;
  /** Those that it was started with, and got since. */
  disks: MachineDisk[];
  limits: Limits;
  /** Everything that the console said. */
  console: string;
  readonly screen: FakeScreen;
}

const usual: FakeBehaviour = {
  bootMs: 2000,
  shutdownMs: 500,
  agent: 'answers',
  ignoresPowerButton: false,
  ignoresAgent: false,
  cannotBeKilled: false,
  usedBytes: 64 * 1024 * 1024,
  follows: { memory: true, balloon: true, cpus: true, disks: true, nics: true },
  files: Object.fromEntries(
    ['tcp', 'tcp6', 'udp', 'udp6'].map((name) => [`/proc/net/${name}`, '  sl  local_address rem_address   st tx_queue rx_queue\n']),
  ),
  isolation: {},
  exec(argv, stdin) {
    const [program, ...args] = argv;
    if (program === '/bin/echo') return { code: 0, stdout: `${args.join(' ')}\n`, stderr: '' };
    if (program === '/bin/cat') return { code: 0, stdout: stdin, stderr: '' };
    if (program === '/bin/false') return { code: 1, stdout: '', stderr: '' };
    throw new CaissonError('failed', `the guest agent refused: no program ${program}`);
  },
};

export class FakeHost {
  readonly clock: Clock;
  readonly processes = new Map<string, FakeProcess>();
  readonly #behaviours = new Map<string, Partial<FakeBehaviour>>();
  readonly #listeners = new Set<(event: HypervisorEvent) => void>();
  readonly #consoleListeners = new Set<(uid: string, text: string) => void>();
  readonly #startFailures = new Map<string, CaissonError>();
  #nextPid = 1000;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Changes how one guest behaves, now and at its later starts. */
  behave(uid: string, behaviour: Partial<FakeBehaviour>): void {
    this.#behaviours.set(uid, { ...this.#behaviours.get(uid), ...behaviour });
  }

  behaviour(uid: string): FakeBehaviour {
    return { ...usual, ...this.#behaviours.get(uid) };
  }

  /** The next start of the guest fails with this. */
  failNextStart(uid: string, error: CaissonError): void {
    this.#startFailures.set(uid, error);
  }

  /** Told when the guest's QEMU makes a disk larger. */
  onDiskGrown: ((uid: string, name: string, sizeMib: number) => Promise<void>) | undefined;

  /** QEMU dies. */
  crash(uid: string, detail = 'QEMU ended without a word (killed, or out of memory)'): void {
    this.end(uid, 'crashed', detail);
  }

  /** QEMU lives and says nothing, until `thaw`. */
  freeze(uid: string): void {
    this.process(uid).isFrozen = true;
  }

  thaw(uid: string): void {
    this.process(uid).isFrozen = false;
  }

  /** The guest's system shuts down by itself. */
  shutDown(uid: string): void {
    const process = this.process(uid);
    if (process.isShuttingDown) return;
    process.isShuttingDown = true;
    this.#after(uid, this.behaviour(uid).shutdownMs, () => this.end(uid, 'shut-down', ''));
  }

  /** The guest's system restarts by itself. */
  reboot(uid: string): void {
    const process = this.process(uid);
    process.bootedAt = this.clock.monotonic() + this.behaviour(uid).bootMs;
    process.isShuttingDown = false;
    this.emit({ kind: 'rebooted', uid });
    this.#greet(uid, process);
  }

  /** QEMU stops the processors. */
  halt(uid: string, why: (Observation & { state: 'halted' })['why']): void {
    const { pid, startedAt } = this.process(uid);
    if (why === 'panicked') this.emit({ kind: 'panicked', uid, goesOn: false });
    this.observe(uid, { state: 'halted', why, pid, startedAt });
  }

  /** The guest writes on its console. */
  say(uid: string, text: string): void {
    this.process(uid).console += text;
    for (const listener of this.#consoleListeners) listener(uid, text);
  }

  // What follows is what the fake hypervisor uses.

  process(uid: string): FakeProcess {
    const process = this.processes.get(uid);
    if (!process) throw new CaissonError('not-allowed', `guest ${uid} does not run`);
    return process;
  }

  spawn(machine: Machine, { generation, userId, limits }: StartOptions): FakeProcess {
    const { uid } = machine;
    const failure = this.#startFailures.get(uid);
    this.#startFailures.delete(uid);
    if (failure) throw failure;
    if (this.processes.has(uid)) throw new CaissonError('not-allowed', `guest ${uid} has a process already`);
    const pid = this.#nextPid++;
    const startedAt = this.clock.now();
    const process: FakeProcess = {
      machine,
      pid,
      startedAt,
      generation,
      userId,
      observation: { state: 'running', pid, startedAt },
      isFrozen: false,
      bootedAt: this.clock.monotonic() + this.behaviour(uid).bootMs,
      isShuttingDown: false,
      live: liveStateOf(machine, this.behaviour(uid).follows),
      disks: [...machine.disks],
      limits,
      console: '',
      screen: new FakeScreen(),
    };
    this.processes.set(uid, process);
    this.#greet(uid, process);
    return process;
  }

  end(uid: string, why: 'shut-down' | 'stopped' | 'crashed', detail: string): void {
    if (this.processes.delete(uid)) this.emit({ kind: 'ended', uid, why, detail });
  }

  observe(uid: string, observation: Observation): void {
    this.process(uid).observation = observation;
    this.emit({ kind: 'changed', uid, observation });
  }

  emit(event: HypervisorEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  watch(listener: (event: HypervisorEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  watchConsole(listener: (uid: string, text: string) => void): () => void {
    this.#consoleListeners.add(listener);
    return () => this.#consoleListeners.delete(listener);
  }

  #greet(uid: string, process: FakeProcess): void {
    const { bootedAt } = process;
    this.#after(uid, this.behaviour(uid).bootMs, () => {
      if (process.bootedAt === bootedAt) this.say(uid, 'tiny guest: up\r\n');
    });
  }

  /** Does something later, if the same process is still there then. */
  #after(uid: string, ms: number, action: () => void): void {
    const process = this.process(uid);
    void this.clock.sleep(ms).then(() => {
      if (this.processes.get(uid) === process) action();
    });
  }
}
