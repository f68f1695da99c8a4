// The network of a small laboratory, IPv4 and IPv6, with flows of every kind that overlap as people's do: for goldens and trials.
import type { NetworkEnd, NetworkNic, NetworkState } from '../../src/model/network-state.ts';

const range = (...cidrs: string[]): NetworkEnd => ({ kind: 'addresses', cidrs });
const world: NetworkEnd = { kind: 'world' };
const tcp = (from: number, to = from) => ({ protocol: 'tcp', ports: { from, to } }) as const;
const udp = (from: number, to = from) => ({ protocol: 'udp', ports: { from, to } }) as const;

const nic = (guestName: string, zone: string, number: number, addresses: string[]): NetworkNic => {
  const guest = `g${'abcdefghjk'.slice(0, 9)}${number}`;
  return { guest, guestName, zone, tap: `cs${guest}0`, mac: `52:54:00:00:00:0${number}`, addresses };
};

export const exampleNics = {
  web: nic('web', 'external', 2, ['192.0.2.10', '192.0.2.11', '2001:db8:1::10']),
  dns: nic('dns', 'external', 3, ['192.0.2.20', '2001:db8:1::20']),
  database: nic('database', 'internal', 4, ['10.20.0.5', 'fd20:0:a14:5::5']),
  app: nic('app', 'internal', 5, ['10.20.0.6', 'fd20:0:a14:5::6']),
};

const web = range('192.0.2.10/32', '192.0.2.11/32', '2001:db8:1::10/128');
const dns = range('192.0.2.20/32', '2001:db8:1::20/128');
const database = range('10.20.0.5/32', 'fd20:0:a14:5::5/128');
const app = range('10.20.0.6/32', 'fd20:0:a14:5::6/128');
const external = range('192.0.2.0/24', '2001:db8:1::/64');

export const exampleNetwork: NetworkState = {
  site: 'lab',
  zones: [
    {
      name: 'external',
      index: 0,
      subnets: ['192.0.2.0/24', '2001:db8:1::/64'],
      gateways: ['192.0.2.1', 'fe80::1'],
      hostAddresses: ['169.254.64.1', '2001:db8:1::ca15:5'],
      uplink: { interface: 'eth1', gateway: '192.0.2.1', gateway6: '2001:db8:1::1' },
    },
    {
      name: 'internal',
      index: 1,
      // Where a header of IPv4 has its sender, a sender of this prefix has the address 10.20.0.5, which is a guest's.
      subnets: ['10.20.0.0/16', 'fd20:0:a14:5::/64'],
      gateways: ['10.20.0.1', 'fe80::1'],
      hostAddresses: ['10.20.0.1', 'fd20:0:a14:5::1'],
    },
  ],
  nics: Object.values(exampleNics),
  flows: [
    { from: world, to: web, services: [tcp(80), tcp(443), { protocol: 'icmp' }], text: 'world → web: tcp/80, tcp/443, icmp' },
    { from: web, to: database, services: [tcp(3306)], text: 'web → database: tcp/3306' },
    { from: external, to: dns, services: [udp(53), tcp(53)], text: 'zone:external → dns: udp/53, tcp/53' },
    { from: web, to: dns, services: [udp(53)], text: 'web → dns: udp/53' },
    { from: range('192.0.2.10/32'), to: external, services: [udp(50, 60)], text: '192.0.2.10/32 → zone:external: udp/50-60' },
    { from: app, to: world, services: [tcp(25)], text: 'app → world: tcp/25' },
    { from: range('203.0.113.0/24', '2001:db8:ffff::/48'), to: database, services: [tcp(22)], text: '203.0.113.0/24 → database: tcp/22' },
    { from: app, to: { kind: 'host' }, services: [udp(123)], text: 'app → host: udp/123' },
    { from: app, to: database, services: [{ protocol: 'icmp' }], text: 'app → database: icmp' },
  ],
  publications: [],
};
