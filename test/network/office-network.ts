// A site as large as many are, with flows as people write them: for figures.
import type { NetworkEnd, NetworkFlow, NetworkNic, NetworkState } from '../../src/model/network-state.ts';
import { exampleNetwork } from './example-network.ts';

const letters = 'abcdefghjk';
const alone = (nic: NetworkNic): NetworkEnd => ({
  kind: 'addresses',
  cidrs: nic.addresses.map((address) => `${address}/${address.includes(':') ? 128 : 32}`),
});
const tcp = (from: number, to = from) => ({ protocol: 'tcp', ports: { from, to } }) as const;
const udp = (port: number) => ({ protocol: 'udp', ports: { from: port, to: port } }) as const;
const zoneOf = (name: string): NetworkEnd => ({
  kind: 'addresses',
  cidrs: exampleNetwork.zones.find((zone) => zone.name === name)?.subnets ?? [],
});

/**
 * Pure. Half of the guests in a zone that the world knows, half in one that it does not, each with an address of both families: web servers with
 * databases behind them, names and mail for all, management from a few addresses of the world, monitoring of everybody.
 */
export function officeNetwork(guests: number): NetworkState {
  const nics = Array.from({ length: guests }, (_, index): NetworkNic => {
    const isExternal = index % 2 === 0;
    const guest = `g${String(index)
      .padStart(10, '0')
      .replaceAll(/\d/g, (digit) => letters[Number(digit)] ?? 'a')}`;
    const host = index + 10;
    return {
      guest,
      guestName: `guest${index}`,
      zone: isExternal ? 'external' : 'internal',
      tap: `cs${guest}0`,
      mac: `52:54:00:01:00:${host.toString(16).padStart(2, '0')}`,
      addresses: isExternal
        ? [`192.0.2.${host}`, `2001:db8:1::${host.toString(16)}`]
        : [`10.20.0.${host}`, `fd20:0:a14:5::${host.toString(16)}`],
    };
  });
  const [dns, mail, monitor] = nics as [NetworkNic, NetworkNic, NetworkNic];
  const world: NetworkEnd = { kind: 'world' };
  const all: NetworkEnd = { kind: 'addresses', cidrs: exampleNetwork.zones.flatMap((zone) => zone.subnets) };
  const admins: NetworkEnd = { kind: 'addresses', cidrs: ['203.0.113.0/28', '2001:db8:ffff::/64'] };
  const flow = (from: NetworkEnd, to: NetworkEnd, services: NetworkFlow['services'], text: string): NetworkFlow => ({
    from,
    to,
    services,
    text,
  });
  const pairs = nics.flatMap((nic, index) => {
    const behind = nics[index + 1];
    if (index % 2 === 1 || !behind) return [];
    return [
      flow(world, alone(nic), [tcp(80), tcp(443), { protocol: 'icmp' }], `world → guest${index}`),
      flow(alone(nic), alone(behind), [tcp(3306), tcp(9000, 9010 + index)], `guest${index} → guest${index + 1}`),
      flow(alone(behind), world, [tcp(443)], `guest${index + 1} → world`),
    ];
  });
  return {
    ...exampleNetwork,
    nics,
    flows: [
      ...pairs,
      flow(all, alone(dns), [udp(53), tcp(53)], 'all → guest0'),
      flow(zoneOf('internal'), alone(mail), [tcp(25)], 'zone:internal → guest1'),
      flow(alone(monitor), all, [tcp(9100), { protocol: 'icmp' }], 'guest2 → all'),
      flow(admins, all, [tcp(22)], 'admins → all'),
      { ...flow(world, alone(mail), [tcp(25)], 'world → guest1'), rate: { count: 20, per: 'second' } },
    ],
  };
}
