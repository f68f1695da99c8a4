// How much of the host a guest has: memory, and its share of the processors. A range of memory says within what the size may change while the
// guest runs; `size` is what it is given now.
import { z } from 'zod';
import { formatExactSize } from '../lib/units.ts';
import { expects } from './expected.ts';
import { memorySizeSchema } from './quantity.ts';

const mib = 1024 * 1024;

export const memoryMibSchema = z
  .int()
  .min(16)
  .max(4 * 1024 * 1024);

/** Memory comes and goes in steps of this many MiB. */
export const memoryStepMib = 2;

/** A Linux guest keeps a table of all memory that is plugged in, 1/64 of it, in the memory that it boots with. */
export const mostTimesMin = 16;

export const memoryRangeSchema = z
  .strictObject({ minMib: memoryMibSchema, maxMib: memoryMibSchema })
  .refine(({ minMib, maxMib }) => minMib <= maxMib && maxMib <= mostTimesMin * minMib, 'a range goes from min to at most 16 times min');
export type MemoryRange = z.output<typeof memoryRangeSchema>;

interface GuestMemory {
  memoryMib: number;
  memoryRange?: MemoryRange | undefined;
}

const example = 'a memory size with its unit, for example 512MiB, or a range such as { min: 512MiB, max: 2GiB },';

const rangeFileSchema = z
  .strictObject({
    min: memorySizeSchema.describe('The least that the guest can be brought down to while it runs, and what it boots with.'),
    max: memorySizeSchema.describe('The most that it can have while it runs; at most 16 times `min`.'),
    size: memorySizeSchema.optional().describe('What it has now, between `min` and `max`; absent: `max`.'),
  })
  .transform(({ min, max, size = max }, context): GuestMemory => {
    const refuse = (message: string) => {
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    };
    const show = (sizeMib: number) => formatExactSize(sizeMib * mib);
    for (const value of [min, max, size]) {
      if (value % memoryStepMib !== 0) return refuse(`memory with a range comes in steps of ${memoryStepMib}MiB, ${show(value)} does not`);
    }
    if (min > max) return refuse(`min (${show(min)}) is more than max (${show(max)})`);
    if (max > mostTimesMin * min)
      return refuse(
        `max (${show(max)}) is more than ${mostTimesMin} times min (${show(min)}): a guest keeps the tables of all its memory in what it boots with; make min at least ${show(Math.ceil(max / mostTimesMin / memoryStepMib) * memoryStepMib)}`,
      );
    if (size < min || size > max) return refuse(`size (${show(size)}) does not lie between min (${show(min)}) and max (${show(max)})`);
    return { memoryMib: size, memoryRange: { minMib: min, maxMib: max } };
  });

/** → `memoryMib` and, for a range, `memoryRange`. */
export const memoryFileSchema = z.union(
  [memorySizeSchema.transform((memoryMib): GuestMemory => ({ memoryMib })), rangeFileSchema],
  expects(example),
);

/** The site file's spelling of it. */
export function memoryDocument({ memoryMib, memoryRange }: GuestMemory): unknown {
  const show = (sizeMib: number) => formatExactSize(sizeMib * mib);
  if (!memoryRange) return show(memoryMib);
  const { minMib, maxMib } = memoryRange;
  return { min: show(minMib), max: show(maxMib), ...(memoryMib === maxMib ? {} : { size: show(memoryMib) }) };
}

export const usualCpuWeight = 100;

export const cpuShareSchema = z.strictObject(
  {
    weight: z
      .int(expects('a whole number, 100 being usual,'))
      .min(1)
      .max(10_000)
      .optional()
      .describe('Against other guests when processors are short: 200 gets twice as much as the usual 100. Counts for disks too.'),
    limit: z
      .number(expects('a number of processors, for example 1.5,'))
      .min(0.1)
      .max(1024)
      .optional()
      .describe('At most so much processor time, in processors: `1.5` is one and a half.'),
    pin: z
      .array(
        z.int(expects('the number of a processor of the host')).min(0).max(4095),
        expects('a list of processors of the host, for example [0, 1],'),
      )
      .min(1)
      .max(1024)
      .optional()
      .describe('Numbers of the host’s processors that it runs on, counted from 0; absent: all.'),
  },
  expects('a map such as { weight: 200, limit: 1.5, pin: [0, 1] }'),
);
export type CpuShare = z.output<typeof cpuShareSchema>;
