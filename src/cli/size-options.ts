// Parsers of option values that are sizes: each says what is expected.
import { InvalidArgumentError } from 'commander';
import { parseSize } from '../lib/units.ts';

const mib = 1024 * 1024;

/** `1GiB` → MiB. */
export function size(text: string): number {
  const bytes = parseSize(text);
  if (bytes === undefined || bytes < mib || bytes % mib !== 0)
    throw new InvalidArgumentError('A size with its unit is expected, whole MiB, for example 512MiB or 2GiB.');
  return bytes / mib;
}

/** `1.5` → processors. */
export function processors(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value < 0.1 || value > 1024)
    throw new InvalidArgumentError('A number of processors from 0.1 on is expected, for example 1.5.');
  return value;
}

/** `data=50GiB`, after those before it. */
export function disk(text: string, before: Record<string, { sizeMib: number }>): Record<string, { sizeMib: number }> {
  const [name = '', ...rest] = text.split('=');
  if (name === '' || rest.length !== 1) throw new InvalidArgumentError('A name and a size are expected, for example data=50GiB.');
  return { ...before, [name]: { sizeMib: size(rest[0] as string) } };
}

export function collect(text: string, before: string[]): string[] {
  return [...before, text];
}
