// What the doctor found on the host: one check, one verdict, and how to mend what is not well.
import { z } from 'zod';

export const verdictSchema = z.enum(['ok', 'warning', 'bad']);

export const hostCheckSchema = z.strictObject({
  /** One word: `swap`. */
  name: z.string(),
  /** `warning`: guests run, but worse or less safely. `bad`: guests cannot run. */
  verdict: verdictSchema,
  found: z.string(),
  /** Why it matters; absent when all is well. */
  explanation: z.string().optional(),
  /** What to do. */
  mend: z.string().optional(),
  /** Nothing was looked at: only root can, and whoever asked was not. */
  unchecked: z.literal(true).optional(),
});
export type HostCheck = z.output<typeof hostCheckSchema>;

export const hostExaminationSchema = z.strictObject({
  /** Absent: the host was not examined yet. */
  examinedAt: z.iso.datetime().optional(),
  items: z.array(hostCheckSchema),
});
export type HostExamination = z.output<typeof hostExaminationSchema>;
