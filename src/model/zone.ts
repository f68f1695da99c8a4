// A zone: addresses and a policy. It reaches nothing and is reached by nothing, but for flows.
import { z } from 'zod';
import { addressFromBigInt, canonicalAddress, cidrBounds, parseCidr, type Cidr } from './address.ts';
import { cidrSchema } from './cidr.ts';
import { expects } from './expected.ts';
import { publicationSchema } from './publication.ts';
import { quote } from './quote.ts';
import { lineSchema } from './text.ts';

/** Linux interface names, without what a shell or an option list would notice. */
export const interfaceNameSchema = z
  .string(expects('the name of a network interface'))
  .regex(
    /^[A-Za-z][A-Za-z0-9_.-]{0,14}$/,
    'an interface name has at most 15 letters, digits, dots, hyphens and underscores and begins with a letter',
  )
  .refine((name) => !/^(lo$|cs[gb])/.test(name), {
    error: (issue) => `${quote(String(issue.input))} cannot lead to the world: lo, csg… and csb… are the host’s and the guests’ own`,
  });

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

const uplinkSchema = z.strictObject(
  {
    interface: interfaceNameSchema.describe(
      'Network interface of the host that leads to the world (looked up in the guests’ network namespace where there is one).',
    ),
    gateway: addressSchema.optional().describe('IPv4 address of the institution’s router. The host never claims it.'),
    gateway6: addressSchema.optional().describe('IPv6 address of the institution’s router; a link-local one is allowed.'),
    vlan: z
      .int(expects('the number of a VLAN'))
      .min(1)
      .max(4094)
      .optional()
      .describe('Number of the VLAN whose frames are tagged on the interface. Caisson makes the interface for it.'),
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
    masquerade: z
      .boolean(expects('true or false'))
      .optional()
      .describe(
        'Whether guests leave by the uplink with the host’s address there, as behind a home router: the world knows none of the zone’s addresses, and enters by publications only.',
      ),
    publish: z
      .array(publicationSchema, expects("a list such as [{ listen: '203.0.113.1:443', to: 'web:443' }]"))
      .max(1024)
      .optional()
      .describe('Ports on the uplink that lead to guests of this zone.'),
    bridged: z
      .boolean(expects('true or false'))
      .optional()
      .describe(
        'Whether the guests share one wire, for protocols that need it. Weaker: flows between them are filtered without knowledge of connections.',
      ),
    description: lineSchema(1024).optional().describe('One line for people.'),
  },
  expects('a map such as { subnets: [10.20.0.0/16] }'),
);
export type Zone = z.output<typeof zoneSchema>;

/** The addresses of a zone that guests cannot have: the router's, or the host's where there is no router or it stands on the other side. */
export function zoneAddressesOfHost(zone: {
  subnets: readonly string[];
  uplink?: { gateway?: string | undefined; gateway6?: string | undefined } | undefined;
  masquerade?: boolean | undefined;
}): string[] {
  const cidrs = zone.subnets.map((text) => parseCidr(text)).filter((cidr) => cidr !== undefined);
  return (['gateway', 'gateway6'] as const).flatMap((key, index) => {
    const configured = zone.masquerade ? undefined : zone.uplink?.[key];
    if (configured !== undefined) return [configured];
    const cidr = cidrs.find((candidate) => candidate.family === (index === 0 ? 4 : 6));
    return cidr ? [firstAddress(cidr)] : [];
  });
}

function firstAddress(cidr: Cidr): string {
  return addressFromBigInt(cidr.family, cidrBounds(cidr).first + 1n);
}
