// What happens when a guest ends by itself: whether it is started again, how often, and what counts as having recovered.
import { z } from 'zod';
import { expects } from './expected.ts';
import { durationSchema, longestDurationMs } from './quantity.ts';

const policySchema = z.enum(['never', 'on-failure', 'always']);

export const guestRestartSchema = z.strictObject({
  policy: policySchema,
  /** Starts in a row, without a stable run between them, before the guest stays down. */
  tries: z.int().min(1).max(1000),
  /** A run of this length is stable: the next failure is a first one again. */
  stableAfterMs: z.int().min(1).max(longestDurationMs),
});
export type GuestRestart = z.output<typeof guestRestartSchema>;

export const defaultRestart: GuestRestart = { policy: 'on-failure', tries: 5, stableAfterMs: 600_000 };

export const guestRestartFileSchema = z
  .union(
    [
      policySchema.transform((policy): GuestRestart => ({ ...defaultRestart, policy })),
      z
        .strictObject({
          policy: policySchema
            .default(defaultRestart.policy)
            .describe(
              '`on-failure`: after a crash, a panic or an expired watchdog. `always`: also when the guest has shut itself down. `never`: it stays as it is.',
            ),
          tries: z
            .int(expects('a whole number of tries'))
            .min(1)
            .max(1000)
            .optional()
            .meta({ default: defaultRestart.tries })
            .describe('Starts in a row before it stays down; the pauses between them grow from 2 s to 5 min.'),
          stableAfter: durationSchema
            .optional()
            .meta({ default: '10min' })
            .describe('A run of this length counts as stable: the tries begin anew.'),
        })
        .refine(({ policy, tries, stableAfter }) => policy !== 'never' || (tries === undefined && stableAfter === undefined), {
          error: 'a guest that is never started again has no tries and no stableAfter',
        })
        .transform(({ policy, tries, stableAfter }): GuestRestart => ({
          policy,
          tries: tries ?? defaultRestart.tries,
          stableAfterMs: stableAfter ?? defaultRestart.stableAfterMs,
        })),
    ],
    expects('one of never, on-failure, always, or a map such as { policy: on-failure, tries: 5 },'),
  )
  .optional()
  .transform((restart): GuestRestart => restart ?? defaultRestart);
