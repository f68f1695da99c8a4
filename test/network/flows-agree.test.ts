// The sets that the rules look packets up in, and the verdict on flows that checks take their expectations from, are derived
// separately: on random networks they must agree on every point tried.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AddressRanges } from '../../src/drivers/nftables/address-range.ts';
import { type FlowSet, type Path, renderFlows } from '../../src/drivers/nftables/render-flows.ts';
import { addressToBigInt, cidrBounds, parseCidr } from '../../src/model/address.ts';
import type { NetworkState } from '../../src/model/network-state.ts';
import { isAllowed } from '../../src/plan/reachability.ts';
import { arbitraryNetwork, trialAddresses } from './arbitrary-network.ts';

test('rendered sets and the verdict on flows agree', () => {
  fc.assert(
    fc.property(
      arbitraryNetwork,
      fc.array(
        fc.record({
          from: fc.constantFrom(...trialAddresses),
          to: fc.constantFrom(...trialAddresses),
          protocol: fc.constantFrom('tcp' as const, 'udp' as const, 'icmp' as const),
          port: fc.integer({ min: 49, max: 57 }),
        }),
        { minLength: 40, maxLength: 40 },
      ),
      (state, points) => {
        const { sets } = renderFlows(state, new AddressRanges());
        for (const { from, to, protocol, port } of points) {
          if (from.includes(':') !== to.includes(':')) continue;
          const isGuest = (address: string) => state.nics.some((nic) => nic.addresses.includes(address));
          const isOwn = (address: string) => state.zones.some((zone) => zone.hostAddresses.includes(address));
          if (isOwn(from) || isOwn(to)) continue;
          const path = pathOf(state, isGuest(from), isGuest(to), from, to);
          const expected = path !== undefined && sets.some((set) => set.path === path && holds(set, from, to, protocol, port));
          const { allowed } = isAllowed(state, {
            from: { kind: isGuest(from) ? 'guest' : 'world', address: from },
            to: { address: to },
            protocol,
            port,
          });
          assert.equal(allowed, expected, `${from} → ${to} ${protocol}/${port}`);
        }
      },
    ),
    { numRuns: 200, seed: 1 },
  );
});

function pathOf(state: NetworkState, fromGuest: boolean, toGuest: boolean, from: string, to: string): Path | undefined {
  const sealed = (address: string) => state.zones.some((zone) => !zone.uplink && zone.subnets.some((subnet) => within(subnet, address)));
  if (fromGuest && toGuest) return 'between';
  if (!fromGuest && toGuest) return sealed(from) ? undefined : 'entering';
  if (fromGuest && !toGuest) return sealed(to) ? undefined : 'leaving';
  return undefined;
}

function holds(set: FlowSet, from: string, to: string, protocol: string, port: number): boolean {
  return set.elements.some((element) => {
    const [source = '', destination = '', third = '', ports = ''] = element.replace(/ comment ".*"$/, '').split(' . ');
    const serves = {
      ports: third === protocol && withinPorts(ports, port),
      echo: protocol === 'icmp',
      type: false,
      number: third === numbers[protocol],
    };
    return within(source, from) && within(destination, to) && serves[set.holds];
  });
}

const numbers: Record<string, string> = { tcp: '6', udp: '17' };

function within(range: string, address: string): boolean {
  if (range.includes(':') !== address.includes(':')) return false;
  const value = addressToBigInt(address);
  const [first = '', last = first] = range.split('-');
  const cidr = parseCidr(range);
  const bounds = cidr ? cidrBounds(cidr) : { first: addressToBigInt(first), last: addressToBigInt(last) };
  return value >= bounds.first && value <= bounds.last;
}

function withinPorts(text: string, port: number): boolean {
  const [first = '', last = first] = text.split('-');
  return port >= Number(first) && port <= Number(last);
}
