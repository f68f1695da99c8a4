// A publication: one port of an address on a zone's uplink that leads to a port of a guest in that zone. It is a permission of its own, for
// who comes by that address only.
import { z } from 'zod';
import { canonicalAddress, familyOf } from './address.ts';
import { cidrSchema } from './cidr.ts';
import { expects } from './expected.ts';
import { isName } from './name.ts';
import { quote } from './quote.ts';

/** Where the world comes to. */
export interface Listen {
  address: string;
  port: number;
}

/** `203.0.113.1:443`, `[2001:db8::1]:443`; undefined for anything else. */
export function parseListen(text: string): Listen | undefined {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):([1-9]\d{0,4})$/.exec(text);
  const address = canonicalAddress(match?.[1] ?? match?.[2] ?? '');
  const port = Number(match?.[3]);
  // An IPv6 address has brackets, an IPv4 address has none.
  return address !== undefined && (match?.[1] !== undefined) === (familyOf(address) === 6) && port <= 65_535
    ? { address, port }
    : undefined;
}

function formatListen({ address, port }: Listen): string {
  return familyOf(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}

/** `web:443`: a guest and its port; undefined for anything else. */
export function parsePublished(text: string): { guest: string; port: number } | undefined {
  const [, guest = '', digits] = /^([a-z][a-z0-9-]*):([1-9]\d{0,4})$/.exec(text) ?? [];
  return isName(guest) && Number(digits) <= 65_535 ? { guest, port: Number(digits) } : undefined;
}

const listenSchema = z
  .string(expects("an address with its port, for example '203.0.113.1:443',"))
  .transform((text, context) => {
    const listen = parseListen(text);
    if (listen) return formatListen(listen);
    const alone = canonicalAddress(text);
    const [, before = '', port] = /^(.*):(\d+)$/.exec(text) ?? [];
    const beside = canonicalAddress(before);
    const hint =
      beside !== undefined && parseListen(`[${beside}]:${port}`)
        ? `; an IPv6 address stands in brackets: ${quote(`[${beside}]:${port}`)}`
        : alone === undefined
          ? ''
          : `; a port is missing, for example ${quote(formatListen({ address: alone, port: 443 }))}`;
    const message = `${quote(text)} is not an address with its port: expected is for example “203.0.113.1:443” or “[2001:db8::1]:443”${hint}`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  })
  .meta({ examples: ['203.0.113.1:443', '[2001:db8::1]:443'] });

const publishedSchema = z
  .string(expects("a guest with its port, for example 'web:443',"))
  .refine((text) => parsePublished(text) !== undefined, {
    error: (issue) => {
      const text = String(issue.input);
      const hint = isName(text) ? `; a port is missing, for example ${quote(`${text}:443`)}` : '';
      return `${quote(text)} is not a guest with its port: expected is for example “web:443”${hint}`;
    },
  })
  .meta({ pattern: '^[a-z][a-z0-9-]*:[1-9]\\d{0,4}$', examples: ['web:443'] });

export const publicationSchema = z.strictObject(
  {
    listen: listenSchema.describe(
      'Address and port on the uplink’s network. An address that the host does not have itself it takes for this; no guest has it.',
    ),
    to: publishedSchema.describe('Guest of this zone, and its port.'),
    protocol: z.enum(['tcp', 'udp']).default('tcp').describe('Whether it is a port of TCP or of UDP.'),
    from: z
      .array(cidrSchema, expects('a list of address ranges, for example [198.51.100.0/24],'))
      .min(1, 'a publication for nobody allows nothing: without “from” it is for the whole world')
      .max(256)
      .optional()
      .describe('For whom it is published: address ranges of the world. Without it for everybody.'),
  },
  expects("a map such as { listen: '203.0.113.1:443', to: 'web:443' }"),
);
export type Publication = z.output<typeof publicationSchema>;

/** One line for people: `tcp 203.0.113.1:443 → web:443`. */
export function describePublication({ listen, to, protocol, from }: Publication): string {
  return `${protocol} ${listen} → ${to}${from ? ` for ${from.join(', ')}` : ''}`;
}
