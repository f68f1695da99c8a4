// What the site's flows let through between two ends, along all that a packet can carry: the verdict on flows of `plan/reachability.ts`,
// which is asked once for each pair.
import { cidrBounds, cidrContains, parseCidr } from '../../model/address.ts';
import type { NetworkEnd, NetworkFlow, NetworkService } from '../../model/network-state.ts';
import type { Between } from '../reachability.ts';
import { type Ranges, none, ofPorts, ofProtocol, ofProtocols, ofTypes, protocols, unite, whole } from './l4-ranges.ts';

const echo = { 4: { protocol: protocols.icmp, question: 8, answer: 0 }, 6: { protocol: protocols.icmpv6, question: 128, answer: 129 } };

/** Without leases: of those more is asked than a port. */
export function expectedRanges(decided: Between, family: 4 | 6): Ranges {
  if (decided.kind === 'everything') return whole;
  if (decided.kind === 'nothing') return none;
  const published = decided.publications.map(({ protocol, ports }) => ofProtocol(protocols[protocol], ports.from, ports.to));
  return unite([rangesOfFlows(decided.flows, family), ...published, ...(decided.served ? served(family) : [])]);
}

export function rangesOfFlows(flows: readonly NetworkFlow[], family: 4 | 6): Ranges {
  return unite(flows.flatMap(({ services }) => services.map((service) => rangeOfService(service, family))));
}

/** What answers of these look like; of ICMP only an echo's can be told. */
export function answersOfFlows(flows: readonly NetworkFlow[], family: 4 | 6): Ranges {
  return unite(
    flows.flatMap(({ services }) =>
      services.map((service) => {
        if (service.protocol !== 'icmp') return rangeOfService(service, family);
        const { protocol, answer } = echo[family];
        return service.types === undefined ? ofTypes(protocol, answer, answer) : none;
      }),
    ),
  );
}

export function rangeOfService(service: NetworkService, family: 4 | 6): Ranges {
  switch (service.protocol) {
    case 'tcp':
    case 'udp':
      return ofProtocol(protocols[service.protocol], service.ports.from, service.ports.to);
    case 'icmp': {
      const type = service.types === undefined ? echo[family].question : service.types[family === 4 ? 'v4' : 'v6'];
      return type === null ? none : ofTypes(echo[family].protocol, type, type);
    }
    case 'other':
      return ofProtocols(service.number, service.number);
  }
}

function served(family: 4 | 6): Ranges[] {
  const { protocol, question } = echo[family];
  return [ofProtocol(protocols.tcp, 53, 53), ofProtocol(protocols.udp, 53, 53), ofTypes(protocol, question, question)];
}

/** Of ICMP: questions make a connection; what neighbours say to each other belongs to none and is not invalid; the rest is. */
export function icmpStates(family: 4 | 6): { invalid: Ranges; untracked: Ranges } {
  if (family === 4) {
    return {
      untracked: none,
      invalid: unite([ofTypes(1, 0, 7), ofTypes(1, 9, 12), ofTypes(1, 14, 14), ofTypes(1, 16, 16), ofTypes(1, 18, 255)]),
    };
  }
  return {
    untracked: unite([ofTypes(58, 130, 136), ofTypes(58, 143, 143)]),
    invalid: unite([ofTypes(58, 0, 127), ofTypes(58, 129, 129), ofTypes(58, 137, 138), ofTypes(58, 140, 142), ofTypes(58, 144, 255)]),
  };
}

/** What asks for a lease; by the port that it comes from, what hands one out. */
export const leases = { 4: ofProtocol(protocols.udp, 67, 67), 6: ofProtocol(protocols.udp, 547, 547) };

/** Whatever has ports. */
export const allPorts = ofPorts(0, 65_535);

/** Whether somebody of each address of the subnet is meant. */
export function coversAll(end: NetworkEnd, subnet: string): boolean {
  const inner = parseCidr(subnet);
  return (
    end.kind === 'addresses' &&
    end.cidrs.some((text) => {
      const outer = parseCidr(text);
      return outer && inner && cidrContains(outer, inner.base) && cidrBounds(inner).last <= cidrBounds(outer).last;
    })
  );
}
