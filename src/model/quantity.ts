// Quantities with their unit, as a site file spells them: `512MiB`, `8GiB`, `5min`.
import { z } from 'zod';
import { formatExactSize, parseDuration, parseSize } from '../lib/units.ts';
import { expects } from './expected.ts';
import { quote } from './quote.ts';

const mib = 1024 ** 2;

/** Text with a unit → whole MiB. */
function sizeInMib(what: string, example: string, minimumMib: number, maximumMib: number) {
  return z
    .string(expects(`${what} with its unit, for example ${example},`))
    .transform((text, context) => {
      const refuse = (message: string) => {
        context.addIssue({ code: 'custom', message });
        return z.NEVER;
      };
      const bytes = parseSize(text);
      if (bytes === undefined) {
        return refuse(
          `${quote(text)} is not ${what}: a whole number with MiB, GiB or TiB is expected, for example ${example}${sizeHint(text)}`,
        );
      }
      if (bytes < minimumMib * mib || bytes > maximumMib * mib) {
        return refuse(
          `${what} lies between ${formatExactSize(minimumMib * mib)} and ${formatExactSize(maximumMib * mib)}, ${quote(text)} does not`,
        );
      }
      if (bytes % mib !== 0) return refuse(`${what} is a whole number of MiB, ${quote(text)} is not`);
      return bytes / mib;
    })
    .meta({ pattern: '^\\d{1,15} ?(B|KiB|MiB|GiB|TiB)$', examples: [example] });
}

/** `512 mb`, `8G`, `1.5GiB` → what was probably meant. */
function sizeHint(text: string): string {
  const match = /^\s*(\d{1,6})(?:\.(\d{1,3}))?\s*([kmgt])(?:i?b)?\s*$/i.exec(text);
  if (!match?.[1] || !match[3]) return '';
  const unit = match[3].toUpperCase();
  const whole = `${match[1]}${unit}iB`;
  if (match[2] === undefined) return whole === text ? '' : `; did you mean “${whole}”?`;
  const smaller = { M: 'K', G: 'M', T: 'G' }[unit];
  const inSmaller = Number(`${match[1]}.${match[2]}`) * 1024;
  return smaller && Number.isInteger(inSmaller) ? `; did you mean “${inSmaller}${smaller}iB”?` : '';
}

export const memorySizeSchema = sizeInMib('a memory size', '512MiB', 16, 4 * 1024 * 1024);
export const diskSizeSchema = sizeInMib('a disk size', '8GiB', 1, 64 * 1024 * 1024);

export const longestDurationMs = 7 * 86_400_000;

/** Text with a unit → milliseconds, from 1 ms to a week. */
export const durationSchema = z
  .string(expects('a duration with its unit, for example 90s,'))
  .transform((text, context) => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms > 0 && ms <= longestDurationMs) return ms;
    const message =
      ms === undefined
        ? `${quote(text)} is not a duration: a whole number with s, min or h is expected, for example 90s${durationHint(text)}`
        : `a duration lies between 1ms and 7d, ${quote(text)} does not`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  })
  .meta({ pattern: '^\\d{1,9} ?(ms|s|min|h|d)$', examples: ['90s'] });

function durationHint(text: string): string {
  const match = /^\s*(\d{1,9})\s*(sec|secs|second|seconds|m|mins|minute|minutes|hour|hours|hr|hrs|day|days)\s*$/i.exec(text);
  const unit = match?.[2] && { s: 's', m: 'min', h: 'h', d: 'd' }[match[2][0]?.toLowerCase() as 's' | 'm' | 'h' | 'd'];
  return match && unit ? `; did you mean “${match[1]}${unit}”?` : '';
}
