// Measuring on a machine that others use too: turns taken one after the other, medians, never single values.

export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error('no values to take the median of');
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? Number.NaN) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => unknown): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

export interface Pairs {
  /** Medians of what each measured. */
  a: number;
  b: number;
  /** Median of a ÷ b of each round: noise that hits both in a round falls out. */
  ratio: number;
  /** Median of a − b of each round. */
  difference: number;
  rounds: { a: number; b: number }[];
}

/** Measures `a` and `b` in turn, the first of a round changing, after `warmUp` rounds that do not count. */
export async function inPairs(
  options: { rounds: number; warmUp?: number; signal?: AbortSignal },
  a: () => Promise<number>,
  b: () => Promise<number>,
): Promise<Pairs> {
  const rounds: { a: number; b: number }[] = [];
  for (let round = -(options.warmUp ?? 1); round < options.rounds; round += 1) {
    options.signal?.throwIfAborted();
    const aFirst = round % 2 === 0;
    const early = await (aFirst ? a() : b());
    const late = await (aFirst ? b() : a());
    if (round >= 0) rounds.push(aFirst ? { a: early, b: late } : { a: late, b: early });
  }
  return {
    a: median(rounds.map((round) => round.a)),
    b: median(rounds.map((round) => round.b)),
    ratio: median(rounds.map((round) => round.a / round.b)),
    difference: median(rounds.map((round) => round.a - round.b)),
    rounds,
  };
}

/** Measures each in turn, another one first in each round, after `warmUp` rounds that do not count (none unless said). */
export async function inTurns<K extends string>(
  options: { rounds: number; warmUp?: number; signal?: AbortSignal },
  contenders: Record<K, () => Promise<number>>,
): Promise<Record<K, number>[]> {
  const names = Object.keys(contenders) as K[];
  const rounds: Record<K, number>[] = [];
  const warmUp = options.warmUp ?? 0;
  for (let round = 0; round < warmUp + options.rounds; round += 1) {
    const values: Partial<Record<K, number>> = {};
    for (const place of names.keys()) {
      options.signal?.throwIfAborted();
      const name = names[(place + round) % names.length] as K;
      values[name] = await contenders[name]();
    }
    if (round >= warmUp) rounds.push(values as Record<K, number>);
  }
  return rounds;
}
