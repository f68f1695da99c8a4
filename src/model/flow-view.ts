// Flows as they are shown, and what decides between two ends.
import { z } from 'zod';

export const flowViewSchema = z.strictObject({
  /** As the site file has them. */
  from: z.string(),
  to: z.string(),
  allow: z.array(z.string()),
  rate: z.string().optional(),
  log: z.boolean().optional(),
  comment: z.string().optional(),
  /** Guests that it stands for now, on each side; none for the world, the host and ranges beyond the zones. */
  sources: z.array(z.string()),
  targets: z.array(z.string()),
});
export type FlowView = z.output<typeof flowViewSchema>;

export const wayDecisionSchema = z.strictObject({
  fromAddress: z.string(),
  toAddress: z.string(),
  decided: z.enum(['open', 'refused']),
  /** Why, in a sentence or two. */
  why: z.string(),
  /** The flow of the site file that decides. */
  flow: z.string().optional(),
  /** Both are on the shared wire of this zone, where the filter is weaker. */
  sharedWire: z.string().optional(),
  /** What the rules in force do; absent where there are none to read, or nobody has the address. */
  rules: z
    .strictObject({
      decided: z.enum(['open', 'refused', 'undecided']),
      /** As nft writes it. */
      rule: z.string().optional(),
      why: z.string(),
    })
    .optional(),
});
export type WayDecision = z.output<typeof wayDecisionSchema>;

export const flowExplanationSchema = z.strictObject({
  from: z.string(),
  to: z.string(),
  port: z.string(),
  /** One for each pair of their addresses, of one family. */
  ways: z.array(wayDecisionSchema),
  /** The rules in force are not what the flows say. */
  differs: z.boolean(),
  /** Why the rules in force were not asked. */
  withoutRules: z.string().optional(),
});
export type FlowExplanation = z.output<typeof flowExplanationSchema>;

export const flowVisitorSchema = z.strictObject({
  /** A guest, `world`, `host`, or a range of addresses. */
  from: z.string(),
  /** `tcp/3306`; `everything`. */
  ports: z.array(z.string()),
  /** The flow or publication as the site file has it. */
  by: z.string(),
});
export type FlowVisitor = z.output<typeof flowVisitorSchema>;
