// What a bench file is: figures as data, with goals that are never loosened to be met, and one function that measures them.

export interface Figure {
  /** `area/what`. */
  name: string;
  unit: string;
  goal: { atMost: number } | { atLeast: number };
  /** Left out unless `--full` is given: it takes long. */
  full?: boolean;
  /** Left out where this is false: it compares with what is not installed here. */
  isMeasurable?: () => boolean;
}

export interface Measurement {
  value: number;
  /** What was measured beside it in the same run, in the same unit unless said; null where it is not installed here. */
  baseline: { what: string; value: number | null; unit?: string };
  /** The same of other programs, in the same run and unit; null where they are not installed. */
  peers?: Peer[];
}

export interface Peer {
  what: string;
  value: number | null;
}

export interface BenchContext {
  /** Asked for: nothing else needs measuring. */
  isWanted: (name: string) => boolean;
  report: (name: string, measurement: Measurement) => void;
  /** A line of progress. */
  say: (text: string) => void;
  full: boolean;
  signal: AbortSignal;
}

export interface Bench {
  figures: readonly Figure[];
  /** Measures every wanted figure and reports each. Cleans up whatever happens. */
  run(context: BenchContext): Promise<void>;
}

export function isMet(goal: Figure['goal'], value: number): boolean {
  return 'atMost' in goal ? value <= goal.atMost : value >= goal.atLeast;
}
