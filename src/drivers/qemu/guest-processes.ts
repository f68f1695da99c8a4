// What the driver needs from whoever may start processes as another user: the root helper in a daemon, a plain spawner in tests.
import type { HostIsolation, ProcessIsolation } from '../../model/isolation.ts';
import type { Limits } from '../limits.ts';

export interface GuestProcess {
  uid: string;
  pid: number;
  /** Clock ticks since boot, as in /proc/PID/stat: with `pid` it names the process for ever. */
  startTime: number;
  /** The same, milliseconds since the epoch. */
  startedAt: number;
}

export interface GuestProcessStart {
  uid: string;
  userId: number;
  /** QEMU's full path and its arguments. */
  argv: string[];
  taps: { name: string }[];
  /** Files that QEMU writes. */
  disks: string[];
  /** Files that QEMU only reads, outside of /usr. */
  files: string[];
  generation: number;
  limits: Limits;
  kvm?: boolean;
}

export interface GuestExit {
  uid: string;
  pid: number;
  startTime: number;
  exit?: { code: number | null; signal: string | null };
  /** The end of what QEMU said on its standard error. */
  said: string;
}

export interface GuestProcesses {
  /** Answers once QEMU is being executed. Throws `not-allowed` when the guest has a process. */
  start(start: GuestProcessStart): Promise<{ pid: number; startTime: number; startedAt: number }>;
  kill(process: Pick<GuestProcess, 'uid' | 'pid' | 'startTime'>, signal: 'TERM' | 'KILL'): Promise<void>;
  /** Other limits of a running guest's process. */
  limit(change: { uid: string; limits: Limits }): Promise<void>;
  /** A file of its folder becomes visible to a running guest's process, to be written. */
  giveFile(file: { uid: string; userId: number; path: string }): Promise<void>;
  /** It is not visible any more. */
  takeFile(file: { uid: string; path: string }): Promise<void>;
  /** A new tap in a running guest's own network namespace, for its user; one that is there stays. */
  giveTap(tap: { uid: string; userId: number; tap: string }): Promise<void>;
  /** It is gone from there; one that is not there is well. */
  takeTap(tap: { uid: string; tap: string }): Promise<void>;
  /** What a guest's process and its control group use; undefined without a process. */
  usage(of: { uid: string; exact: boolean }): Promise<{ pssBytes?: number; groupBytes?: number; swapBytes?: number } | undefined>;
  /** Every guest process there is, also those started before this daemon. */
  list(): Promise<GuestProcess[]>;
  /** How far each of them is cut off, as the kernel tells it. */
  isolation(): Promise<{ host: HostIsolation; processes: ProcessIsolation[] }>;
  /** Removes what a guest without a process left: taps, sockets, cgroup. */
  forget(uid: string): Promise<void>;
  onExit(listener: (exit: GuestExit) => void): () => void;
}
