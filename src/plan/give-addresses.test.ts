import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSiteFile } from '../model/site-file.ts';
import type { Site } from '../model/site.ts';
import { giveAddresses } from './give-addresses.ts';

const site = (guests: string, zones = ''): Site => {
  const text = `version: 1
site: lab
zones:
  external: { subnets: [192.0.2.0/24, '2001:db8:1::/64'], uplink: { interface: eth1, gateway: 192.0.2.1 } }
  internal: { subnets: [10.20.0.0/29] }
${zones}
guests:
${guests.replaceAll('{ ', '{ image: debian-12, memory: 64MiB, disks: { root: 1GiB }, ')}`;
  const parsed = parseSiteFile(text, () => undefined);
  assert.ok('site' in parsed, JSON.stringify(parsed));
  return parsed.site;
};
const given = (wanted: Site, before: Record<string, string[]> = {}) =>
  Object.fromEntries(giveAddresses(wanted, new Map(Object.entries(before))));

test('each family of each nic’s zone gets an address; fixed ones, routers and published addresses are left out', () => {
  const wanted = site(
    '  a: { zone: external, addresses: [192.0.2.10] }\n  b: { zone: external }\n  c: { nics: [ {zone: external}, {zone: internal, addresses: [10.20.0.2]} ] }\n  d: { zone: internal }\n',
    '  shop: { subnets: [10.30.0.0/24], uplink: { interface: eth1 }, masquerade: true, publish: [] }',
  );
  assert.deepEqual(given(wanted), {
    a: [['192.0.2.10', '2001:db8:1::a']],
    b: [['192.0.2.11', '2001:db8:1::b']],
    c: [['192.0.2.12', '2001:db8:1::c'], ['10.20.0.2']],
    d: [['10.20.0.3']],
  });
});

test('an address from the pool is kept for the guest’s life, whoever comes before it', () => {
  const before = { b: ['192.0.2.10', '2001:db8:1::99'] };
  assert.deepEqual(given(site('  a: { zone: external }\n  b: { zone: external }\n'), before), {
    a: [['192.0.2.11', '2001:db8:1::a']],
    b: [['192.0.2.10', '2001:db8:1::99']],
  });
});

test('guests that move to one zone at once get different addresses', () => {
  const before = { a: ['10.20.0.3'], b: ['10.20.0.4'] };
  const addresses = Object.values(given(site('  a: { zone: external }\n  b: { zone: external }\n'), before)).flat(2);
  assert.equal(new Set(addresses).size, 4);
});

test('a zone with other subnets gives its guests other addresses', () => {
  assert.deepEqual(given(site('  a: { zone: internal }\n'), { a: ['10.99.0.3'] }), { a: [['10.20.0.2']] });
});

test('an address that a guest has from the pool is not given away behind its back', () => {
  const wanted = site('  a: { zone: internal, addresses: [10.20.0.3] }\n  b: { zone: internal }\n');
  assert.throws(() => given(wanted, { b: ['10.20.0.3'] }), {
    code: 'conflict',
    message:
      '10.20.0.3 cannot be for guest “a”: guest “b” has it from the pool of zone “internal”; choose another address, or give guest “b” a fixed one',
  });
});

test('a pool that is empty is named', () => {
  const wanted = site(
    '  a: { zone: internal, addresses: [10.20.0.2, 10.20.0.3] }\n  b: { zone: internal, addresses: [10.20.0.4, 10.20.0.5] }\n  c: { zone: internal }\n',
  );
  const full: Site = { ...wanted, guests: { ...wanted.guests, d: { ...(wanted.guests['c'] as Site['guests'][string]) } } };
  assert.throws(() => given(full), {
    code: 'no-capacity',
    message: /zone “internal” has no free IPv4 address for guest “d” \(10\.20\.0\.0\/29 is full\)/,
  });
});
