// What a guest’s history says about its memory: of one size what would do; of a range its least, what it has now and its most, each with the sum
// that it comes from. A guest that was brought down while others needed memory has used no more than it had: from that follows what it
// needs at least, never that less would do. Pure.
import { percentile } from '../lib/percentile.ts';
import { type MemoryRange, mostTimesMin } from '../model/guest-size.ts';
import type { Advice, Usage } from '../model/usage.ts';

/** Beyond what it has used, for what is seldom: a quarter, and at least this much. */
const spareMib = 64;
/** Sizes are proposed in steps, and only where the difference is worth the trouble. */
const stepMib = 64;
const worthPart = 0.25;
/** For so much of the time it may be short of memory, as what it uses at p99 is more in so much of it. */
const shortPart = 0.01;
/** `min` is for what it uses in so much of the time: what comes beyond is what a range is there for. */
const ordinaryPart = 0.9;

export interface AdvisedMemory {
  memoryMib: number;
  memoryRange?: MemoryRange | undefined;
}

export interface MemoryAdvice {
  figures: NonNullable<Advice['memory']>;
  /** For people: what would do, or why that cannot be said. */
  clauses: string[];
  /** What is given, and what is proposed instead. */
  sizes: readonly (readonly [givenMib: number, proposedMib: number])[];
}

/** An hour in which its system told of its memory. */
export type MemoryHour = Usage & { usedMib: NonNullable<Usage['usedMib']> };

/** So much would do, and the sum that says so. */
interface Need {
  mib: number;
  sum: string;
}

/** `hours`: at least one. */
export function adviseMemory({ memoryMib, memoryRange }: AdvisedMemory, hours: readonly MemoryHour[]): MemoryAdvice {
  const p99Mib = percentile(
    hours.map(({ usedMib }) => usedMib.p99),
    0.99,
  );
  const maxMib = Math.max(...hours.map(({ usedMib }) => usedMib.max));
  const figures = { givenMib: memoryMib, p99Mib, maxMib };
  const peak = larger(andAQuarter(p99Mib), andSpare(maxMib));
  if (!memoryRange) {
    const { mib } = decide(memoryMib, peak);
    return {
      figures: { ...figures, proposedMib: mib },
      clauses: mib === memoryMib ? [] : [`${figure(mib)} MiB would do`],
      sizes: [[memoryMib, mib]],
    };
  }
  const { size, clauses, sizes, ...range } = adviseRange(memoryMib, memoryRange, hours, peak);
  return { figures: { ...figures, proposedMib: size.mib, range }, clauses, sizes };
}

function adviseRange(sizeMib: number, { minMib, maxMib }: MemoryRange, hours: readonly MemoryHour[], peak: Need) {
  const ordinaryMib = percentile(
    hours.map(({ usedMib }) => usedMib.mean),
    ordinaryPart,
  );
  const shortWith = (isMeant: (ofMib: number) => boolean) => hours.filter(({ short }) => short !== undefined && isMeant(short.ofMib));
  const [below, whole] = [shortWith((ofMib) => ofMib < sizeMib), shortWith((ofMib) => ofMib >= sizeMib)];
  const isCapped = partOf(below, hours) > shortPart;
  // It would have used more than it had; how much more nobody has seen.
  const most = partOf(whole, hours) > shortPart ? larger(peak, andAQuarter(sizeMib)) : peak;
  const usual = larger(andAQuarter(ordinaryMib), andSpare(ordinaryMib));
  const hadMib = percentile(
    below.map(({ short }) => short?.ofMib ?? 0),
    ordinaryPart,
  );
  const least = isCapped ? larger(usual, andAQuarter(hadMib)) : usual;

  const mayBeLess = !isCapped;
  const lower = decide(minMib, least, mayBeLess);
  const upper = most.mib < lower.mib ? { ...lower, sum: 'min' } : most;
  // What it is not given costs nothing: a most beyond its size stays.
  const max = decide(maxMib, upper, mayBeLess && sizeMib === maxMib);
  const size = sizeMib === maxMib ? max : decide(sizeMib, upper, mayBeLess);
  const min = withTables(lower, max.mib);

  const percent = Math.round(partOf(below, hours) * 100);
  const changes = [
    { what: 'min', givenMib: minMib, ...min },
    ...(sizeMib === maxMib ? [] : [{ what: 'size', givenMib: sizeMib, ...size }]),
    { what: 'max', givenMib: maxMib, ...max },
  ].filter(({ givenMib, mib }) => givenMib !== mib);
  return {
    ordinaryMib,
    cappedPercent: isCapped ? percent : 0,
    givenMinMib: minMib,
    proposedMinMib: min.mib,
    givenMaxMib: maxMib,
    proposedMaxMib: max.mib,
    size,
    clauses: [
      `in nine of ten hours ${figure(ordinaryMib)} MiB or less`,
      ...(isCapped ? [`in ${percent} % of the time it had less than ${figure(sizeMib)} MiB and used nearly all of that`] : []),
      ...changes.map(({ what, givenMib, mib, sum }) => `${what} ${figure(givenMib)} → ${figure(mib)} MiB (${sum})`),
    ],
    sizes: changes.map(({ givenMib, mib }) => [givenMib, mib] as const),
  };
}

/** More where what is given does not do; less where that is worth the trouble, and can be said at all. */
function decide(givenMib: number, need: Need, mayBeLess = true): Need {
  const isWorthLess = mayBeLess && givenMib - need.mib > givenMib * worthPart;
  return need.mib > givenMib || isWorthLess ? need : { mib: givenMib, sum: '' };
}

/** The tables of `max` have their place in `min`. */
function withTables(lower: Need, maxMib: number): Need {
  return lower.mib * mostTimesMin >= maxMib ? lower : need(maxMib / mostTimesMin, `${figure(maxMib)} ÷ ${mostTimesMin}`);
}

/** In how much of the time its system had hardly any memory left. */
function partOf(short: readonly MemoryHour[], hours: readonly MemoryHour[]): number {
  const all = hours.reduce((sum, { minutes }) => sum + minutes, 0);
  return short.reduce((sum, hour) => sum + (hour.short?.minutes ?? 0), 0) / all;
}

function andAQuarter(mib: number): Need {
  return need(mib * 1.25, `${figure(mib)} × 1.25`);
}

function andSpare(mib: number): Need {
  return need(mib + spareMib, `${figure(mib)} + ${spareMib}`);
}

function need(mib: number, sum: string): Need {
  return { mib: Math.ceil(mib / stepMib) * stepMib, sum: `${sum} = ${figure(Math.ceil(mib))}` };
}

function larger(one: Need, other: Need): Need {
  return other.mib > one.mib ? other : one;
}

function figure(mib: number): string {
  return mib.toLocaleString('en');
}
