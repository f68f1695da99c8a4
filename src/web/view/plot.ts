// From what was measured to what is drawn: series over time, a scale with round figures, a path that breaks where nothing was measured. Pure.
import type { Usage } from '../../model/usage.ts';

export interface Point {
  time: number;
  value: number;
}

export type Unit = 'processors' | 'mib' | 'kibPerS';

export interface Series {
  name: 'cpu' | 'used' | 'cost' | 'read' | 'written' | 'received' | 'sent';
  points: Point[];
}

export interface Plot {
  name: 'cpu' | 'memory' | 'disk' | 'network';
  unit: Unit;
  series: Series[];
  /** What it can have at most, drawn as a line. */
  limit?: number;
}

/** The four plots of a guest. `promisedMib` and `cpus` are what it was given. */
export function plotsOf(items: readonly Usage[], given: { cpus: number; memoryMib: number }): Plot[] {
  const series = (name: Series['name'], value: (usage: Usage) => number | undefined): Series => ({
    name,
    points: items.flatMap((usage) => {
      const found = value(usage);
      return found === undefined ? [] : [{ time: usage.time, value: found }];
    }),
  });
  const perSecond = (of: (usage: Usage) => number) => (usage: Usage) => of(usage) / (60 * Math.max(1, usage.minutes));
  return [
    { name: 'cpu', unit: 'processors', limit: given.cpus, series: [series('cpu', ({ cpuPermille }) => cpuPermille.mean / 1000)] },
    {
      name: 'memory',
      unit: 'mib',
      limit: given.memoryMib,
      series: [series('used', ({ usedMib }) => usedMib?.mean), series('cost', ({ costMib }) => costMib.mean)],
    },
    {
      name: 'disk',
      unit: 'kibPerS',
      series: [
        series(
          'read',
          perSecond(({ readKib }) => readKib),
        ),
        series(
          'written',
          perSecond(({ writtenKib }) => writtenKib),
        ),
      ],
    },
    {
      name: 'network',
      unit: 'kibPerS',
      series: [
        series(
          'received',
          perSecond(({ receivedKib }) => receivedKib),
        ),
        series(
          'sent',
          perSecond(({ sentKib }) => sentKib),
        ),
      ],
    },
  ];
}

/** The least round figure that is not less than the value: 1, 2 or 5 times a power of ten; of sizes, of two. */
export function roundUp(value: number, unit: Unit): number {
  if (value <= 0) return unit === 'processors' ? 1 : 10;
  if (unit === 'mib') return 2 ** Math.ceil(Math.log2(value));
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= value * 0.999_999) ?? 10;
  return step * power;
}

export function mostOf({ series, unit, limit }: Plot): number {
  const most = Math.max(0, ...series.map(({ points }) => points.reduce((high, { value }) => Math.max(high, value), 0)));
  // The limit is in sight when it is not far away.
  return roundUp(limit !== undefined && most > limit / 4 ? Math.max(most, limit) : most, unit);
}

/** An SVG path; two points further apart than `gapMs` are not joined. */
export function pathOf(points: readonly Point[], x: (time: number) => number, y: (value: number) => number, gapMs: number): string {
  let path = '';
  let before: number | undefined;
  for (const { time, value } of points) {
    const joined = before !== undefined && time - before <= gapMs;
    path += `${joined ? 'L' : 'M'}${x(time).toFixed(1)} ${y(value).toFixed(1)}`;
    if (!joined) path += 'h.01';
    before = time;
  }
  return path;
}

/** The point nearest in time, if any is within `withinMs`. */
export function nearest(points: readonly Point[], time: number, withinMs: number): Point | undefined {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((points[middle]?.time ?? 0) < time) low = middle + 1;
    else high = middle;
  }
  const best = [points[low - 1], points[low]]
    .filter((point) => point !== undefined)
    .toSorted((a, b) => Math.abs(a.time - time) - Math.abs(b.time - time))[0];
  return best && Math.abs(best.time - time) <= withinMs ? best : undefined;
}
