// What a guest is for, and how one sees that it does it.
import { z } from 'zod';
import { formatExactDuration } from '../lib/units.ts';
import { expects } from './expected.ts';
import { describeCheck } from './check-words.ts';
import { durationSchema, longestDurationMs } from './quantity.ts';
import { quote } from './quote.ts';
import { textSchema } from './text.ts';

/** `tcp/80`, `udp/5000-5100`, `icmp`. */
export interface PortRange {
  protocol: 'tcp' | 'udp' | 'icmp';
  /** Inclusive; both absent for icmp. */
  ports?: { from: number; to: number };
}

const portPattern = /^(tcp|udp)\/([1-9]\d{0,4})(?:-([1-9]\d{0,4}))?$/;

/** Undefined when the text is not a port, a range of ports, or icmp. */
export function parsePortRange(text: string): PortRange | undefined {
  if (text === 'icmp') return { protocol: 'icmp' };
  const match = portPattern.exec(text);
  if (!match) return undefined;
  const from = Number(match[2]);
  const to = Number(match[3] ?? match[2]);
  if (to > 65535 || from > to) return undefined;
  return { protocol: match[1] as 'tcp' | 'udp', ports: { from, to } };
}

export const portRangeSchema = z
  .string(expects('a port with its protocol, for example tcp/80,'))
  .refine((text) => parsePortRange(text) !== undefined, {
    error: (issue) => {
      const text = String(issue.input);
      const meant = probablePort(text);
      return `${quote(text)} is not a port: expected is for example tcp/80, udp/53, tcp/8000-8100 or icmp${meant ? `; did you mean ${quote(meant)}?` : ''}`;
    },
  })
  .meta({ pattern: '^(icmp|(tcp|udp)/[1-9]\\d{0,4}(-[1-9]\\d{0,4})?)$', examples: ['tcp/80', 'udp/5000-5100', 'icmp'] });

/** What was probably meant by a text that is no port. */
export function probablePort(text: string): string | undefined {
  const tidy = text.toLowerCase().replaceAll(/\s+/g, '').replace(':', '/');
  const swapped = /^([\d-]+)\/(tcp|udp)$/.exec(tidy);
  const bare = /^\d+(-\d+)?$/.test(tidy) ? `tcp/${tidy}` : undefined;
  return [tidy, swapped ? `${swapped[2]}/${swapped[1]}` : undefined, bare].find(
    (candidate) => candidate !== undefined && parsePortRange(candidate) !== undefined,
  );
}

const portNumberSchema = z.int(expects('a port number')).min(1).max(65535);

const tcpReadySchema = z.strictObject(
  {
    port: portNumberSchema.describe('TCP port that must accept a connection.'),
    send: textSchema(1024).optional().describe('Sent once the connection stands.'),
    expect: textSchema(1024).min(1).optional().describe('What the answer must contain.'),
  },
  expects('a map such as { port: 3306 }'),
);

const httpReadySchema = z.strictObject(
  {
    port: portNumberSchema.default(80).describe('TCP port of the web server.'),
    path: z
      .string(expects('a path'))
      .regex(/^\/[\x21-\x7e]*$/, 'a path begins with / and has no spaces')
      .max(1024)
      .default('/')
      .describe('Path that is asked for.'),
    // 1xx announce another answer and are never the last one.
    status: z.int(expects('an HTTP status')).min(200).max(599).default(200).describe('HTTP status that must come.'),
    contains: textSchema(1024).min(1).optional().describe('What the body (its first 64 KiB) must contain.'),
  },
  expects('a map such as { port: 80, path: /health }'),
);

const dnsNameSchema = z
  .string(expects('a DNS name'))
  .regex(
    /^(?=.{1,253}\.?$)[A-Za-z0-9_][A-Za-z0-9_-]{0,62}(\.[A-Za-z0-9_-]{1,63})*\.?$/,
    'a DNS name has parts of letters, digits and hyphens between dots',
  );

const dnsReadySchema = z.strictObject(
  {
    name: dnsNameSchema.describe('Name that is asked for.'),
    type: z.enum(['A', 'AAAA', 'NS', 'SOA', 'MX', 'TXT']).default('SOA').describe('Type of the record; at least one must come.'),
    port: portNumberSchema.default(53).describe('UDP port of the name server.'),
    expect: textSchema(1024).min(1).optional().describe('What one of the records must contain, for example an address.'),
  },
  expects('a map such as { name: lab.example, type: SOA }'),
);

const agentReadySchema = z.literal(true, 'true is expected');
const commandReadySchema = z
  .array(textSchema(4096).min(1), expects('a list of words, for example [systemctl, is-active, nginx],'))
  .min(1, 'a command has at least one word')
  .max(64);

const longestCheckMs = 300_000;

/** How one check is asked; what is absent is as `checkTimeoutMs` and `checkTries` say. */
const limitFields = {
  timeoutMs: z.int().min(1).max(longestCheckMs).optional(),
  tries: z.int().min(1).max(1000).optional(),
};

/** One thing that must hold; exactly one of the keys beside the limits. */
const readinessModel = z.union(
  [
    z.strictObject({ tcp: tcpReadySchema, ...limitFields }),
    z.strictObject({ http: httpReadySchema, ...limitFields }),
    z.strictObject({ dns: dnsReadySchema, ...limitFields }),
    z.strictObject({ agent: agentReadySchema, ...limitFields }),
    z.strictObject({ command: commandReadySchema, ...limitFields }),
  ],
  expects('a readiness check with one of tcp, http, dns, agent, command'),
);
export type ReadinessCheck = z.output<typeof readinessModel>;

const defaultCheckTimeoutMs = 10_000;
/** One lost packet is not an alert. */
const defaultCheckTries = 3;

/** How long one try of a check may take. */
export function checkTimeoutMs(check: ReadinessCheck): number {
  return check.timeoutMs ?? defaultCheckTimeoutMs;
}

/** How many tries in a row must fail until a service that was ready is not ready any more. */
export function checkTries(check: ReadinessCheck): number {
  return check.tries ?? defaultCheckTries;
}

/** The site file's spelling: `tcp: 3306` and `dns: lab.example` for the short cases. */
const readinessFile = z
  .strictObject(
    {
      tcp: z
        .union(
          [portNumberSchema.transform((port) => ({ port })), tcpReadySchema],
          expects('a port number, or a map such as { port: 3306 },'),
        )
        .optional()
        .describe('A TCP port accepts a connection: its number, or a map.'),
      http: z
        .union(
          [portNumberSchema.transform((port) => ({ port, path: '/', status: 200 })), httpReadySchema],
          expects('a port number, or a map such as { port: 80, path: /health },'),
        )
        .optional()
        .describe('A web server answers: its port number, or a map.'),
      dns: z
        .union(
          [dnsNameSchema.transform((name) => ({ name, type: 'SOA' as const, port: 53 })), dnsReadySchema],
          expects('a DNS name, or a map such as { name: lab.example, type: SOA },'),
        )
        .optional()
        .describe('A name server answers: the name whose SOA record is asked for, or a map.'),
      agent: agentReadySchema.optional().describe('The guest agent answers.'),
      command: commandReadySchema.optional().describe('A command, run in the guest by its agent, ends with 0: program and arguments.'),
      timeout: durationSchema
        .refine((ms) => ms <= longestCheckMs, 'one try takes at most 5min')
        .optional()
        .meta({ default: '10s' })
        .describe('How long one try may take.'),
      tries: z
        .int(expects('a whole number of tries'))
        .min(1)
        .max(1000)
        .optional()
        .meta({ default: 3 })
        .describe('How many tries in a row must fail until a service that was ready counts as not ready.'),
    },
    expects('a map such as { tcp: 3306 } or { http: { port: 80, path: /health } }'),
  )
  .refine(
    ({ timeout: _timeout, tries: _tries, ...what }) => Object.keys(what).length === 1,
    'a readiness check has exactly one of tcp, http, dns, agent, command; several checks are a list',
  )
  .transform(({ timeout, tries, ...what }) => {
    const limits = { ...(timeout === undefined ? {} : { timeoutMs: timeout }), ...(tries === undefined ? {} : { tries }) };
    return { ...what, ...limits } as ReadinessCheck;
  })
  .meta({ minProperties: 1, maxProperties: 3 });

export const serviceSchema = z.strictObject({
  ports: z.array(portRangeSchema).max(64),
  /** All of them must hold. */
  ready: z.array(readinessModel).max(8),
  /** From power on to ready, at most. */
  readyWithinMs: z.int().min(1).max(longestDurationMs),
});
export type Service = z.output<typeof serviceSchema>;

export const defaultReadyWithinMs = 600_000;

export const serviceFileSchema = z
  .strictObject(
    {
      ports: z
        .array(portRangeSchema, expects('a list of ports, for example [tcp/80],'))
        .max(64)
        .default([])
        .describe('Ports that the guest serves. They open nothing (flows do); the network check tries them from everywhere.'),
      ready: z
        .union(
          [readinessFile.transform((check) => [check]), z.array(readinessFile).max(8)],
          expects('a readiness check such as { tcp: 3306 }, or a list of them,'),
        )
        .optional()
        .describe(
          'When the service is ready: one check, or a list of checks that must all hold. Without one a guest is ready when it runs.',
        ),
      readyWithin: durationSchema.optional().meta({ default: '10min' }).describe('From power on to ready, at most; then `apply` fails.'),
    },
    expects('a map such as { ports: [tcp/80], ready: { http: 80 } }'),
  )
  .superRefine(({ ready = [], readyWithin = defaultReadyWithinMs }, context) => {
    for (const [index, check] of ready.entries()) {
      if (check.timeoutMs === undefined || check.timeoutMs < readyWithin) continue;
      context.addIssue({
        code: 'custom',
        path: ['ready', ...(ready.length > 1 ? [index] : [])],
        message: `one try of “${describeCheck(check)}” may take ${formatExactDuration(check.timeoutMs)}, which is not less than readyWithin (${formatExactDuration(readyWithin)}): it could never say no in time`,
      });
    }
  })
  .transform(({ ports, ready, readyWithin }): Service => ({
    ports,
    ready: ready ?? [],
    readyWithinMs: readyWithin ?? defaultReadyWithinMs,
  }));

/** The port that a check asks, where the service declares ports and this is none of them: it may be a slip, or not for others. */
export function undeclaredPort({ ports }: Pick<Service, 'ports'>, check: ReadinessCheck): string | undefined {
  const asked =
    'tcp' in check
      ? { protocol: 'tcp', port: check.tcp.port }
      : 'http' in check
        ? { protocol: 'tcp', port: check.http.port }
        : 'dns' in check
          ? { protocol: 'udp', port: check.dns.port }
          : undefined;
  if (!asked || ports.length === 0) return undefined;
  const declared = ports.some((text) => {
    const range = parsePortRange(text);
    return (
      range?.protocol === asked.protocol && range.ports !== undefined && range.ports.from <= asked.port && asked.port <= range.ports.to
    );
  });
  return declared ? undefined : `${asked.protocol}/${asked.port}`;
}

/** A check as short as the site file can spell it. */
export function checkDocument(check: ReadinessCheck): Record<string, unknown> {
  const { timeoutMs, tries } = check;
  return {
    ...whatDocument(check),
    ...(timeoutMs === undefined ? {} : { timeout: formatExactDuration(timeoutMs) }),
    ...(tries === undefined ? {} : { tries }),
  };
}

function whatDocument(check: ReadinessCheck): Record<string, unknown> {
  if ('tcp' in check) return { tcp: check.tcp.send === undefined && check.tcp.expect === undefined ? check.tcp.port : check.tcp };
  if ('http' in check) {
    const { port, path, status, contains } = check.http;
    if (path === '/' && status === 200 && contains === undefined) return { http: port };
    return {
      http: {
        port,
        ...(path === '/' ? {} : { path }),
        ...(status === 200 ? {} : { status }),
        ...(contains === undefined ? {} : { contains }),
      },
    };
  }
  if ('dns' in check) {
    const { name, type, port, expect } = check.dns;
    if (type === 'SOA' && port === 53 && expect === undefined) return { dns: name };
    return {
      dns: {
        name,
        ...(type === 'SOA' ? {} : { type }),
        ...(port === 53 ? {} : { port }),
        ...(expect === undefined ? {} : { expect }),
      },
    };
  }
  return 'agent' in check ? { agent: true } : { command: check.command };
}
