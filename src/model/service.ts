// What a guest is for, and how one sees that it does it.
import { z } from 'zod';
import { durationSchema } from './quantity.ts';

/** `tcp/80`, `udp/5000-5100`, `icmp`. */
export interface PortRange {
  protocol: 'tcp' | 'udp' | 'icmp';
  /** Inclusive; both absent for icmp. */
  ports?: { from: number; to: number };
}

const portPattern = /^(tcp|udp)\/(\d{1,5})(?:-(\d{1,5}))?$/;

/** Undefined when the text is not a port, a range of ports, or icmp. */
export function parsePortRange(text: string): PortRange | undefined {
  if (text === 'icmp') return { protocol: 'icmp' };
  const match = portPattern.exec(text);
  if (!match) return undefined;
  const from = Number(match[2]);
  const to = Number(match[3] ?? match[2]);
  if (from < 1 || to > 65535 || from > to) return undefined;
  return { protocol: match[1] as 'tcp' | 'udp', ports: { from, to } };
}

export const portRangeSchema = z.string().refine((text) => parsePortRange(text) !== undefined, {
  error: (issue) => `“${String(issue.input)}” is not a port: expected is for example tcp/80, udp/53, tcp/8000-8100 or icmp`,
});

const portNumberSchema = z.int().min(1).max(65535);

const tcpReadySchema = z.strictObject({
  port: portNumberSchema,
  /** Sent once the connection stands. */
  send: z.string().max(1024).optional(),
  /** The answer must contain this. */
  expect: z.string().min(1).max(1024).optional(),
});

const httpReadySchema = z.strictObject({
  port: portNumberSchema.default(80),
  path: z.string().regex(/^\/[\x21-\x7e]*$/, 'a path begins with / and has no spaces').max(1024).default('/'),
  status: z.int().min(100).max(599).default(200),
  /** The body (its first 64 KiB) must contain this. */
  contains: z.string().min(1).max(1024).optional(),
});

const dnsReadySchema = z.strictObject({
  name: z.string().regex(/^(?=.{1,253}\.?$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_-]{1,63})*\.?$/, 'a DNS name is expected'),
  type: z.enum(['A', 'AAAA', 'NS', 'SOA', 'MX', 'TXT']).default('SOA'),
  port: portNumberSchema.default(53),
});

const commandReadySchema = z.array(z.string().min(1).max(4096)).min(1).max(64);

/** One thing that must hold; exactly one of the keys. */
const readinessModel = z.union([
  z.strictObject({ tcp: tcpReadySchema }),
  z.strictObject({ http: httpReadySchema }),
  z.strictObject({ dns: dnsReadySchema }),
  z.strictObject({ agent: z.literal(true) }),
  z.strictObject({ command: commandReadySchema }),
]);
export type ReadinessCheck = z.output<typeof readinessModel>;

/** The site file's spelling: `tcp: 3306` and `dns: lab.example` for the short cases. */
const readinessFile = z
  .strictObject({
    tcp: z.preprocess((value) => (typeof value === 'number' ? { port: value } : value), tcpReadySchema).optional(),
    http: z.preprocess((value) => (typeof value === 'number' ? { port: value } : value), httpReadySchema).optional(),
    dns: z.preprocess((value) => (typeof value === 'string' ? { name: value } : value), dnsReadySchema).optional(),
    agent: z.literal(true).optional(),
    command: commandReadySchema.optional(),
  })
  .refine((value) => Object.keys(value).length === 1, 'a readiness check has exactly one of tcp, http, dns, agent, command; several checks are a list')
  .transform((value) => value as ReadinessCheck);

export const serviceSchema = z.strictObject({
  ports: z.array(portRangeSchema).max(64),
  /** All of them must hold. */
  ready: z.array(readinessModel).max(8),
  /** From power on to ready, at most. */
  readyWithinMs: z.int().positive(),
});
export type Service = z.output<typeof serviceSchema>;

export const defaultReadyWithinMs = 600_000;

export const serviceFileSchema = z
  .strictObject({
    ports: z.array(portRangeSchema).max(64).default([]),
    ready: z.preprocess((value) => (Array.isArray(value) || value === undefined ? value : [value]), z.array(readinessFile).max(8).optional()),
    readyWithin: durationSchema.optional(),
  })
  .transform(({ ports, ready, readyWithin }): Service => ({ ports, ready: ready ?? [], readyWithinMs: readyWithin ?? defaultReadyWithinMs }));

/** What a check asks, in words: `TCP 3306`, `HTTP :80/health`. */
export function describeCheck(check: ReadinessCheck): string {
  if ('tcp' in check) return `TCP ${check.tcp.port}`;
  if ('http' in check) return `HTTP :${check.http.port}${check.http.path}`;
  if ('dns' in check) return `DNS ${check.dns.type} ${check.dns.name}`;
  if ('agent' in check) return 'guest agent';
  return `command ${check.command.join(' ')}`;
}
