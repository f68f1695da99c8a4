// A flow: traffic that is allowed. Everything that no flow lists is refused, inside a zone too.
import { z } from 'zod';
import { canonicalAddress, formatCidr, parseCidr, surroundingCidr } from './address.ts';
import { expects } from './expected.ts';
import { quote } from './quote.ts';
import { portRangeSchema } from './service.ts';
import { lineSchema } from './text.ts';

/** One end of a flow, as parsed from its text. */
export type FlowEnd =
  | { kind: 'world' }
  | { kind: 'host' }
  | { kind: 'all' }
  | { kind: 'guest'; name: string }
  | { kind: 'zone'; name: string }
  | { kind: 'label'; key: string; value: string }
  | { kind: 'range'; cidr: string };

/** `web`, `zone:external`, `label:role=mail`, `world`, `host`, `all` (every guest), `203.0.113.0/24`; undefined when none of them. */
export function parseFlowEnd(text: string): FlowEnd | undefined {
  if (text === 'world' || text === 'host' || text === 'all') return { kind: text };
  const cidr = parseCidr(text);
  if (cidr) return { kind: 'range', cidr: formatCidr(cidr) };
  const zone = /^zone:([a-z][a-z0-9-]{0,62})$/.exec(text);
  if (zone?.[1]) return { kind: 'zone', name: zone[1] };
  const label = /^label:([a-z][a-z0-9-]{0,62})=([A-Za-z0-9._-]{1,63})$/.exec(text);
  if (label?.[1] && label[2]) return { kind: 'label', key: label[1], value: label[2] };
  return /^[a-z][a-z0-9-]{0,62}$/.test(text) ? { kind: 'guest', name: text } : undefined;
}

const endKinds = 'a guest, zone:NAME, label:KEY=VALUE, world, host, all, or a range such as 203.0.113.0/24';

const flowEndSchema = z
  .string(expects(`${endKinds},`))
  .refine((text) => parseFlowEnd(text) !== undefined, {
    error: (issue) => {
      const text = String(issue.input);
      const meant = probableEnd(text);
      return `${quote(text)} is not an end of a flow: expected is ${endKinds}${meant ? `; did you mean ${quote(meant)}?` : ''}`;
    },
  })
  .meta({ examples: ['web', 'zone:internal', 'label:role=mail', 'world', 'all', '203.0.113.0/24'] });

function probableEnd(text: string): string | undefined {
  const address = canonicalAddress(text);
  if (address) return `${address}/${address.includes(':') ? 128 : 32}`;
  const around = surroundingCidr(text);
  if (around) return formatCidr(around);
  const tidy = text
    .trim()
    .toLowerCase()
    .replaceAll(/\s*([:=])\s*/g, '$1');
  return tidy !== text && parseFlowEnd(tidy) ? tidy : undefined;
}

export const flowSchema = z.strictObject(
  {
    from: flowEndSchema.describe(
      'Who opens the connection: a guest’s name, `zone:NAME`, `label:KEY=VALUE`, `world` (whatever lies beyond the uplinks), `all` (every guest), or an address range.',
    ),
    to: flowEndSchema.describe('Who is reached; spelled like `from`.'),
    allow: z
      .array(portRangeSchema, expects('a list of ports, for example [tcp/80, tcp/443],'))
      .min(1, 'a flow allows at least one port')
      .max(256)
      .describe('What is allowed: `tcp/80`, `udp/5000-5100`, `icmp`. Answers pass by themselves.'),
    comment: lineSchema(256).optional().describe('Why this is allowed; one line for people.'),
  },
  expects('a map such as { from: world, to: web, allow: [tcp/80] }'),
);
export type Flow = z.output<typeof flowSchema>;

/** Known wishes of a flow that this version cannot fulfil. */
export const flowUnsupported = ['log', 'rate'] as const;

/** One line for people, e.g. `world → web: tcp/80, tcp/443`. */
export function describeFlow(flow: Flow): string {
  return `${flow.from} → ${flow.to}: ${flow.allow.join(', ')}`;
}
