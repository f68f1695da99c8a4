// A guest's wish → what its process may use of the host. Pure.
import { usualCpuWeight } from '../model/guest-size.ts';
import type { GuestSpec } from '../model/guest.ts';

/** Threads of QEMU: one for each processor, and those that work on disks. */
const pids = 256;

interface ProcessLimits {
  memoryMib: number;
  cpuWeight: number;
  cpuLimit?: number;
  cpuPin?: number[];
  pids: number;
}

/** `memoryMib`: all of the process, with QEMU's own. */
export function limitsOf({ cpu }: Pick<GuestSpec, 'cpu'>, memoryMib: number): ProcessLimits {
  return {
    memoryMib,
    cpuWeight: cpu?.weight ?? usualCpuWeight,
    ...(cpu?.limit === undefined ? {} : { cpuLimit: cpu.limit }),
    ...(cpu?.pin === undefined ? {} : { cpuPin: cpu.pin }),
    pids,
  };
}
