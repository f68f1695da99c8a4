// What a flow can allow: ports of TCP and UDP, kinds of ICMP messages, other protocols by their number. One spelling for IPv4 and IPv6;
// where a kind of message exists in one of them only, it is allowed in that one.
import { z } from 'zod';
import { expects } from './expected.ts';
import { nearest } from './did-you-mean.ts';
import type { NetworkService } from './network-state.ts';
import { quote } from './quote.ts';
import { parsePortRange, probablePort } from './service.ts';

/** Messages that are sent unasked and pass routers; answers and errors about allowed connections pass by themselves. */
const icmpTypes = {
  'echo-request': { v4: 8, v6: 128 },
  'timestamp-request': { v4: 13, v6: null },
  'destination-unreachable': { v4: 3, v6: 1 },
  'packet-too-big': { v4: null, v6: 2 },
  'time-exceeded': { v4: 11, v6: 3 },
  'parameter-problem': { v4: 12, v6: 4 },
} as const satisfies Record<string, { v4: number | null; v6: number | null }>;

export const icmpTypeNames = Object.keys(icmpTypes);

/** Protocols whose ports or kinds are named: by their number everything of them would be open at once. */
const namedProtocols = [1, 6, 17, 58];
/** What people call others. */
const protocolNames: Record<string, number> = {
  igmp: 2,
  ipip: 4,
  ipv6: 41,
  rsvp: 46,
  gre: 47,
  esp: 50,
  ah: 51,
  ospf: 89,
  vrrp: 112,
  sctp: 132,
};

/** `tcp/80`, `udp/5000-5100`, `icmp` (asking for an echo), `icmp/time-exceeded`, `protocol/47`; undefined for anything else. */
export function parseFlowService(text: string): NetworkService | undefined {
  if (text === 'icmp' || text === 'icmp/echo-request') return { protocol: 'icmp' };
  const icmp = /^icmp\/([a-z-]+)$/.exec(text)?.[1];
  if (icmp !== undefined) {
    const types = Object.hasOwn(icmpTypes, icmp) ? icmpTypes[icmp as keyof typeof icmpTypes] : undefined;
    return types && { protocol: 'icmp', types: { ...types } };
  }
  const number = /^protocol\/([1-9]\d{0,2})$/.exec(text)?.[1];
  if (number !== undefined)
    return Number(number) > 254 || namedProtocols.includes(Number(number)) ? undefined : { protocol: 'other', number: Number(number) };
  const range = parsePortRange(text);
  return range?.ports && range.protocol !== 'icmp' ? { protocol: range.protocol, ports: range.ports } : undefined;
}

export const flowServiceSchema = z
  .string(expects('a port with its protocol, for example tcp/80,'))
  .refine((text) => parseFlowService(text) !== undefined, {
    error: (issue) => {
      const text = String(issue.input);
      const meant = probableService(text);
      return `${quote(text)} is nothing that a flow can allow: expected is for example tcp/80, udp/5000-5100, icmp, icmp/time-exceeded or protocol/47${meant === undefined ? '' : `; did you mean ${quote(meant)}?`}`;
    },
  })
  .meta({
    pattern: `^(icmp(/(${icmpTypeNames.join('|')}))?|protocol/[1-9]\\d{0,2}|(tcp|udp)/[1-9]\\d{0,4}(-[1-9]\\d{0,4})?)$`,
    examples: ['tcp/80', 'udp/5000-5100', 'icmp', 'icmp/time-exceeded', 'protocol/47'],
  });

function probableService(text: string): string | undefined {
  const tidy = text.toLowerCase().replaceAll(/\s+/g, '').replace(':', '/');
  const [first = '', second] = tidy.split('/');
  if (/^(icmp|icmpv6|icmp6|ping)$/.test(first)) {
    const type = second === undefined ? undefined : nearest(second, icmpTypeNames);
    return type === undefined ? 'icmp' : `icmp/${type}`;
  }
  const number = protocolNames[first] ?? (/^(proto|protocol|ip)$/.test(first) ? Number(second) : Number.NaN);
  return parseFlowService(`protocol/${number}`) ? `protocol/${number}` : probablePort(text);
}

/** Whether whatever `inner` allows is allowed by `outer` too. */
export function serviceContains(outer: NetworkService, inner: NetworkService): boolean {
  if (outer.protocol === 'icmp')
    return inner.protocol === 'icmp' && outer.types?.v4 === inner.types?.v4 && outer.types?.v6 === inner.types?.v6;
  if (outer.protocol === 'other') return inner.protocol === 'other' && outer.number === inner.number;
  return outer.protocol === inner.protocol && outer.ports.from <= inner.ports.from && inner.ports.to <= outer.ports.to;
}
