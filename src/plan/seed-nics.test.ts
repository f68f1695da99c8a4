import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkOf, plainGuest } from '../../test/network/site-network.ts';
import type { SeedNic } from '../model/seed-nic.ts';
import { seedNics } from './seed-nics.ts';

const { state, records } = networkOf(`version: 1
site: lab
zones:
  external: { subnets: [192.0.2.0/24], uplink: { interface: eth1, gateway: 192.0.2.1 } }
  six: { subnets: ['2001:db8:1::/64'], uplink: { interface: eth1, gateway6: fe80::9 } }
  internal: { subnets: [10.20.0.0/16, 'fd20::/64'] }
guests:
${plainGuest('web', 'zone: internal, addresses: [10.20.0.10, 10.20.0.11]')}${plainGuest('gate', 'nics: [{ zone: external }, { zone: internal }, { zone: six }]')}`);

const seed = (name: string) => seedNics(records.find((record) => record.name === name) ?? assert.fail(), state.zones, 'lab');
const ways = ({ routes }: SeedNic) => routes.map(({ to, via = 'link', table = 'main' }) => `${to} ${via} ${table}`);

test('one nic has every address fixed, its router and its name server, and nothing else', () => {
  const [nic, ...others] = seed('web');
  assert.deepEqual(others, []);
  assert.deepEqual(nic?.addresses, ['10.20.0.10/16', '10.20.0.11/16', 'fd20::a/128']);
  assert.deepEqual(ways(nic), ['0.0.0.0/0 10.20.0.1 main', '::/0 fe80::1 main']);
  assert.deepEqual([nic.rules, nic.searchDomains, nic.nameServers], [[], ['internal.lab'], ['10.20.0.1', 'fd20::1']]);
});

test('of several nics the first of each family is the way out, and each answers by itself', () => {
  const [external, internal, six] = seed('gate') as [SeedNic, SeedNic, SeedNic];
  assert.deepEqual(ways(external), ['0.0.0.0/0 192.0.2.1 main', '192.0.2.0/24 link 101', '0.0.0.0/0 192.0.2.1 101']);
  assert.deepEqual(external.rules, [{ from: '192.0.2.10', table: 101 }]);
  assert.deepEqual(ways(internal), ['::/0 fe80::1 main', '10.20.0.0/16 link 102', '0.0.0.0/0 10.20.0.1 102', '::/0 fe80::1 102']);
  assert.deepEqual(internal.rules, [
    { from: '10.20.0.12', table: 102 },
    { from: 'fd20::b', table: 102 },
  ]);
  assert.deepEqual(ways(six), ['2001:db8:1::/64 fe80::1 main', '::/0 fe80::1 103']);
});
