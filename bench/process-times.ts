// What processes cost and whether they are gone, from /proc.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { readProcess } from '../src/helper/process-stat.ts';

/** Linux promises programs 100 ticks a second whatever the kernel uses itself. */
const msPerTick = 10;
const goneTimeoutMs = 30_000;

/** Processor time of a process, and of its children that have ended and that it has waited for: milliseconds, user and system. */
export function cpuMs(pid: number): { own: number; children: number } {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = (field: number) => Number(fields[field - 3]);
  return { own: (ticks(14) + ticks(15)) * msPerTick, children: (ticks(16) + ticks(17)) * msPerTick };
}

/** Resolves within a millisecond or two of the end of the process; one that nobody has waited for yet is gone too. */
export async function gone(pid: number): Promise<void> {
  const until = performance.now() + goneTimeoutMs;
  const startTime = readProcess(pid)?.startTime;
  if (startTime === undefined) return;
  const isThere = () => readProcess(pid)?.startTime === startTime;
  while (isThere()) {
    if (performance.now() > until) throw new Error(`process ${pid} is there after ${goneTimeoutMs} ms`);
    await sleep(1);
  }
}
