// Quantities with their unit, as a site file spells them: `512MiB`, `8GiB`, `5min`.
import { z } from 'zod';
import { parseDuration, parseSize } from '../lib/units.ts';

const mib = 1024 ** 2;

/** Text with a unit → whole MiB. */
function sizeInMib(what: string, minimumMib: number, maximumMib: number) {
  return z
    .string(`${what} is a quantity with its unit, for example 512MiB or 8GiB`)
    .transform((text, context) => {
      const bytes = parseSize(text);
      if (bytes === undefined) {
        context.addIssue({ code: 'custom', message: `“${text}” is not ${what}: a whole number with a unit is expected, MiB, GiB or TiB, for example 512MiB${unitHint(text)}` });
        return z.NEVER;
      }
      if (bytes % mib !== 0) {
        context.addIssue({ code: 'custom', message: `${what} is a whole number of MiB, ${text} is not` });
        return z.NEVER;
      }
      if (bytes < minimumMib * mib || bytes > maximumMib * mib) {
        context.addIssue({ code: 'custom', message: `${what} is between ${minimumMib}MiB and ${maximumMib / 1024}GiB, not ${text}` });
        return z.NEVER;
      }
      return bytes / mib;
    });
}

function unitHint(text: string): string {
  const match = /^(\d+)\s?([kmgt])i?b?$/i.exec(text.trim());
  return match ? `; did you mean ${match[1]}${match[2]?.toUpperCase()}iB?` : '';
}

export const memorySizeSchema = sizeInMib('a memory size', 16, 4 * 1024 * 1024);
export const diskSizeSchema = sizeInMib('a disk size', 1, 64 * 1024 * 1024);

/** Text with a unit → milliseconds. */
export const durationSchema = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0) return ms;
  context.addIssue({ code: 'custom', message: `“${text}” is not a duration: a whole number with a unit is expected, s, min or h, for example 90s` });
  return z.NEVER;
});
