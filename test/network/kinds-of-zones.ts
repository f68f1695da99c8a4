// A network with every kind of zone: the institution's own wire, behind the host's address with ports published, and one shared wire.
import type { NetworkEnd, NetworkNic, NetworkState } from '../../src/model/network-state.ts';
import { exampleNetwork } from './example-network.ts';

const range = (...cidrs: string[]): NetworkEnd => ({ kind: 'addresses', cidrs });
const tcp = (from: number, to = from) => ({ protocol: 'tcp', ports: { from, to } }) as const;
const udp = (from: number, to = from) => ({ protocol: 'udp', ports: { from, to } }) as const;

const nic = (guestName: string, zone: string, number: number, addresses: string[], index = 0): NetworkNic => {
  const guest = `gzzzzzzzzz${number}`;
  return { guest, guestName, zone, tap: `cs${guest}${index}`, mac: `52:54:00:00:01:${number}${index}`, addresses };
};

export const kindsNics = {
  front: nic('front', 'external', 2, ['192.0.2.30', '2001:db8:1::30']),
  desk: nic('desk', 'office', 3, ['10.30.0.5', 'fd30::5']),
  printer: nic('printer', 'office', 4, ['10.30.0.6', 'fd30::6']),
  left: nic('left', 'shared', 5, ['10.40.0.5', 'fd40::5']),
  right: nic('right', 'shared', 6, ['10.40.0.6', 'fd40::6']),
  lonely: nic('lonely', 'shared', 7, ['10.40.0.7', 'fd40::7']),
};

/** Addresses on the uplink: the host's own, and one that it takes because a port of it is published. */
export const hostOnWire = { own: '192.0.2.2', own6: '2001:db8:1::2', taken: '192.0.2.50', taken6: '2001:db8:1::50' };

const desk = range('10.30.0.5/32', 'fd30::5/128');
const shared = range('10.40.0.0/24', 'fd40::/64');
const left = range('10.40.0.5/32', 'fd40::5/128');
const right = range('10.40.0.6/32', 'fd40::6/128');
const office = range('10.30.0.0/24', 'fd30::/64');

export const kindsOfZones: NetworkState = {
  site: 'lab',
  zones: [
    ...exampleNetwork.zones.slice(0, 1),
    {
      name: 'office',
      index: 2,
      subnets: ['10.30.0.0/24', 'fd30::/64'],
      gateways: ['10.30.0.1', 'fe80::1'],
      hostAddresses: ['10.30.0.1', 'fd30::1'],
      uplink: { interface: 'eth1', gateway: '192.0.2.1', gateway6: '2001:db8:1::1' },
      masquerade: true,
    },
    {
      name: 'shared',
      index: 3,
      subnets: ['10.40.0.0/24', 'fd40::/64'],
      gateways: ['10.40.0.1', 'fe80::1'],
      hostAddresses: ['10.40.0.1', 'fd40::1'],
      bridged: true,
    },
  ],
  nics: Object.values(kindsNics),
  flows: [
    { from: office, to: { kind: 'world' }, services: [tcp(25), udp(53), { protocol: 'icmp' }], text: 'zone:office → world' },
    { from: { kind: 'world' }, to: desk, services: [tcp(22)], text: 'world → desk: tcp/22' },
    { from: left, to: right, services: [tcp(80), udp(514), { protocol: 'icmp' }], text: 'left → right' },
    { from: shared, to: shared, services: [udp(5353)], text: 'zone:shared → zone:shared: udp/5353' },
    { from: left, to: desk, services: [tcp(631)], text: 'left → desk: tcp/631' },
    { from: desk, to: left, services: [tcp(9100)], text: 'desk → left: tcp/9100' },
    { from: left, to: { kind: 'host' }, services: [udp(123)], text: 'left → host: udp/123' },
    {
      from: { kind: 'world' },
      to: range('192.0.2.30/32', '2001:db8:1::30/128'),
      services: [tcp(80)],
      rate: { count: 5, per: 'minute' },
      log: true,
      text: 'world → front: tcp/80',
    },
    {
      from: { kind: 'world' },
      to: range('192.0.2.30/32', '2001:db8:1::30/128'),
      services: [
        { protocol: 'icmp', types: { v4: 13, v6: null } },
        { protocol: 'icmp', types: { v4: 3, v6: 1 } },
        { protocol: 'other', number: 47 },
      ],
      text: 'world → front: icmp/13, icmp/3, proto/47',
    },
  ],
  publications: [
    publish('tcp', hostOnWire.taken, 443, '10.30.0.5', 8443),
    publish('tcp', hostOnWire.taken, 2222, '10.30.0.5', 2022, ['203.0.113.0/24']),
    publish('tcp', hostOnWire.own, 8080, '10.30.0.6', 80),
    publish('udp', hostOnWire.taken, 5353, '10.30.0.5', 53),
    publish('tcp', hostOnWire.taken6, 443, 'fd30::5', 8443),
    publish('tcp', hostOnWire.taken, [8000, 8010], '10.30.0.5', 8000),
    publish('tcp', hostOnWire.taken, [7000, 7002], '10.30.0.6', 9000, ['203.0.113.0/24']),
    publish('udp', hostOnWire.taken, [6000, 6001], '10.30.0.5', 6000),
    publish('tcp', hostOnWire.taken6, [8000, 8010], 'fd30::6', 8000),
  ],
};

function publish(
  protocol: 'tcp' | 'udp',
  listen: string,
  ports: number | [number, number],
  address: string,
  port: number,
  from: string[] = [],
) {
  const [first, last] = typeof ports === 'number' ? [ports, ports] : ports;
  const text = `publish ${listen}:${first === last ? first : `${first}-${last}`}`;
  return { protocol, listen, ports: { from: first, to: last }, to: { address, port }, from, uplink: 'eth1', text };
}
