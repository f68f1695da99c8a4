// What a guest’s history says about its sizes: a sentence with the figures, and the sizes that would fit. It proposes; nothing is changed. Pure.
import { percentile } from '../lib/percentile.ts';
import type { Advice, Usage } from '../model/usage.ts';

/** Less says nothing about a week’s work: backups, month ends and the like come seldom. */
export const leastDays = 7;
const leastHours = 5 * 24;
const dayMs = 86_400_000;

/** Beyond what it has used, for what is seldom: a quarter, and at least this much. */
const spareMib = 64;
/** Sizes are proposed in steps, and only where the difference is worth the trouble. */
const stepMib = 64;
const worthPart = 0.25;

export interface AdvisedGuest {
  uid: string;
  name: string;
  memoryMib: number;
  cpus: number;
}

/** `hours`: its history by the hour, oldest first. */
export function advise({ uid, name, memoryMib, cpus }: AdvisedGuest, hours: readonly Usage[], now: number): Advice {
  const first = hours[0];
  const days = first ? Math.round(((now - first.time) / dayMs) * 10) / 10 : 0;
  const base = { uid, name, days, hours: hours.length };
  if (days < leastDays || hours.length < leastHours) {
    const has = first ? `${hours.length} hours in ${days} days` : 'none yet';
    return {
      ...base,
      verdict: 'too-short',
      message: `the history is too short (${has}): ${leastHours} hours within at least ${leastDays} days are needed to say something`,
    };
  }
  const used = hours.flatMap(({ usedMib }) => usedMib ?? []);
  const p99Cpus =
    percentile(
      hours.map(({ cpuPermille }) => cpuPermille.p99),
      0.99,
    ) / 1000;
  const proposedCpus = Math.max(1, Math.ceil(p99Cpus * 1.25));
  const cpu = { given: cpus, p99: p99Cpus, proposed: proposedCpus };
  const cpuText = `${p99Cpus.toFixed(2)} of ${cpus} processors`;
  if (used.length < leastHours) {
    const verdict = cpu.proposed < cpus ? 'smaller' : cpu.proposed > cpus ? 'larger' : 'fits';
    return {
      ...base,
      verdict,
      message: `uses ${cpuText} at p99 over ${days} days; its system does not tell of its memory${cpuEnd(cpu)}`,
      cpus: cpu,
    };
  }
  const p99Mib = percentile(
    used.map((one) => one.p99),
    0.99,
  );
  const maxMib = Math.max(...used.map((one) => one.max));
  const needs = Math.ceil(Math.max(p99Mib * 1.25, maxMib + spareMib) / stepMib) * stepMib;
  const proposedMib = Math.abs(needs - memoryMib) > memoryMib * worthPart || needs > memoryMib ? needs : memoryMib;
  const figure = (mib: number) => mib.toLocaleString('en');
  const memoryEnd = proposedMib === memoryMib ? '' : `; ${figure(proposedMib)} MiB would do`;
  const verdict =
    proposedMib > memoryMib || cpu.proposed > cpus ? 'larger' : proposedMib < memoryMib || cpu.proposed < cpus ? 'smaller' : 'fits';
  return {
    ...base,
    verdict,
    message: `uses ${figure(p99Mib)} of ${figure(memoryMib)} MiB and ${cpuText} at p99 over ${days} days (at most ${figure(maxMib)} MiB)${memoryEnd}${cpuEnd(cpu)}`,
    memory: { givenMib: memoryMib, p99Mib, maxMib, proposedMib },
    cpus: cpu,
  };
}

function cpuEnd({ given, proposed }: { given: number; proposed: number }): string {
  return proposed === given ? '' : `; ${proposed} processor${proposed === 1 ? '' : 's'} would do`;
}
