// What a running guest uses, as its hypervisor tells. Part of the hypervisor's contract; asked for when somebody wants to know, never kept up.

export interface GuestMemoryView {
  totalBytes: number;
  freeBytes: number;
  availableBytes?: number;
  cacheBytes?: number;
  swappedInBytes?: number;
  swappedOutBytes?: number;
}

export interface LiveStats {
  cpuMs: number;
  hostBytes: number;
  groupBytes?: number;
  swapBytes?: number;
  /** Absent when its system does not tell. */
  memory?: GuestMemoryView;
  disks: { slot: number; readBytes: number; writtenBytes: number; reads: number; writes: number }[];
}

export interface StatsOptions {
  /** How exact `hostBytes` is: counting shared pages by their share costs some milliseconds for each guest. */
  exact: boolean;
}
