// What the filtering check expects of an attempt, and the way that its control opens. Pure.
import { familyOf } from '../model/address.ts';
import type { NetworkFlow, NetworkState } from '../model/network-state.ts';
import { isAllowed } from './reachability.ts';
import type { CheckTarget } from './check-targets.ts';

/** Who tries: addresses of a guest or a probe; without any, the world. */
export interface CheckSource {
  addresses?: readonly string[];
}

/** `from` is the address that it was tried from; empty when the attempt did not get as far as having one. */
export function isExpectedOpen(state: NetworkState, source: CheckSource, from: string, target: CheckTarget): boolean {
  const family = familyOf(target.address);
  const isKnown = from !== '' && !['0.0.0.0', '::'].includes(from) && familyOf(from) === family;
  if (source.addresses === undefined) {
    return allows(state, 'world', isKnown ? from : usualWorldAddress(state, family), target);
  }
  const candidates = isKnown ? [from] : source.addresses.filter((address) => familyOf(address) === family);
  return candidates.length > 0 && candidates.every((address) => allows(state, 'guest', address, target));
}

function allows(state: NetworkState, kind: 'world' | 'guest', address: string, target: CheckTarget): boolean {
  const { protocol, port } = target;
  return isAllowed(state, { from: { kind, address }, to: { address: target.address }, protocol, port }).allowed;
}

/** An address that the world has: of a router there, if one is known. */
export function usualWorldAddress({ zones }: NetworkState, family: 4 | 6): string {
  const gateways = zones.flatMap((zone) => [zone.uplink?.gateway, zone.uplink?.gateway6]);
  const gateway = gateways.find((candidate) => candidate !== undefined && familyOf(candidate) === family);
  return gateway ?? (family === 4 ? '198.51.100.1' : '2001:db8:ffff::1');
}

/** Opens the way from the source to the target. */
export function controlFlow({ addresses }: CheckSource, { address, protocol, port }: CheckTarget): NetworkFlow {
  const alone = (one: string) => `${one}/${familyOf(one) === 4 ? 32 : 128}`;
  return {
    from: addresses === undefined ? { kind: 'world' } : { kind: 'addresses', cidrs: addresses.map(alone) },
    to: { kind: 'addresses', cidrs: [alone(address)] },
    services: [{ protocol, ports: { from: port, to: port } }],
    text: 'control of the filtering check',
  };
}
