// The contract of a hypervisor: it runs machines, one process each, that never depend on the daemon living.
// Implemented by `qemu/` and `fake/`; both pass test/contract/hypervisor.contract.ts.
import type { Duplex } from 'node:stream';
import type { HaltReason } from '../model/guest-status.ts';
import type { HostIsolation, ProcessIsolation } from '../model/isolation.ts';
import type { Machine } from '../model/machine.ts';
import type { Limits } from './limits.ts';
import type { LiveHardware } from './live-hardware.ts';
import type { LiveStats, StatsOptions } from './live-stats.ts';

/** What is observed of one guest's process, never guessed. */
export type Observation =
  | { state: 'stopped' }
  | { state: 'running' | 'paused'; pid: number; startedAt: number }
  /** QEMU stopped the processors by itself. */
  | { state: 'halted'; why: HaltReason; pid: number; startedAt: number }
  /** The process lives but QMP says nothing. */
  | { state: 'unresponsive'; pid: number; startedAt: number };

/** Something that a guest's process said or did, as it happened. */
export type HypervisorEvent =
  /** The process is gone. `shut-down` when the guest asked for it, `stopped` when we did, `crashed` otherwise. */
  | { kind: 'ended'; uid: string; why: 'shut-down' | 'stopped' | 'crashed'; detail: string }
  | { kind: 'changed'; uid: string; observation: Observation }
  | { kind: 'rebooted'; uid: string }
  /** With `goesOn` the guest deals with it itself, and writes a dump; otherwise it is halted. */
  | { kind: 'panicked'; uid: string; goesOn: boolean };

export interface StartOptions {
  /** Unix user id that the process runs as. */
  userId: number;
  /** Ownership generation, checked before the process starts. */
  generation: number;
  limits: Limits;
}

export interface GuestAgent {
  /** Resolves once the agent answers; rejects `timeout`. */
  ping(timeoutMs: number): Promise<void>;
  /** Runs a program in the guest; output bounded. Throws `unavailable` without an agent. */
  exec(argv: readonly string[], options: { timeoutMs: number; stdin?: string }): Promise<{ code: number; stdout: string; stderr: string }>;
  hostName(timeoutMs: number): Promise<string>;
  /** Network interfaces with their addresses, as the guest tells. */
  interfaces(timeoutMs: number): Promise<GuestInterface[]>;
  /**
   * The beginning of a file in the guest, at most `maxBytes` of it; `complete` when that is all. Throws `failed` when the agent
   * refuses, as for a file that is not there.
   */
  readFile(path: string, options: { maxBytes: number; timeoutMs: number }): Promise<{ content: Buffer; complete: boolean }>;
  shutdown(timeoutMs: number): Promise<void>;
}

export interface GuestInterface {
  name: string;
  mac?: string;
  addresses: string[];
}

export interface HypervisorFacts {
  accelerator: 'kvm' | 'tcg';
  version: string;
  /** The machine type and processor model that new guests are pinned to. */
  machineType: string;
  cpuModel: string;
}

/** Each costs the process memory that the guest's limits count: more of them could end the guest. */
export const mostScreenViewers = 8;

export interface Hypervisor {
  facts(): Promise<HypervisorFacts>;
  /** Memory of the process beyond the guest's own, MiB, as admitted (TCG cache included). */
  overheadMib(machine: Pick<Machine, 'memoryMib' | 'cpus'>): number;
  /** What runs now, for every guest with a process: also after a restart of the daemon. */
  observeAll(): Promise<Map<string, Observation>>;
  observe(uid: string): Promise<Observation>;
  /** Starts the machine with its processors running. Refused (`not-allowed`) when it has a process already. */
  start(machine: Machine, options: StartOptions): Promise<Observation>;
  /** Asks the guest to shut down by its power button; the agent's way is `agent(uid).shutdown`. */
  pressPowerButton(uid: string): Promise<void>;
  /** Cuts the power; resolves when the process is gone. */
  stop(uid: string): Promise<void>;
  reset(uid: string): Promise<void>;
  pause(uid: string): Promise<void>;
  resume(uid: string): Promise<void>;
  agent(uid: string): GuestAgent;
  /** What can change of it while it runs. Each call throws `not-allowed` when it does not. */
  hardware(uid: string): LiveHardware;
  /** The serial console, raw; several readers see the same output. `history` bytes of what it said before come first. */
  openConsole(uid: string, options: { history: number }): Promise<Duplex>;
  /**
   * The graphic console as a stream of RFB (the protocol of VNC), from its greeting on; each has its own, and all see and type the same. Throws
   * `not-allowed` without a display, `too-many` beyond `mostScreenViewers`, `timeout` when the process says nothing.
   */
  openScreen(uid: string): Promise<Duplex>;
  /** What the screen shows now, as PNG. Throws as `openScreen`. */
  screenshot(uid: string): Promise<Buffer>;
  /** Resident memory of the process, bytes (PSS); undefined when it does not run. */
  memoryBytes(uid: string): Promise<number | undefined>;
  /** Counters and sizes at this moment; undefined when it does not run, or its process does not answer. */
  stats(uid: string, options: StatsOptions): Promise<LiveStats | undefined>;
  /** How far each guest's process is cut off from the rest, as the kernel tells it. */
  isolation(): Promise<{ host: HostIsolation; processes: ProcessIsolation[] }>;
  /** Removes what a guest that will never run again left (sockets, cgroup, taps). */
  forget(uid: string): Promise<void>;
  watch(listener: (event: HypervisorEvent) => void): () => void;
  /** Lets go of every guest; they run on. */
  close(): Promise<void>;
}
