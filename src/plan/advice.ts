// What a guest’s history says about its sizes: a sentence with the figures, and the sizes that would fit. It proposes; nothing is changed. Pure.
import { percentile } from '../lib/percentile.ts';
import type { Advice, Usage } from '../model/usage.ts';
import { type AdvisedMemory, adviseMemory, type MemoryHour } from './memory-advice.ts';

/** Less says nothing about a week’s work: backups, month ends and the like come seldom. */
export const leastDays = 7;
const leastHours = 5 * 24;
const dayMs = 86_400_000;

export interface AdvisedGuest extends AdvisedMemory {
  uid: string;
  name: string;
  cpus: number;
}

/** `hours`: its history by the hour, oldest first. */
export function advise(guest: AdvisedGuest, hours: readonly Usage[], now: number): Advice {
  const { uid, name, cpus } = guest;
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
  const p99Cpus =
    percentile(
      hours.map(({ cpuPermille }) => cpuPermille.p99),
      0.99,
    ) / 1000;
  const cpu = { given: cpus, p99: p99Cpus, proposed: Math.max(1, Math.ceil(p99Cpus * 1.25)) };
  const cpuText = `${p99Cpus.toFixed(2)} of ${cpus} processors`;
  const told = hours.filter((hour): hour is MemoryHour => hour.usedMib !== undefined);
  if (told.length < leastHours) {
    return {
      ...base,
      verdict: verdictOf([[cpus, cpu.proposed]]),
      message: [`uses ${cpuText} at p99 over ${days} days`, 'its system does not tell of its memory', ...cpuEnd(cpu)].join('; '),
      cpus: cpu,
    };
  }
  const { figures, clauses, sizes } = adviseMemory(guest, told);
  const figure = (mib: number) => mib.toLocaleString('en');
  const { givenMib, p99Mib, maxMib } = figures;
  const uses = `uses ${figure(p99Mib)} of ${figure(givenMib)} MiB and ${cpuText} at p99 over ${days} days (at most ${figure(maxMib)} MiB)`;
  return {
    ...base,
    verdict: verdictOf([...sizes, [cpus, cpu.proposed]]),
    message: [uses, ...clauses, ...cpuEnd(cpu)].join('; '),
    memory: figures,
    cpus: cpu,
  };
}

/** What is too small counts more than what is too large. */
function verdictOf(sizes: readonly (readonly [given: number, proposed: number])[]): Advice['verdict'] {
  if (sizes.some(([given, proposed]) => proposed > given)) return 'larger';
  return sizes.some(([given, proposed]) => proposed < given) ? 'smaller' : 'fits';
}

function cpuEnd({ given, proposed }: { given: number; proposed: number }): string[] {
  return proposed === given ? [] : [`${proposed} processor${proposed === 1 ? '' : 's'} would do`];
}
