// A zone: addresses and a policy. It reaches nothing and is reached by nothing, but for flows.
import { z } from 'zod';
import { canonicalAddress, parseCidr, formatCidr } from './address.ts';

/** Linux interface names, without what a shell or an option list would notice. */
export const interfaceNameSchema = z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,14}$/, 'an interface name has at most 15 letters, digits, dots, hyphens');

export const addressSchema = z.string().transform((text, context) => {
  const address = canonicalAddress(text);
  if (address) return address;
  context.addIssue({ code: 'custom', message: `“${text}” is not an IPv4 or IPv6 address` });
  return z.NEVER;
});

export const cidrSchema = z.string().transform((text, context) => {
  const cidr = parseCidr(text);
  if (cidr) return formatCidr(cidr);
  context.addIssue({ code: 'custom', message: `“${text}” is not an address range: expected is for example 10.20.0.0/16, with no bit set after the prefix` });
  return z.NEVER;
});

const uplinkSchema = z.strictObject({
  /** Interface of the host (in the guests' network namespace where there is one). */
  interface: interfaceNameSchema,
  /** The institution's routers, one for each family; never claimed by the host. */
  gateway: addressSchema.optional(),
  gateway6: addressSchema.optional(),
});

export const zoneSchema = z.strictObject({
  subnets: z.array(cidrSchema).min(1, 'a zone needs at least one subnet').max(16),
  uplink: uplinkSchema.optional(),
  description: z.string().max(1024).optional(),
});
export type Zone = z.output<typeof zoneSchema>;

/** Known wishes of a zone that this version cannot fulfil: refused by name, never ignored. */
export const zoneUnsupported = ['bridged', 'masquerade', 'publish', 'vlan'] as const;
