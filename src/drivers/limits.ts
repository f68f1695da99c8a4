// What a guest's process may use of the host, at most and beside others.

export interface Limits {
  /** All that the process may use: guest memory plus overhead. */
  memoryMib: number;
  /** Relative share of processor time, 1 … 10,000; 100 is usual. */
  cpuWeight: number;
  /** At most so many processors' time; absent: no limit. */
  cpuLimit?: number;
  /** The host's processors that it may run on; absent: all. */
  cpuPin?: number[];
  /** Threads and processes. */
  pids: number;
}
