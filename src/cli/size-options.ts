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

interface DiskWish {
  sizeMib: number;
  bus?: 'virtio' | 'scsi';
}

/** `data=50GiB`, `data=50GiB:scsi`, after those before it. */
export function disk(text: string, before: Record<string, DiskWish>): Record<string, DiskWish> {
  const [, name = '', wanted = '', bus] = /^([^=]+)=([^=:]+)(?::(virtio|scsi))?$/.exec(text) ?? [];
  if (name === '') throw new InvalidArgumentError('A name and a size are expected, for example data=50GiB, or data=50GiB:scsi.');
  return { ...before, [name]: { sizeMib: size(wanted), ...(bus !== undefined && { bus: bus as 'virtio' | 'scsi' }) } };
}

/** `512MiB-4GiB` → the least and the most; `none` → no range. */
export function memoryRange(text: string): { minMib: number; maxMib: number } | null {
  if (text === 'none') return null;
  const [min, max, ...rest] = text.split('-');
  if (min === undefined || max === undefined || rest.length > 0)
    throw new InvalidArgumentError('The least and the most are expected, for example 512MiB-4GiB, or none.');
  const range = { minMib: size(min), maxMib: size(max) };
  if (range.minMib > range.maxMib) throw new InvalidArgumentError(`${min} is more than ${max}.`);
  return range;
}

/** `0,2` or `0-3` → numbers of processors; `all` → none of them in particular. */
export function pins(text: string): number[] {
  const parts = text.split(',').map((part) => /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part));
  const numbers = parts.flatMap((part) => {
    const [first, last] = [Number(part?.[1]), Number(part?.[2] ?? part?.[1])];
    return part && first <= last ? Array.from({ length: last - first + 1 }, (_, index) => first + index) : [-1];
  });
  if (numbers.includes(-1)) throw new InvalidArgumentError('Numbers of the host’s processors are expected, for example 0,2 or 0-3.');
  return [...new Set(numbers)];
}

/** `internal`, `external=192.0.2.10,2001:db8::10`, after those before it. */
export function nic(text: string, before: Record<string, { addresses: string[] }>): Record<string, { addresses: string[] }> {
  const [zone = '', addresses, ...rest] = text.split('=');
  if (zone === '' || addresses === '' || rest.length > 0)
    throw new InvalidArgumentError('A zone is expected, with addresses where they are fixed, for example internal or external=192.0.2.10.');
  return { ...before, [zone]: { addresses: addresses?.split(',') ?? [] } };
}

export function collect(text: string, before: string[]): string[] {
  return [...before, text];
}
