// A flow: traffic that is allowed. Everything that no flow lists is refused, inside a zone too.
import { z } from 'zod';
import { canonicalAddress, formatCidr, parseCidr, surroundingCidr } from './address.ts';
import { expects } from './expected.ts';
import { flowServiceSchema } from './flow-service.ts';
import type { NetworkFlow } from './network-state.ts';
import { quote } from './quote.ts';
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

export type FlowRate = NonNullable<NetworkFlow['rate']>;

const mostAtOnce = 1_000_000;
const periods = {
  second: 'second',
  sec: 'second',
  s: 'second',
  minute: 'minute',
  min: 'minute',
  m: 'minute',
  hour: 'hour',
  h: 'hour',
} as const;

/** `10/second`; undefined when it is not a rate. */
export function parseRate(text: string): FlowRate | undefined {
  const match = /^([1-9]\d{0,6})\/(second|minute|hour)$/.exec(text);
  const count = Number(match?.[1]);
  return match && count <= mostAtOnce ? { count, per: match[2] as FlowRate['per'] } : undefined;
}

const rateSchema = z
  .string(expects('a rate, for example 10/second,'))
  .refine((text) => parseRate(text) !== undefined, {
    error: (issue) => {
      const text = String(issue.input);
      const [, count, period = ''] = /^\s*([1-9]\d{0,6})\s*(?:\/|per)\s*([a-z]+?)s?\s*$/i.exec(text) ?? [];
      const per = Object.hasOwn(periods, period.toLowerCase()) ? periods[period.toLowerCase() as keyof typeof periods] : undefined;
      const meant = `${count}/${per}`;
      return `${quote(text)} is not a rate: expected is for example 10/second, 30/minute or 100/hour${parseRate(meant) ? `; did you mean ${quote(meant)}?` : ''}`;
    },
  })
  .meta({ pattern: '^[1-9]\\d{0,6}/(second|minute|hour)$', examples: ['10/second', '30/minute'] });

export const flowSchema = z.strictObject(
  {
    from: flowEndSchema.describe(
      'Who opens the connection: a guest’s name, `zone:NAME`, `label:KEY=VALUE`, `world` (whatever lies beyond the uplinks), `all` (every guest), or an address range. A range within a zone means that zone’s guests.',
    ),
    to: flowEndSchema.describe('Who is reached; spelled like `from`, or `host`: the host itself.'),
    allow: z
      .array(flowServiceSchema, expects('a list of ports, for example [tcp/80, tcp/443],'))
      .min(1, 'a flow allows at least one port')
      .max(256)
      .describe('What is allowed: `tcp/80`, `udp/5000-5100`, `icmp`, `icmp/TYPE`, `protocol/NUMBER`. Answers pass by themselves.'),
    rate: rateSchema
      .optional()
      .describe(
        'New connections of the flow, all of them together, at most: `10/second`. More are refused, unless another flow allows them.',
      ),
    log: z
      .boolean(expects('true or false'))
      .optional()
      .describe('Whether new connections are written to the kernel’s log of the host (at most 20 a second).'),
    comment: lineSchema(256).optional().describe('Why this is allowed; one line for people.'),
  },
  expects('a map such as { from: world, to: web, allow: [tcp/80] }'),
);
export type Flow = z.output<typeof flowSchema>;

/** Whether a flow has rules of its own, because its connections are counted or written down. */
export function isSpecialFlow({ rate, log }: { rate?: unknown; log?: unknown }): boolean {
  return (rate !== undefined && rate !== null) || log === true;
}

/** What a flow is known by: `world → web: tcp/80, tcp/443`. */
export function describeFlow(flow: Pick<Flow, 'from' | 'to' | 'allow'>): string {
  return `${flow.from} → ${flow.to}: ${flow.allow.join(', ')}`;
}

/** The same with all that is asked of it: `world → web: tcp/80 (at most 10/second, logged)`. */
export function describeWholeFlow(flow: Omit<Flow, 'comment'>): string {
  const more = [...(flow.rate === undefined ? [] : [`at most ${flow.rate}`]), ...(flow.log ? ['logged'] : [])];
  return `${describeFlow(flow)}${more.length > 0 ? ` (${more.join(', ')})` : ''}`;
}
