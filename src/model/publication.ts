// A publication: a port, or a range of ports, of an address on a zone's uplink that leads to as many of a guest in that zone. It is a permission
// of its own, for who comes by that address only.
import { z } from 'zod';
import { canonicalAddress, familyOf } from './address.ts';
import { cidrSchema } from './cidr.ts';
import { expects } from './expected.ts';
import { isName } from './name.ts';
import { quote } from './quote.ts';

/** Both ends belong to it. */
export interface Ports {
  from: number;
  to: number;
}

/** Where the world comes to. */
export interface Listen {
  address: string;
  ports: Ports;
}

/** A port leads to another one of the guest by an entry of its own: more than this are not led elsewhere. A range that keeps its ports is one. */
export const mostShifted = 1000;

/** `443`, `8000-8010`; undefined for anything else. */
function parsePorts(text: string): Ports | undefined {
  const [, first, last = first] = /^([1-9]\d{0,4})(?:-([1-9]\d{0,4}))?$/.exec(text) ?? [];
  const [from, to] = [Number(first), Number(last)];
  return from <= to && to <= 65_535 ? { from, to } : undefined;
}

export function formatPorts({ from, to }: Ports): string {
  return from === to ? String(from) : `${from}-${to}`;
}

/** `203.0.113.1:443`, `203.0.113.1:8000-8010`, `[2001:db8::1]:443`; undefined for anything else. */
export function parseListen(text: string): Listen | undefined {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):([\d-]+)$/.exec(text);
  const address = canonicalAddress(match?.[1] ?? match?.[2] ?? '');
  const ports = parsePorts(match?.[3] ?? '');
  // An IPv6 address has brackets, an IPv4 address has none.
  return address !== undefined && ports && (match?.[1] !== undefined) === (familyOf(address) === 6) ? { address, ports } : undefined;
}

function formatListen({ address, ports }: Listen): string {
  return `${familyOf(address) === 6 ? `[${address}]` : address}:${formatPorts(ports)}`;
}

/** `web:443`, `web:8000-8010`: a guest and its ports; undefined for anything else. */
export function parsePublished(text: string): { guest: string; ports: Ports } | undefined {
  const [, guest = '', digits = ''] = /^([a-z][a-z0-9-]*):([\d-]+)$/.exec(text) ?? [];
  const ports = parsePorts(digits);
  return isName(guest) && ports ? { guest, ports } : undefined;
}

/** How many ports a range has. */
export function countPorts({ from, to }: Ports): number {
  return to - from + 1;
}

/** The guest's ports: of a range that is listened on as many, also where only the first of them is written. Undefined when they do not fit. */
export function targetPorts(listened: Ports, written: Ports): Ports | undefined {
  const last = written.from + countPorts(listened) - 1;
  const fits = written.from === written.to ? last <= 65_535 : written.to === last;
  return fits ? { from: written.from, to: last } : undefined;
}

/** Why a text behind a colon is no port, where that can be told. */
function portsHint(text: string): string {
  const [, first, last] = /:(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  if (first === undefined) return '';
  const [from, to] = [Number(first), Number(last ?? first)];
  if (from > 65_535 || to > 65_535 || from === 0) return '; ports go from 1 to 65535';
  return from > to ? `; a range begins with its lowest port: ${quote(`${to}-${from}`)}` : '';
}

const listenSchema = z
  .string(expects("an address with its port, for example '203.0.113.1:443',"))
  .transform((text, context) => {
    const listen = parseListen(text);
    if (listen) return formatListen(listen);
    const alone = canonicalAddress(text);
    const [, before = '', port] = /^(.*):([\d-]+)$/.exec(text) ?? [];
    const beside = canonicalAddress(before);
    const hint =
      beside !== undefined && parseListen(`[${beside}]:${port}`)
        ? `; an IPv6 address stands in brackets: ${quote(`[${beside}]:${port}`)}`
        : alone === undefined
          ? portsHint(text)
          : `; a port is missing, for example ${quote(formatListen({ address: alone, ports: { from: 443, to: 443 } }))}`;
    const message = `${quote(text)} is not an address with its port: expected is for example “203.0.113.1:443”, “203.0.113.1:8000-8010” or “[2001:db8::1]:443”${hint}`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  })
  .meta({ examples: ['203.0.113.1:443', '203.0.113.1:8000-8010', '[2001:db8::1]:443'] });

const publishedSchema = z
  .string(expects("a guest with its port, for example 'web:443',"))
  .refine((text) => parsePublished(text) !== undefined, {
    error: (issue) => {
      const text = String(issue.input);
      const hint = isName(text) ? `; a port is missing, for example ${quote(`${text}:443`)}` : portsHint(text);
      return `${quote(text)} is not a guest with its port: expected is for example “web:443” or “web:8000-8010”${hint}`;
    },
  })
  .meta({ pattern: '^[a-z][a-z0-9-]*:[1-9]\\d{0,4}(-[1-9]\\d{0,4})?$', examples: ['web:443', 'web:8000-8010'] });

export const publicationSchema = z.strictObject(
  {
    listen: listenSchema.describe(
      'Address and port on the uplink’s network, or a range of ports. An address that the host does not have itself it takes for this; no guest has it.',
    ),
    to: publishedSchema.describe('Guest of this zone, and its port; of a range as many, or the first of them.'),
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

/** One line for people: `tcp 203.0.113.1:443 → web:443`; of a range with all its ports on both sides. */
export function describePublication({ listen, to, protocol, from }: Publication): string {
  const [listened, target] = [parseListen(listen), parsePublished(to)];
  const ports = listened && target && targetPorts(listened.ports, target.ports);
  return `${protocol} ${listen} → ${ports ? `${target.guest}:${formatPorts(ports)}` : to}${from ? ` for ${from.join(', ')}` : ''}`;
}
