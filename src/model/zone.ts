// A zone: addresses and a policy. It reaches nothing and is reached by nothing, but for flows.
import { z } from 'zod';
import { addressFromBigInt, canonicalAddress, cidrBounds, formatCidr, parseCidr, surroundingCidr, type Cidr } from './address.ts';
import { expects } from './expected.ts';
import { quote } from './quote.ts';
import { lineSchema } from './text.ts';

/** Linux interface names, without what a shell or an option list would notice. */
export const interfaceNameSchema = z
  .string(expects('the name of a network interface'))
  .regex(
    /^[A-Za-z][A-Za-z0-9_.-]{0,14}$/,
    'an interface name has at most 15 letters, digits, dots, hyphens and underscores and begins with a letter',
  );

export const addressSchema = z
  .string(expects('an IPv4 or IPv6 address'))
  .transform((text, context) => {
    const address = canonicalAddress(text);
    if (address) return address;
    const hint = text.includes('/') ? ': an address stands here without a prefix length' : ', for example 192.0.2.10 or 2001:db8::10';
    context.addIssue({ code: 'custom', message: `${quote(text)} is not an IPv4 or IPv6 address${hint}` });
    return z.NEVER;
  })
  .meta({ examples: ['192.0.2.10', '2001:db8::10'] });

export const cidrSchema = z
  .string(expects('an address range, for example 10.20.0.0/16,'))
  .transform((text, context) => {
    const cidr = parseCidr(text);
    if (cidr) return formatCidr(cidr);
    const around = surroundingCidr(text);
    const hint = around
      ? `has bits set after its prefix; did you mean “${formatCidr(around)}”?`
      : 'is not an address range: expected is for example 10.20.0.0/16';
    context.addIssue({ code: 'custom', message: `${quote(text)} ${hint}` });
    return z.NEVER;
  })
  .meta({ examples: ['10.20.0.0/16', '2001:db8:1::/64'] });

const uplinkSchema = z.strictObject(
  {
    interface: interfaceNameSchema.describe(
      'Network interface of the host that leads to the world (looked up in the guests’ network namespace where there is one).',
    ),
    gateway: addressSchema.optional().describe('IPv4 address of the institution’s router. The host never claims it.'),
    gateway6: addressSchema.optional().describe('IPv6 address of the institution’s router; a link-local one is allowed.'),
  },
  expects('a map such as { interface: eth1, gateway: 192.0.2.1 }'),
);

export const zoneSchema = z.strictObject(
  {
    subnets: z
      .array(cidrSchema, expects('a list of address ranges, for example [10.20.0.0/16],'))
      .min(1, 'a zone needs at least one subnet')
      .max(16)
      .describe('Address ranges of the zone, at most one IPv4 and one IPv6 range. Guests without a fixed address get one from them.'),
    uplink: uplinkSchema.optional().describe('The way to the world. Without it the zone’s guests reach at most other zones.'),
    description: lineSchema(1024).optional().describe('One line for people.'),
  },
  expects('a map such as { subnets: [10.20.0.0/16] }'),
);
export type Zone = z.output<typeof zoneSchema>;

/** Known wishes of a zone that this version cannot fulfil: refused by name, never ignored. */
export const zoneUnsupported = ['bridged', 'masquerade', 'publish', 'vlan'] as const;

/** The addresses of a zone that guests cannot have: the router's, or the host's where there is no router. */
export function zoneAddressesOfHost(zone: {
  subnets: readonly string[];
  uplink?: { gateway?: string | undefined; gateway6?: string | undefined } | undefined;
}): string[] {
  const cidrs = zone.subnets.map((text) => parseCidr(text)).filter((cidr) => cidr !== undefined);
  return (['gateway', 'gateway6'] as const).flatMap((key, index) => {
    const configured = zone.uplink?.[key];
    if (configured !== undefined) return [configured];
    const cidr = cidrs.find((candidate) => candidate.family === (index === 0 ? 4 : 6));
    return cidr ? [firstAddress(cidr)] : [];
  });
}

function firstAddress(cidr: Cidr): string {
  return addressFromBigInt(cidr.family, cidrBounds(cidr).first + 1n);
}
