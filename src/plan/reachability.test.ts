import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { kindsOfZones } from '../../test/network/kinds-of-zones.ts';
import type { NetworkState } from '../model/network-state.ts';
import { type Attempt, between, isAllowed } from './reachability.ts';

const from = (address: string): Attempt['from'] => {
  const isGuest = kindsOfZones.nics.some((nic) => nic.addresses.includes(address));
  return { kind: isGuest ? 'guest' : 'world', address };
};
const attempt = (sender: string, to: string, service: Partial<Attempt>): boolean =>
  isAllowed(kindsOfZones, { from: from(sender), to: { address: to }, protocol: 'tcp', port: 0, ...service }).allowed;

const [front, desk, left, right, far] = ['192.0.2.30', '10.30.0.5', '10.40.0.5', '10.40.0.6', '203.0.113.9'];

describe('who may reach whom', () => {
  test('whoever is behind the host’s address is entered by publications only, from whom they are for', () => {
    assert.equal(attempt(far, desk, { port: 22 }), false);
    assert.equal(attempt(far, '192.0.2.50', { port: 443 }), true);
    assert.equal(attempt(far, '192.0.2.50', { port: 444 }), false);
    assert.equal(attempt(far, '192.0.2.50', { port: 2222 }), true);
    for (const [port, allowed] of [
      [7999, false],
      [8000, true],
      [8010, true],
      [8011, false],
      [7002, true],
      [9000, false],
    ] as const)
      assert.equal(attempt(far, '192.0.2.50', { port }), allowed, String(port));
    assert.equal(attempt(far, '192.0.2.50', { port: 8005, protocol: 'udp' }), false);
    assert.equal(attempt('198.51.100.7', '192.0.2.50', { port: 2222 }), false);
    assert.equal(attempt(front, '192.0.2.50', { port: 443 }), false);
    assert.deepEqual(between(kindsOfZones, from(far), desk), { kind: 'nothing', why: 'behind-the-hosts-address' });
  });

  test('ICMP types and protocols are allowed by their number, in the family that has them', () => {
    for (const [type, allowed] of [
      [13, true],
      [3, true],
      [8, false],
      [1, false],
    ] as const)
      assert.equal(attempt(far, front, { protocol: 'icmp', type }), allowed, `icmp ${type}`);
    assert.equal(attempt('2001:db8:ffff::9', '2001:db8:1::30', { protocol: 'icmp', type: 1 }), true);
    assert.equal(attempt('2001:db8:ffff::9', '2001:db8:1::30', { protocol: 'icmp', type: 13 }), false);
    assert.equal(attempt(far, front, { protocol: 'other', number: 47 }), true);
    assert.equal(attempt(far, front, { protocol: 'other', number: 50 }), false);
  });

  test('the host serves names, leases and echoes, and nothing else but by a flow', () => {
    const host = '10.40.0.1';
    assert.equal(attempt(left, host, { port: 53 }), true);
    assert.equal(attempt(left, host, { protocol: 'udp', port: 67 }), true);
    assert.equal(attempt(left, host, { protocol: 'icmp' }), true);
    assert.equal(attempt(left, host, { protocol: 'icmp', type: 13 }), false);
    assert.equal(attempt(left, host, { protocol: 'other', number: 53 }), false);
    assert.equal(attempt(left, host, { protocol: 'udp', port: 123 }), true);
    assert.equal(attempt(right, host, { protocol: 'udp', port: 123 }), false);
  });

  test('an address of this machine, of a link or of a group is no address of the world', () => {
    assert.equal(attempt(desk, far, { port: 25 }), true);
    for (const to of ['127.0.0.1', '169.254.169.254', '224.0.0.1', '255.255.255.255', '0.0.0.0'])
      assert.equal(attempt(desk, to, { port: 25 }), false, to);
    assert.equal(attempt('169.254.1.1', front, { port: 80 }), false);
  });

  test('on a shared wire a flow that is counted or written down allows nothing', () => {
    const ends = (address: string) => ({ kind: 'addresses' as const, cidrs: [`${address}/32`] });
    const services = [{ protocol: 'tcp' as const, ports: { from: 90, to: 90 } }];
    const counted: NetworkState = {
      ...kindsOfZones,
      flows: [{ from: ends(left), to: ends(right), services, log: true, text: 'left → right: tcp/90' }],
    };
    const asked = { from: from(left), to: { address: right }, protocol: 'tcp', port: 90 } as const;
    assert.equal(isAllowed(counted, asked).allowed, false);
    const apart = structuredClone(counted);
    for (const zone of apart.zones) delete zone.bridged;
    assert.equal(isAllowed(apart, asked).allowed, true);
  });
});
