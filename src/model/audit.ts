// The audit: the five security rules that a site is built on, each with its evidence, a verdict, and what is wrong. It holds no
// sentence for people: a finding is a code, who it is about, and details; `audit-words/` has the words, in each language.
import { z } from 'zod';
import { hostIsolationSchema, processIsolationSchema } from './isolation.ts';

/**
 * From best to worst. `weak`: it holds, but something named makes it hold less surely. `unknown`: it could not be shown.
 * What is not shown counts worse than what is weak.
 */
export const auditVerdicts = ['holds', 'weak', 'unknown', 'broken'] as const;
const verdictSchema = z.enum(auditVerdicts);
export type AuditVerdict = z.output<typeof verdictSchema>;

/** In the order in which they are told. */
export const auditRules = ['zones', 'isolation', 'services', 'filtering', 'reachability'] as const;
export type AuditRule = (typeof auditRules)[number];

/** Every finding there is, with what it makes of its rule. */
export const findingVerdicts = {
  'one-zone': 'broken',
  'no-internal-zone': 'broken',
  'no-external-zone': 'weak',
  'nobody-internal': 'weak',
  'bridged-zone': 'weak',

  'no-guest-runs': 'unknown',
  'isolation-unseen': 'unknown',
  'process-unseen': 'unknown',
  'wrong-user': 'broken',
  privileges: 'broken',
  'not-alone': 'broken',
  unlimited: 'weak',
  'core-dumps': 'weak',
  'shared-memory': 'weak',
  emulated: 'weak',
  'processor-weaknesses': 'weak',

  'guest-unseen': 'unknown',
  'nothing-declared': 'weak',
  'undeclared-reachable': 'broken',
  'undeclared-listening': 'weak',
  'declared-silent': 'weak',

  'rules-not-in-force': 'broken',
  'never-checked': 'unknown',
  'check-failed': 'broken',
  'check-incomplete': 'unknown',
  'check-old': 'weak',
  'wide-flow': 'weak',
  'other-firewall': 'weak',

  'opened-undeclared': 'weak',
  'isolation-not-held': 'broken',
  'isolation-not-shown': 'unknown',
  'filtering-not-held': 'broken',
  'filtering-not-shown': 'unknown',
} as const satisfies Record<string, Exclude<AuditVerdict, 'holds'>>;
export type FindingCode = keyof typeof findingVerdicts;

const findingSchema = z.strictObject({
  code: z.enum(Object.keys(findingVerdicts) as [FindingCode, ...FindingCode[]]),
  verdict: verdictSchema.exclude(['holds']),
  /** Names of the guests or zones that it is about; empty when it is about all. */
  about: z.array(z.string()),
  /** Evidence in technical words: ports, flows, fields of the kernel, messages. */
  details: z.array(z.string()),
});
export type AuditFinding = z.output<typeof findingSchema>;

const rule = { verdict: verdictSchema, findings: z.array(findingSchema) };

const auditZoneSchema = z.strictObject({
  name: z.string(),
  subnets: z.array(z.string()),
  /** Device that leads to the world. */
  uplink: z.string().optional(),
  /** Guests leave with the host's address, and are entered by publications only. */
  masquerade: z.boolean(),
  /** One wire for all: filtered less surely. */
  bridged: z.boolean(),
  guests: z.array(z.string()),
});
export type AuditZone = z.output<typeof auditZoneSchema>;

const auditSocketSchema = z.strictObject({
  protocol: z.enum(['tcp', 'udp']),
  address: z.string(),
  port: z.int(),
  /**
   * `local`: reached by the guest itself only. `system`: a DHCP client. `client`: a datagram socket on a port that programs get
   * without asking, most likely somebody's question under way.
   */
  kind: z.enum(['declared', 'undeclared', 'local', 'system', 'client']),
});
export type AuditSocket = z.output<typeof auditSocketSchema>;

const guestServicesSchema = z.strictObject({
  name: z.string(),
  running: z.boolean(),
  /** Ports of its service: `tcp/80`. */
  declared: z.array(z.string()),
  /** What listens in it, as it says itself. */
  sockets: z.array(auditSocketSchema),
  /** Why that could not be read. */
  unseen: z.string().optional(),
});
export type GuestServices = z.output<typeof guestServicesSchema>;

const serviceWaysSchema = z.strictObject({
  guest: z.string(),
  port: z.string(),
  /** Guests, `world`, `host`, address ranges: those whom a flow or a publication lets in. */
  from: z.array(z.string()),
});
export type ServiceWays = z.output<typeof serviceWaysSchema>;

const lastCheckSchema = z.strictObject({
  ok: z.boolean(),
  checkedAt: z.iso.datetime(),
  attempts: z.int(),
  /** Cases decided from the rules in force; absent where there were none to read. */
  decided: z.int().optional(),
  /** Nothing was tried, only decided. */
  rulesOnly: z.boolean().optional(),
  /** What was not as the flows say. */
  differences: z.array(z.string()),
  /** What could not be told. */
  untold: z.array(z.string()),
});
export type LastCheck = z.output<typeof lastCheckSchema>;

export const auditSchema = z.strictObject({
  site: z.string(),
  revision: z.int(),
  timezone: z.string(),
  auditedAt: z.iso.datetime(),
  host: z.strictObject({ name: z.string(), version: z.string(), qemuVersion: z.string(), accelerator: z.enum(['kvm', 'tcg']) }),
  /** The worst of the five. */
  verdict: verdictSchema,
  rules: z.strictObject({
    zones: z.strictObject({ ...rule, zones: z.array(auditZoneSchema) }),
    isolation: z.strictObject({
      ...rule,
      /** Absent: it could not be read. */
      host: hostIsolationSchema.optional(),
      guests: z.array(z.strictObject({ name: z.string(), process: processIsolationSchema })),
    }),
    services: z.strictObject({ ...rule, guests: z.array(guestServicesSchema) }),
    filtering: z.strictObject({
      ...rule,
      rulesInForce: z.boolean(),
      lastCheck: lastCheckSchema.optional(),
      flows: z.array(z.strictObject({ text: z.string(), comment: z.string().optional() })),
      publications: z.array(z.string()),
    }),
    reachability: z.strictObject({
      ...rule,
      services: z.array(serviceWaysSchema),
      /** The shortest way from the world to each guest that has one, over guests that would have to be taken over first. */
      fromWorld: z.array(z.strictObject({ guest: z.string(), over: z.array(z.string()) })),
    }),
  }),
});
export type Audit = z.output<typeof auditSchema>;

/** The worst of them; `holds` of none. Pure. */
export function worstVerdict(verdicts: readonly AuditVerdict[]): AuditVerdict {
  return verdicts.reduce((worst, each) => (auditVerdicts.indexOf(each) > auditVerdicts.indexOf(worst) ? each : worst), 'holds');
}
