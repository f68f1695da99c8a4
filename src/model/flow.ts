// A flow: traffic that is allowed. Everything that no flow lists is refused, inside a zone too.
import { z } from 'zod';
import { formatCidr, parseCidr } from './address.ts';
import { portRangeSchema } from './service.ts';

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

const flowEndSchema = z.string().refine((text) => parseFlowEnd(text) !== undefined, {
  error: (issue) => `“${String(issue.input)}” is not an end of a flow: expected is a guest, zone:NAME, label:KEY=VALUE, world, host, all, or a range such as 203.0.113.0/24`,
});

export const flowSchema = z.strictObject({
  from: flowEndSchema,
  to: flowEndSchema,
  allow: z.array(portRangeSchema).min(1, 'a flow allows at least one port').max(256),
  comment: z.string().max(256).optional(),
});
export type Flow = z.output<typeof flowSchema>;

/** Known wishes of a flow that this version cannot fulfil. */
export const flowUnsupported = ['log', 'rate'] as const;

/** One line for people, e.g. `world → web: tcp/80, tcp/443`. */
export function describeFlow(flow: Flow): string {
  return `${flow.from} → ${flow.to}: ${flow.allow.join(', ')}`;
}
