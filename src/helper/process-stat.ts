// What /proc says of a process. A process id alone names nothing for long; with the start time (clock ticks since boot) it does.
import { readFileSync } from 'node:fs';
import { CaissonError } from '../lib/errors.ts';

export interface ProcessStat {
  pid: number;
  /** One letter; Z and X are dead already. */
  state: string;
  /** Field 22, clock ticks since boot. */
  startTime: number;
}

/** Linux promises programs 100 ticks a second whatever the kernel uses itself. */
const msPerTick = 10;

/** The content of /proc/PID/stat; the program's name may hold spaces and parentheses. */
export function parseProcessStat(content: string): ProcessStat | undefined {
  const end = content.lastIndexOf(')');
  const pid = Number.parseInt(content, 10);
  const fields = content.slice(end + 2).split(' ');
  const startTime = Number(fields[19]);
  const state = fields[0];
  if (end === -1 || !Number.isSafeInteger(pid) || !Number.isSafeInteger(startTime) || !state) return undefined;
  return { pid, state, startTime };
}

/** The process, when it lives; a zombie does not. Throws `failed` when that cannot be seen: what cannot be read is not gone. */
export function readProcess(pid: number): ProcessStat | undefined {
  let content: string;
  try {
    content = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch (cause) {
    if (['ENOENT', 'ESRCH'].includes((cause as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw new CaissonError('failed', `whether process ${pid} lives cannot be seen`, { cause });
  }
  const stat = parseProcessStat(content);
  return stat && stat.state !== 'Z' && stat.state !== 'X' ? stat : undefined;
}

/** The effective user id of a process; -1 when it is gone. */
export function readProcessUser(pid: number): number {
  try {
    return Number(/^Uid:\t\d+\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? -1);
  } catch {
    return -1;
  }
}

/** Memory of a process with shared pages counted by their share (PSS), bytes; undefined when it is gone. */
export function readShare(pid: number): number | undefined {
  try {
    const kib = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1];
    return kib === undefined ? undefined : Number(kib) * 1024;
  } catch {
    return undefined;
  }
}

/** Ticks since boot → milliseconds since the epoch. */
export function startedAt(startTime: number): number {
  const uptimeMs = Number.parseFloat(readFileSync('/proc/uptime', 'latin1')) * 1000;
  return Math.round(Date.now() - uptimeMs + startTime * msPerTick);
}

export function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
}
