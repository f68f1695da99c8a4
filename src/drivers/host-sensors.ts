// The contract of what is measured on the host itself, beside its guests. Implemented by `procfs/` and `fake/`.

export interface NicCounters {
  /** Seen from the host: what the guest sent. */
  receivedBytes: number;
  receivedPackets: number;
  sentBytes: number;
  sentPackets: number;
}

export interface MemoryPressure {
  availableMib: number;
  swapUsedMib: number;
  /** Of the last ten seconds, the part in which something waited for memory (`some`), or everything did (`full`); absent on kernels that do not tell. */
  waiting?: { some: number; full: number };
}

export interface HostTopology {
  sockets: number;
  cores: number;
  threads: number;
  model?: string;
  numaNodes: { id: number; cpus: string; memoryMib: number }[];
  hugePages: { sizeKib: number; total: number; free: number }[];
  transparentHugePages?: string;
}

export interface HostSocket {
  protocol: 'tcp' | 'udp';
  /** `0.0.0.0` or `::`: all of them. */
  address: string;
  port: number;
}

/** A file system that the host’s data lie on. */
export interface DiskSpace {
  /** Of several folders on it the first. */
  path: string;
  sizeBytes: number;
  /** For programs that are not root’s. */
  freeBytes: number;
}

export interface HostSensors {
  /** By name of the network device. */
  nics(): Promise<Map<string, NicCounters>>;
  memory(): Promise<MemoryPressure>;
  topology(): Promise<HostTopology>;
  /** Each once: where data, guests and images lie. */
  disks(): Promise<DiskSpace[]>;
  /** In the guests' network: addresses of the host's own, and what of the host waits there for somebody. */
  listeners(): Promise<{ addresses: string[]; sockets: HostSocket[] }>;
}
