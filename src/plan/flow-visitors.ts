// Who can reach a guest: for each flow and publication that leads to it, from whom and on which ports. Pure.
import { familyOf, parseCidr } from '../model/address.ts';
import type { FlowVisitor } from '../model/flow-view.ts';
import type { NetworkFlow, NetworkService, NetworkState } from '../model/network-state.ts';
import { usualWorldAddress } from './check-expectation.ts';
import { type End, between } from './reachability.ts';

/** `guest`: its uid. Guests by name, then the world, then the host. */
export function findVisitors(state: NetworkState, guest: string): FlowVisitor[] {
  const addresses = state.nics.filter((nic) => nic.guest === guest).flatMap((nic) => nic.addresses);
  const found = new Map<string, { from: string; flow: NetworkFlow }>();
  for (const to of addresses) {
    for (const { name, end } of senders(state, guest, familyOf(to))) {
      const decided = between(state, end, to);
      const flows = decided.kind === 'listed' ? decided.flows : [];
      for (const flow of flows.filter(({ from }) => end.kind === 'guest' || isOf(from, name)))
        found.set(`${name} ${state.flows.indexOf(flow)}`, { from: name, flow });
    }
  }
  const published = state.publications
    .filter((publication) => addresses.includes(publication.to.address))
    .flatMap(({ protocol, listen, ports, from, text }) =>
      (from.length === 0 ? ['world'] : from).map((name): FlowVisitor => ({
        from: name,
        ports: [`${describeService({ protocol, ports })} at ${listen}`],
        by: text,
      })),
    );
  const byFlow = [...found.values()].map(({ from, flow }): FlowVisitor => ({
    from,
    ports: flow.services.map(describeService),
    by: flow.text,
  }));
  const host: FlowVisitor = { from: 'host', ports: ['everything'], by: 'the host may reach every guest' };
  const rank = ({ from }: FlowVisitor) => (from === 'world' ? 2 : from.includes('/') ? 1 : 0);
  return [...[...byFlow, ...published].toSorted((a, b) => rank(a) - rank(b) || (a.from < b.from ? -1 : 1)), host];
}

/** The world as a whole, or the range itself: what stands in the flow. */
function isOf(from: NetworkFlow['from'], name: string): boolean {
  return from.kind === 'addresses' ? from.cidrs.includes(name) : from.kind === name;
}

function senders({ nics, flows, ...state }: NetworkState, guest: string, family: 4 | 6): { name: string; end: End }[] {
  const guests = nics
    .filter((nic) => nic.guest !== guest)
    .flatMap((nic) => nic.addresses.map((address) => ({ name: nic.guestName, end: { kind: 'guest' as const, address } })));
  // A part of the world that a flow names.
  const ranges = flows.flatMap(({ from }) =>
    from.kind === 'addresses'
      ? from.cidrs.flatMap((text) => ({ name: text, end: { kind: 'world' as const, address: parseCidr(text)?.base ?? '' } }))
      : [],
  );
  const world = { name: 'world', end: { kind: 'world' as const, address: usualWorldAddress({ nics, flows, ...state }, family) } };
  return [...guests, ...ranges, world].filter(({ end }) => familyOf(end.address) === family);
}

function describeService(service: NetworkService): string {
  switch (service.protocol) {
    case 'tcp':
    case 'udp': {
      const { from, to } = service.ports;
      return `${service.protocol}/${from === to ? from : `${from}-${to}`}`;
    }
    case 'icmp':
      return service.types === undefined ? 'icmp' : `icmp/${service.types.v4 ?? service.types.v6}`;
    case 'other':
      return `protocol/${service.number}`;
  }
}
