// Shorter times → a longer one. Pure.
import { percentile } from '../lib/percentile.ts';
import type { Figures, Usage } from '../model/usage.ts';
import type { MinuteSample } from './history.ts';

export function usageOfMinute(sample: MinuteSample): Usage {
  const { time, cpuPermille, usedMib, shortOfMib, costMib, readKib, writtenKib, receivedKib, sentKib } = sample;
  const same = (value: number): Figures => ({ mean: value, p99: value, max: value });
  return {
    time,
    minutes: 1,
    cpuPermille: same(cpuPermille),
    ...(usedMib === undefined ? {} : { usedMib: same(usedMib) }),
    ...(shortOfMib === undefined ? {} : { short: { minutes: 1, ofMib: shortOfMib } }),
    costMib: same(costMib),
    readKib,
    writtenKib,
    receivedKib,
    sentKib,
  };
}

/** Of at least one. `time`: the beginning of the longer one. */
export function rollUp(time: number, parts: readonly Usage[]): Usage {
  const sum = (value: (part: Usage) => number) => parts.reduce((total, part) => total + value(part), 0);
  const used = parts.filter((part) => part.usedMib !== undefined);
  const short = parts.flatMap((part) => part.short ?? []);
  return {
    time,
    minutes: sum((part) => part.minutes),
    cpuPermille: figures(parts, (part) => part.cpuPermille),
    ...(used.length === 0 ? {} : { usedMib: figures(used, (part) => part.usedMib as Figures) }),
    ...(short.length === 0 ? {} : { short: shortIn(short) }),
    costMib: figures(parts, (part) => part.costMib),
    readKib: sum((part) => part.readKib),
    writtenKib: sum((part) => part.writtenKib),
    receivedKib: sum((part) => part.receivedKib),
    sentKib: sum((part) => part.sentKib),
  };
}

function figures(parts: readonly Usage[], of: (part: Usage) => Figures): Figures {
  const minutes = parts.reduce((total, part) => total + part.minutes, 0);
  const weighted = parts.reduce((total, part) => total + of(part).mean * part.minutes, 0);
  return {
    mean: Math.round(weighted / minutes),
    p99: percentile(
      parts.map((part) => of(part).p99),
      0.99,
    ),
    max: Math.max(...parts.map((part) => of(part).max)),
  };
}

function shortIn(short: readonly NonNullable<Usage['short']>[]): NonNullable<Usage['short']> {
  return { minutes: short.reduce((total, { minutes }) => total + minutes, 0), ofMib: Math.max(...short.map(({ ofMib }) => ofMib)) };
}
