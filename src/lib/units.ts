// Sizes and durations: parsing what people write, printing what they read. Pure.

const sizeUnits = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 } as const;

/** `512MiB` → bytes; undefined when it is not a whole number with one of B, KiB, MiB, GiB, TiB. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d{1,15})\s?(B|KiB|MiB|GiB|TiB)$/.exec(text);
  if (!match) return undefined;
  const bytes = Number(match[1]) * sizeUnits[match[2] as keyof typeof sizeUnits];
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Bytes → the largest unit that keeps it whole: the canonical spelling in a site file. `parseSize` reads it back. */
export function formatExactSize(bytes: number): string {
  for (const unit of ['TiB', 'GiB', 'MiB', 'KiB'] as const) {
    if (bytes !== 0 && bytes % sizeUnits[unit] === 0) return `${bytes / sizeUnits[unit]}${unit}`;
  }
  return `${bytes}B`;
}

/** Bytes → a figure for people, in MiB or GiB, three significant digits. */
export function formatSize(bytes: number): string {
  if (bytes < 10 * sizeUnits.MiB) return `${(bytes / sizeUnits.MiB).toFixed(1)} MiB`;
  if (bytes < 10 * sizeUnits.GiB) return `${Math.round(bytes / sizeUnits.MiB).toLocaleString('en')} MiB`;
  return `${(bytes / sizeUnits.GiB).toFixed(1)} GiB`;
}

const durationUnits = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `90s`, `5min`, `1h` → milliseconds; undefined when it is not one. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9})\s?(ms|s|min|h|d)$/.exec(text);
  return match ? Number(match[1]) * durationUnits[match[2] as keyof typeof durationUnits] : undefined;
}

/** Milliseconds → the largest unit that keeps it whole, as `parseDuration` reads it. */
export function formatExactDuration(ms: number): string {
  for (const unit of ['d', 'h', 'min', 's'] as const) {
    if (ms !== 0 && ms % durationUnits[unit] === 0) return `${ms / durationUnits[unit]}${unit}`;
  }
  return `${ms}ms`;
}

/** Milliseconds → `340 ms`, `3.2 s`, `4 min 10 s`, `2 h 5 min`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const [big, small, bigUnit, smallUnit] =
    ms < 3_600_000
      ? [Math.floor(ms / 60_000), Math.floor((ms % 60_000) / 1000), 'min', 's']
      : [Math.floor(ms / 3_600_000), Math.floor((ms % 3_600_000) / 60_000), 'h', 'min'];
  return small === 0 ? `${big} ${bigUnit}` : `${big} ${bigUnit} ${small} ${smallUnit}`;
}
