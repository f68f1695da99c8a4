// Random networks for property tests: few zones and addresses, so that flows overlap and points hit.
import fc from 'fast-check';
import type { NetworkEnd, NetworkFlow, NetworkNic, NetworkState, NetworkZone } from '../../src/model/network-state.ts';

export const trialZones: NetworkZone[] = [
  {
    name: 'external',
    index: 0,
    subnets: ['192.0.2.0/28', '2001:db8:1::/64'],
    gateways: ['192.0.2.1', 'fe80::1'],
    hostAddresses: ['169.254.64.1', '2001:db8:1::ca15:5'],
    uplink: { interface: 'eth1' },
  },
  {
    name: 'internal',
    index: 1,
    subnets: ['10.20.0.0/28', 'fd20:0:a14:5::/64'],
    gateways: ['10.20.0.1', 'fe80::1'],
    hostAddresses: ['10.20.0.1', 'fd20:0:a14:5::1'],
  },
  { name: 'lab', index: 2, subnets: ['10.21.0.0/28'], gateways: ['10.21.0.1'], hostAddresses: ['10.21.0.1'] },
];

const guestAddresses = trialZones.flatMap((zone) =>
  zone.subnets.flatMap((subnet) =>
    [4, 5, 6].map((host) => ({
      zone: zone.name,
      address: subnet.replace(/(0|::)\/\d+$/, (_, base: string) => (base === '::' ? `::${host}` : String(host))),
    })),
  ),
);

/** Addresses of every kind: of guests, of the host, free ones in zones, of others. */
export const trialAddresses = [
  ...guestAddresses.map(({ address }) => address),
  ...trialZones.flatMap((zone) => zone.hostAddresses),
  '192.0.2.1',
  '192.0.2.9',
  '10.20.0.9',
  '203.0.113.9',
  '198.51.100.7',
  '2001:db8:1::9',
  'fd20:0:a14:5::9',
  '2001:db8:ffff::9',
];

const cidrs = [
  ...guestAddresses.map(({ address }) => (address.includes(':') ? `${address}/128` : `${address}/32`)),
  ...trialZones.flatMap((zone) => zone.subnets),
  '203.0.113.0/24',
  '0.0.0.0/0',
  '10.0.0.0/8',
  '192.0.2.4/30',
  '192.0.0.0/16',
  '2001:db8:ffff::/48',
  '2001:db8::/32',
  '::/0',
];

const end = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .uniqueArray(fc.constantFrom(...cidrs), { minLength: 1, maxLength: 4 })
      .map((list): NetworkEnd => ({ kind: 'addresses', cidrs: list })),
  },
  { weight: 1, arbitrary: fc.constantFrom<NetworkEnd>({ kind: 'world' }, { kind: 'host' }) },
);

const ports = fc.tuple(fc.nat(6), fc.nat(6)).map(([a, b]) => ({ from: 50 + Math.min(a, b), to: 50 + Math.max(a, b) }));

const flow = fc
  .record({
    from: end,
    to: end,
    services: fc.array(
      fc.oneof(fc.record({ protocol: fc.constantFrom('tcp' as const, 'udp' as const), ports }), fc.constant({ protocol: 'icmp' as const })),
      { minLength: 1, maxLength: 3 },
    ),
    number: fc.nat(1000),
  })
  .map(({ number, ...rest }): NetworkFlow => ({ ...rest, text: `flow ${number}` }));

const nics = fc.subarray(guestAddresses).map((chosen) =>
  chosen.map(({ zone, address }, index): NetworkNic => ({
    guest: `gaaaaaaaa${String.fromCodePoint(97 + index)}x`,
    guestName: `guest${index}`,
    zone,
    tap: `csgaaaaaaaa${String.fromCodePoint(97 + index)}x0`,
    mac: `52:54:00:00:00:${(16 + index).toString(16)}`,
    addresses: [address],
  })),
);

export const arbitraryNetwork: fc.Arbitrary<NetworkState> = fc.record({
  site: fc.constant('lab'),
  zones: fc.constant(trialZones),
  nics,
  flows: fc.array(flow, { maxLength: 12 }),
  publications: fc.constant([]),
});

/** The same state, its lists in another order. */
export function shuffled(state: NetworkState, keys: Iterator<number>): NetworkState {
  const shuffle = <T>(list: T[]): T[] =>
    list
      .map((item) => ({ item, key: keys.next().value as number }))
      .toSorted((a, b) => a.key - b.key)
      .map(({ item }) => item);
  return { ...state, zones: shuffle(state.zones), nics: shuffle(state.nics), flows: shuffle(state.flows) };
}
