import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkOverlaps } from './overlaps.ts';

const internal = { subnets: ['10.20.0.0/16', 'fd20::/64'] };
const external = { subnets: ['192.0.2.0/24'], uplink: { interface: 'eth1' } };
const has = (ifname: string, ...locals: string[]) => ({
  ifname,
  addr_info: locals.map((local) => ({
    local,
    prefixlen: 24,
    family: local.includes(':') ? ('inet6' as const) : ('inet' as const),
    scope: 'global',
  })),
});

describe('a zone’s subnet', () => {
  test('in which the host has an address or a route is refused, with the place and a way out', () => {
    for (const [addresses, routes, said] of [
      [[has('eth0', '10.20.3.1')], [], /10\.20\.0\.0\/16 .* 10\.20\.3\.1\/24, .* on eth0: give/],
      [[has('eth0', 'fd20::7')], [], /fd20::\/64 .* fd20::7/],
      [[], [{ dst: '10.20.0.0/16', dev: 'eth0' }], /holds 10\.20\.0\.0\/16, which the host reaches by eth0/],
      [[], [{ dst: '10.20.7.0/24', dev: 'eth0', gateway: '192.0.2.9' }], /10\.20\.7\.0\/24/],
      [[], [{ dst: '10.20.7.1', dev: 'wg0' }], /10\.20\.7\.1, which the host reaches by wg0/],
      [[has('eth0', '192.0.2.7')], [], /192\.0\.2\.7/],
    ] as const)
      assert.throws(() => checkOverlaps([internal, external], addresses, routes), { code: 'conflict', message: said });
  });

  test('is not disturbed by wider routes, by its own uplink, by what we made, or by refusals of somebody’s', () => {
    checkOverlaps(
      [internal, external],
      [has('eth1', '192.0.2.5', 'fe80::1'), has('csgaaaaaaaaaa0', '10.20.0.1'), has('csb1', 'fd20::1'), has('eth0', '10.21.0.1')],
      [
        { dst: 'default', dev: 'eth0', gateway: '10.21.0.254' },
        { dst: '10.0.0.0/8', dev: 'eth0' },
        { dst: '192.0.2.0/24', dev: 'eth1', protocol: 'kernel' },
        { dst: '10.20.0.5', dev: 'csgaaaaaaaaaa0', protocol: '203' },
        { dst: '10.20.0.9', type: 'blackhole' },
        { dst: '10.20.0.0/16', type: 'prohibit', protocol: '202' },
      ],
    );
  });

  test('whose guests hide behind the host must not be the uplink’s own', () => {
    const hidden = { ...external, masquerade: true as const };
    assert.throws(() => checkOverlaps([hidden], [has('eth1', '192.0.2.5')], []), { code: 'conflict' });
  });
});
