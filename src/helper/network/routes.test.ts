import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { planRoutes } from './routes.ts';

const sealed = { subnets: ['10.20.0.0/16', 'fd20::/64'] };
const external = { subnets: ['192.0.2.0/24', '2001:db8:1::/64'], uplink: { interface: 'eth1', gateway: '192.0.2.1' } };
const second = { subnets: ['198.51.100.0/24'], uplink: { interface: 'eth2', gateway: '198.51.100.1' } };

describe('routes of zones', () => {
  test('in a namespace of our own with one router need no rules', () => {
    const { routes, rules } = planRoutes([external, sealed], 4, true);
    assert.deepEqual(rules, []);
    assert.deepEqual(
      routes.map(({ type = 'unicast', dst, dev = '' }) => `${type} ${dst} ${dev}`.trim()),
      ['unicast 192.0.2.0/24 eth1', 'prohibit 10.20.0.0/16', 'unicast default eth1', 'prohibit default'],
    );
  });

  test('on the host’s own network leave its way out alone', () => {
    const { routes, rules } = planRoutes([external, sealed], 4, false);
    assert.ok(routes.every(({ dst, table }) => dst !== 'default' || table === '20200'));
    assert.deepEqual(
      rules.map(({ src, table }) => `${src} ${table}`),
      ['192.0.2.0 main', '192.0.2.0 20200', '10.20.0.0 main', '10.20.0.0 20200'],
    );
  });

  test('with several routers send each zone by its own, and zones without one by the first', () => {
    const { routes, rules } = planRoutes([sealed, external, second], 4, true);
    const tableOf = (subnet: string) => rules.find(({ src, table }) => src === subnet && table !== 'main')?.table;
    const wayOf = (subnet: string) => routes.find(({ table }) => table === tableOf(subnet))?.gateway;
    assert.deepEqual(['10.20.0.0', '192.0.2.0', '198.51.100.0'].map(wayOf), ['192.0.2.1', '192.0.2.1', '198.51.100.1']);
  });

  test('of a family without a router lead nowhere but to guests', () => {
    const { routes, rules } = planRoutes([external, sealed], 6, true);
    assert.deepEqual(rules, []);
    assert.ok(routes.every(({ dst, type }) => dst !== 'default' || type === 'prohibit'));
  });
});
