// How long a guest gets to go down by itself, each way of asking for itself; after both its power may be cut.
import { z } from 'zod';
import { expects } from './expected.ts';
import { durationSchema } from './quantity.ts';

const longestMs = 3_600_000;

export const guestShutdownSchema = z.strictObject({
  /** From the wish told to the guest agent until the power button is pressed. */
  agentMs: z.int().min(1).max(longestMs),
  /** From the power button until the guest is given up. */
  powerButtonMs: z.int().min(1).max(longestMs),
});
export type GuestShutdown = z.output<typeof guestShutdownSchema>;

export const defaultShutdown: GuestShutdown = { agentMs: 60_000, powerButtonMs: 30_000 };

const limitSchema = durationSchema.refine((ms) => ms <= longestMs, 'at most 1h is possible');

export const guestShutdownFileSchema = z
  .strictObject(
    {
      agent: limitSchema.optional().meta({ default: '1min' }).describe('After its agent was asked, until its power button is pressed.'),
      powerButton: limitSchema
        .optional()
        .meta({ default: '30s' })
        .describe('After that, until it is given up: its power is then cut where the command, or the end of the host, says so.'),
    },
    expects('a map such as { agent: 2min, powerButton: 30s }'),
  )
  .optional()
  .transform((limits): GuestShutdown => ({
    agentMs: limits?.agent ?? defaultShutdown.agentMs,
    powerButtonMs: limits?.powerButton ?? defaultShutdown.powerButtonMs,
  }));

/** The limits of one way down of `totalMs` in all, in the proportion of the guest's own. */
export function shutdownWithin({ agentMs, powerButtonMs }: GuestShutdown, totalMs: number): GuestShutdown {
  const own = agentMs + powerButtonMs;
  if (totalMs === own) return { agentMs, powerButtonMs };
  const agent = Math.max(1, Math.floor((totalMs * agentMs) / own));
  return { agentMs: agent, powerButtonMs: Math.max(1, totalMs - agent) };
}
