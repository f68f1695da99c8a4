// What a guest has used in some time: minutes, and of older times hours and days made of them.
import { z } from 'zod';

/** `p99`: what 99 of 100 minutes did not exceed; of a day, what 99 of 100 hours’ `p99` did not. */
const figures = () => z.strictObject({ mean: z.number(), p99: z.number(), max: z.number() });
export type Figures = z.output<ReturnType<typeof figures>>;

export const usageSchema = z.strictObject({
  /** Beginning, milliseconds since the epoch. */
  time: z.int(),
  /** Minutes that were counted in it. */
  minutes: z.int(),
  /** Thousandths of a processor. */
  cpuPermille: figures(),
  /** Memory that its system uses, as it says; absent where it did not. */
  usedMib: figures().optional(),
  /** Minutes in which its system had less than a tenth of its memory left, and the most that it was given in one of them; absent where there were none. */
  short: z.strictObject({ minutes: z.int(), ofMib: z.int() }).optional(),
  /** What it cost the host. */
  costMib: figures(),
  readKib: z.number(),
  writtenKib: z.number(),
  receivedKib: z.number(),
  sentKib: z.number(),
});
export type Usage = z.output<typeof usageSchema>;

export const resolutions = ['minute', 'hour', 'day'] as const;
export const resolutionSchema = z.enum(resolutions);
export type Resolution = z.output<typeof resolutionSchema>;

export const guestHistorySchema = z.strictObject({
  uid: z.string(),
  name: z.string(),
  resolution: resolutionSchema,
  items: z.array(usageSchema),
});
export type GuestHistory = z.output<typeof guestHistorySchema>;

/** `too-short`: the history does not reach far enough to say anything. */
export const adviceSchema = z.strictObject({
  uid: z.string(),
  name: z.string(),
  verdict: z.enum(['too-short', 'fits', 'smaller', 'larger']),
  /** For people, with the figures. */
  message: z.string(),
  /** Days that the history reaches back, and hours counted in it. */
  days: z.number(),
  hours: z.int(),
  memory: z
    .strictObject({
      givenMib: z.int(),
      p99Mib: z.int(),
      maxMib: z.int(),
      proposedMib: z.int(),
      /** Of a guest whose memory can change while it runs. */
      range: z
        .strictObject({
          /** What it uses in nine of ten hours. */
          ordinaryMib: z.number(),
          /** In so much of the time it had less than its size and used nearly all of that: that less would do cannot be said then. */
          cappedPercent: z.int(),
          givenMinMib: z.int(),
          proposedMinMib: z.int(),
          givenMaxMib: z.int(),
          proposedMaxMib: z.int(),
        })
        .optional(),
    })
    .optional(),
  cpus: z.strictObject({ given: z.int(), p99: z.number(), proposed: z.int() }).optional(),
});
export type Advice = z.output<typeof adviceSchema>;
