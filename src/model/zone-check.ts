// The proof of the filtering: what the rules in force were decided to do, what was tried from where to where, what the site's flows say of
// both, and what happened.
import { z } from 'zod';
import { rulesCheckSchema } from './rules-check.ts';

export const zoneCheckLineSchema = z.strictObject({
  /** `world`, a guest, or `zone:NAME`: a probe plugged into that zone, as a guest would be that no flow names. */
  from: z.string(),
  /** The same, or `host`. */
  to: z.string(),
  address: z.string(),
  /** `tcp/80`. */
  port: z.string(),
  expected: z.enum(['open', 'refused']),
  /** `open`: the connection stood, or a datagram was answered, or was refused by the destination itself. `unknown`: it could not be tried. */
  got: z.enum(['open', 'refused', 'unknown']),
  detail: z.string().optional(),
});
export type ZoneCheckLine = z.output<typeof zoneCheckLineSchema>;

export const zoneCheckSchema = z.strictObject({
  ok: z.boolean(),
  checkedAt: z.iso.datetime(),
  /** What was decided from the rules in force; absent where there are none to read, which `withoutRules` says. */
  rules: rulesCheckSchema.optional(),
  withoutRules: z.string().optional(),
  /** Nothing was tried, as asked for. */
  rulesOnly: z.boolean().optional(),
  checks: z.array(zoneCheckLineSchema),
  /** From where nothing could be tried, and why: a guest whose agent is silent, a zone without a free address. */
  untried: z.array(z.strictObject({ from: z.string(), why: z.string() })),
  /** One flow opened on purpose, seen open, and closed again: proof that the check can see. */
  control: z
    .strictObject({ from: z.string(), to: z.string(), port: z.string(), sawItOpen: z.boolean(), sawItClosedAgain: z.boolean() })
    .optional(),
});
export type ZoneCheck = z.output<typeof zoneCheckSchema>;

export const zoneViewSchema = z.strictObject({
  name: z.string(),
  subnets: z.array(z.string()),
  gateways: z.array(z.string()),
  uplink: z
    .strictObject({ interface: z.string(), vlan: z.int().optional(), gateway: z.string().optional(), gateway6: z.string().optional() })
    .optional(),
  /** Guests leave with the host's address on the uplink, and are entered by publications only. */
  masquerade: z.boolean(),
  /** The guests share one wire: weaker. */
  bridged: z.boolean(),
  guests: z.array(z.string()),
  /** The flows that touch it, in words. */
  flows: z.array(z.string()),
  /** In words. */
  publications: z.array(z.string()),
});
export type ZoneView = z.output<typeof zoneViewSchema>;
