import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { planRoutes } from './routes.ts';

const sealed = { subnets: ['10.20.0.0/16', 'fd20::/64'] };
const external = { subnets: ['192.0.2.0/24', '2001:db8:1::/64'], uplink: { interface: 'eth1', gateway: '192.0.2.1' } };
const second = { subnets: ['198.51.100.0/24'], uplink: { interface: 'eth2', gateway: '198.51.100.1' } };

const stopsAll = [
  { src: 'all', priority: 20_100, fwmark: '0xca150000', table: 'main' },
  { src: 'all', priority: 20_101, iif: 'lo', table: 'main' },
  { src: 'all', priority: 20_102, action: 'blackhole' },
];

describe('routes of zones', () => {
  test('in a namespace of our own with one router need no rules but the one that stops what the filter has not seen', () => {
    const { routes, rules } = planRoutes([external, sealed], 4, true);
    assert.deepEqual(rules, stopsAll);
    assert.deepEqual(
      routes.map(({ type = 'unicast', dst, dev = '' }) => `${type} ${dst} ${dev}`.trim()),
      ['unicast 192.0.2.0/24 eth1', 'prohibit 10.20.0.0/16', 'unicast default eth1', 'prohibit default'],
    );
  });

  test('on the host’s own network leave its way out alone', () => {
    const { routes, rules } = planRoutes([external, sealed], 4, false);
    assert.ok(routes.every(({ dst, table }) => dst !== 'default' || table === '20200'));
    assert.deepEqual(
      rules.flatMap(({ src, table }) => (table === undefined ? [] : [`${src} ${table}`])),
      ['192.0.2.0 main', '192.0.2.0 20200', '10.20.0.0 main', '10.20.0.0 20200'],
    );
  });

  test('on the host’s own network stop what the filter has not seen from and to guests only', () => {
    const { rules } = planRoutes([sealed], 4, false);
    assert.deepEqual(
      rules.map(({ src, dst = '', fwmark = '', iif = '', goto, action = 'nop' }) => [src, dst, fwmark, iif, goto ?? action].join(' ')),
      [
        'all    nop',
        '10.20.0.0  0xca150000  20150',
        '10.20.0.0   lo 20150',
        '10.20.0.0    blackhole',
        'all 10.20.0.0 0xca150000  20150',
        'all 10.20.0.0  lo 20150',
        'all 10.20.0.0   blackhole',
      ],
    );
  });

  test('of a zone that leaves with the host’s address are its own subnets, and its way out is the host’s', () => {
    const masked = { subnets: ['10.30.0.0/24'], uplink: { interface: 'eth1' }, masquerade: true as const };
    const { routes, rules } = planRoutes([masked, second], 4, false);
    assert.deepEqual(routes[0], { type: 'prohibit', dst: '10.30.0.0/24', metric: 4096 });
    assert.ok(!rules.some(({ src, table }) => src === '10.30.0.0' && table !== undefined));
  });

  test('to published addresses that are not the host’s lead to the host, so that it answers for them', () => {
    const { routes } = planRoutes([external], 4, true, ['192.0.2.50', '2001:db8:1::50']);
    assert.deepEqual(
      routes.filter(({ dev }) => dev === 'lo').map(({ dst }) => dst),
      ['192.0.2.50'],
    );
  });

  test('with several routers send each zone by its own, and zones without one by the first', () => {
    const { routes, rules } = planRoutes([sealed, external, second], 4, true);
    const tableOf = (subnet: string) => rules.find(({ src, table }) => src === subnet && table !== undefined && table !== 'main')?.table;
    const wayOf = (subnet: string) => routes.find(({ table }) => table === tableOf(subnet))?.gateway;
    assert.deepEqual(['10.20.0.0', '192.0.2.0', '198.51.100.0'].map(wayOf), ['192.0.2.1', '192.0.2.1', '198.51.100.1']);
  });

  test('of a family without a router lead nowhere but to guests', () => {
    const { routes, rules } = planRoutes([external, sealed], 6, true);
    assert.deepEqual(rules, stopsAll);
    assert.ok(routes.every(({ dst, type }) => dst !== 'default' || type === 'prohibit'));
  });
});
