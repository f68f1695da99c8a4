// What was decided from the rules in force, read back from the kernel, against what the site's flows say.
import { z } from 'zod';

export const rulesDifferenceSchema = z.strictObject({
  /**
   * `new`: a new connection. `connection`, `answer`, `error`: what belongs to one. `sender`: who speaks, and how. `flood`: more than a limit lets
   * through. `host-service`: leases and neighbours. `rules`: something in force that is not understood.
   */
  about: z.enum(['new', 'connection', 'answer', 'error', 'sender', 'flood', 'host-service', 'rules']),
  /** A guest, `world`, `host`; empty where it is about the rules as such. */
  from: z.string(),
  fromAddress: z.string().optional(),
  to: z.string(),
  address: z.string().optional(),
  /** `tcp/80, udp/5000-5100`. */
  ports: z.string(),
  expected: z.enum(['open', 'refused']),
  /** `undecided`: by a rule that is not understood. */
  decided: z.enum(['open', 'refused', 'undecided']),
  /** The rule of the kernel that decides, as nft writes it. */
  rule: z.string().optional(),
  why: z.string(),
});
export type RulesDifference = z.output<typeof rulesDifferenceSchema>;

export const rulesCheckSchema = z.strictObject({
  ok: z.boolean(),
  checkedAt: z.iso.datetime(),
  /** Cases that were decided, each for all protocols and ports at once. */
  trials: z.int(),
  /** Addresses that something tells apart. */
  addresses: z.int(),
  differences: z.array(rulesDifferenceSchema),
  /** Beyond those. */
  moreDifferences: z.int(),
  /** Tables of other programs, `FAMILY NAME`: not looked at. They can refuse more, and let nothing pass that these refuse. */
  others: z.array(z.string()),
});
export type RulesCheck = z.output<typeof rulesCheckSchema>;
