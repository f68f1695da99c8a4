// Whether a process still is, and what it takes, read from /proc. Both files may be read by any user; `smaps_rollup`, which
// knows shared pages apart, may not, so the resident set stands for it: too high by QEMU's program text (about 20 MiB).
import { readFile } from 'node:fs/promises';
import { CaissonError } from '../../lib/errors.ts';

export interface ProcessName {
  pid: number;
  /** Clock ticks since boot. */
  startTime: number;
}

const pageBytes = 4096;

/**
 * False for a zombie too, and for another process that has got the same number since. Throws `failed` when it cannot be seen: what cannot be read
 * is not gone.
 */
export async function isAlive({ pid, startTime }: ProcessName): Promise<boolean> {
  let text: string;
  try {
    text = await readFile(`/proc/${pid}/stat`, 'latin1');
  } catch (cause) {
    if (['ENOENT', 'ESRCH'].includes((cause as NodeJS.ErrnoException).code ?? '')) return false;
    throw new CaissonError('failed', `whether process ${pid} lives cannot be seen`, { cause });
  }
  // The second field is the program's name in brackets and may hold anything; the third is the state, the 22nd the start time.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields[0] !== 'Z' && fields[0] !== 'X' && Number(fields[19]) === startTime;
}

/** Processor time of all its threads, milliseconds; undefined when there is no such process. The kernel counts in steps of 10 ms. */
export async function readProcessorMs(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined);
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields?.[11]) + Number(fields?.[12]);
  return Number.isFinite(ticks) ? ticks * 10 : undefined;
}

/** Resident memory, bytes; undefined when there is no such process. */
export async function residentBytes(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/statm`, 'latin1').catch(() => undefined);
  const pages = Number(text?.split(' ')[1]);
  return Number.isFinite(pages) ? pages * pageBytes : undefined;
}
