import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { NetworkNic, NetworkState } from '../model/network-state.ts';
import { controlFlow, isExpectedOpen } from './check-expectation.ts';
import { type CheckEnd, planTargets } from './check-targets.ts';
import { planProbe } from './zone-probe.ts';

const nic = (name: string, zone: string, addresses: string[]): NetworkNic => ({
  guest: `g${name}`,
  guestName: name,
  zone,
  tap: `csg${name}0`,
  mac: '52:54:00:00:00:01',
  addresses,
});
const web = nic('web', 'outer', ['192.0.2.10', '192.0.2.11', '2001:db8:1::10']);
const database = nic('database', 'inner', ['10.20.0.6']);
const state: NetworkState = {
  site: 'lab',
  zones: [
    {
      name: 'outer',
      index: 0,
      subnets: ['192.0.2.0/24', '2001:db8:1::/64'],
      gateways: ['192.0.2.1', 'fe80::1'],
      hostAddresses: ['169.254.64.0', '2001:db8:1::ca15:5'],
      uplink: { interface: 'eth1', vlan: 20, gateway: '192.0.2.1' },
    },
    { name: 'inner', index: 1, subnets: ['10.20.0.0/29'], gateways: ['10.20.0.1'], hostAddresses: ['10.20.0.1'] },
  ],
  nics: [web, database],
  flows: [
    {
      from: { kind: 'addresses', cidrs: ['192.0.2.10/32'] },
      to: { kind: 'addresses', cidrs: ['10.20.0.0/29'] },
      services: [{ protocol: 'tcp', ports: { from: 7000, to: 7100 } }, { protocol: 'icmp' }],
      text: 'web → inner',
    },
    {
      from: { kind: 'addresses', cidrs: ['10.20.0.6/32'] },
      to: { kind: 'world' },
      services: [{ protocol: 'tcp', ports: { from: 25, to: 25 } }],
      text: '',
    },
  ],
  publications: [
    {
      protocol: 'tcp',
      listen: '203.0.113.1',
      ports: { from: 443, to: 443 },
      to: { address: '10.20.0.6', port: 8443 },
      from: ['198.51.100.0/24'],
      uplink: 'eth1.20',
      text: '',
    },
  ],
};
const ends: CheckEnd[] = [
  { name: 'web', nics: [web], ports: ['tcp/80', 'icmp'] },
  { name: 'database', nics: [database], ports: ['tcp/3306-3310'] },
];
const input = { state, ends, world: ['192.0.2.1'], own: [], extraPorts: ['udp/161'] };

describe('targets of the filtering check', () => {
  const spell = (source: string) =>
    planTargets(input)(source).map(({ to, address, protocol, port }) => `${to} ${address} ${protocol}/${port}`);

  test('are one address of each family of every nic, on declared ports, those of flows, and what people forget', () => {
    const found = spell('web');
    for (const expected of ['tcp/3306', 'tcp/3310', 'tcp/7000', 'tcp/7100', 'tcp/22', 'udp/161', 'tcp/80'])
      assert.ok(found.includes(`database 10.20.0.6 ${expected}`), expected);
    assert.ok(spell('database').includes('web 2001:db8:1::10 tcp/80'));
    assert.ok(!spell('database').some((line) => line.includes('192.0.2.11')));
    assert.ok(!found.some((line) => line.startsWith('web')));
    assert.equal(new Set(found).size, found.length);
  });

  test('are the host’s addresses of the own zone and ours in the world; from the world, what is published', () => {
    assert.ok(spell('web').includes('host 169.254.64.0 udp/161'));
    assert.ok(!spell('web').includes('host 10.20.0.1 udp/161'));
    assert.ok(spell('database').includes('world 192.0.2.1 tcp/25'));
    assert.ok(spell('world').includes('database 203.0.113.1 tcp/443'));
    assert.ok(!spell('world').some((line) => /^(host|world) /.test(line)));
  });

  test('at an address of the host’s own are what is published there for all, and nothing that is the host’s affair', () => {
    const everywhere = { ...state.publications[0], from: [], ports: { from: 8443, to: 8450 } } as (typeof state.publications)[0];
    const published = { ...state, publications: [...state.publications, everywhere] };
    const at = (own: string[]) =>
      planTargets({ ...input, state: published, own })('world').flatMap(({ address, port }) => (address === '203.0.113.1' ? [port] : []));
    // Of a range both ends.
    assert.deepEqual(at(['203.0.113.1']), [8443, 8450]);
    for (const port of [443, 8443, 8450, 22]) assert.ok(at([]).includes(port), String(port));
  });

  test('are bounded: of a hundred guests all declared ports are tried, and of the others some, not the same from everywhere', () => {
    const many = Array.from({ length: 100 }, (_, index): CheckEnd => {
      const name = `g${String(index).padStart(3, '0')}`;
      return { name, nics: [nic(name, 'inner', [`10.30.0.${index + 1}`])], ports: [`tcp/${1000 + index}`, 'tcp/80'] };
    });
    const from = planTargets({
      state: { ...state, nics: many.flatMap(({ nics }) => nics) },
      ends: many,
      world: [],
      own: [],
      extraPorts: [],
    });
    const [one, other] = [from('g000'), from('g001')];
    assert.ok(one.length < 2600, String(one.length));
    for (const { name, ports } of many.slice(2)) {
      const mine = one.filter(({ to }) => to === name).map(({ protocol, port }) => `${protocol}/${port}`);
      assert.ok(ports.every((port) => mine.includes(port)));
      assert.ok(mine.length > 10);
    }
    const ofOne = (targets: typeof one) => targets.filter(({ to }) => to === 'g050').map(({ port }) => port);
    assert.notDeepEqual(ofOne(one), ofOne(other));
  });
});

describe('what is expected of an attempt', () => {
  const target = (to: string, address: string, port: number) => ({ to, address, protocol: 'tcp' as const, port });

  test('depends on the address that it was made from', () => {
    const source = { addresses: web.addresses };
    assert.equal(isExpectedOpen(state, source, '192.0.2.10', target('database', '10.20.0.6', 7050)), true);
    assert.equal(isExpectedOpen(state, source, '192.0.2.11', target('database', '10.20.0.6', 7050)), false);
    // Not known which one it would have been: only what is open from all of them must be open.
    assert.equal(isExpectedOpen(state, source, '', target('database', '10.20.0.6', 7050)), false);
    assert.equal(isExpectedOpen(state, { addresses: database.addresses }, '0.0.0.0', target('world', '192.0.2.1', 25)), true);
  });

  test('from the world is what is published, for those that it is published to', () => {
    assert.equal(isExpectedOpen(state, {}, '198.51.100.7', target('database', '203.0.113.1', 443)), true);
    assert.equal(isExpectedOpen(state, {}, '198.51.101.7', target('database', '203.0.113.1', 443)), false);
    assert.equal(isExpectedOpen(state, {}, '198.51.100.7', target('database', '203.0.113.1', 8443)), false);
    assert.equal(isExpectedOpen(state, {}, '198.51.100.7', target('database', '10.20.0.6', 8443)), false);
  });

  test('changes by the control’s flow, and by nothing else', () => {
    const source = { addresses: database.addresses };
    const opened = { ...state, flows: [...state.flows, controlFlow(source, target('web', '192.0.2.10', 22))] };
    assert.equal(isExpectedOpen(state, source, '10.20.0.6', target('web', '192.0.2.10', 22)), false);
    assert.equal(isExpectedOpen(opened, source, '10.20.0.6', target('web', '192.0.2.10', 22)), true);
    assert.equal(isExpectedOpen(opened, source, '10.20.0.6', target('web', '192.0.2.10', 23)), false);
  });
});

describe('a probe', () => {
  const identity = { uid: 'gk3m9x4q2ab', mac: '52:54:00:0a:0b:0c' };
  const [outer, inner] = state.zones as [NetworkState['zones'][0], NetworkState['zones'][0]];

  test('has free addresses of its zone, the zone’s routers, and is looked for on the uplink’s device', () => {
    const probe = planProbe(state, outer, identity, new Set());
    assert.deepEqual(probe?.addresses, ['192.0.2.245/24', '2001:db8:1::9e0b:e000/128']);
    assert.deepEqual(probe?.routers, ['192.0.2.1', 'fe80::1']);
    assert.equal(probe?.uplink, 'eth1.20');
    assert.equal(probe?.nic.tap, 'csgk3m9x4q2ab0');
    const next = planProbe(state, outer, identity, new Set(['192.0.2.245', '2001:db8:1::9e0b:e000']));
    assert.deepEqual(next?.nic.addresses, ['192.0.2.244', '2001:db8:1::9e0b:e001']);
  });

  test('in a zone without a free address there is none', () => {
    const full = { ...state, nics: [2, 3, 4, 5, 6].map((last) => nic(`n${last}`, 'inner', [`10.20.0.${last}`])) };
    assert.equal(planProbe(full, inner, identity, new Set()), undefined);
    assert.deepEqual(planProbe({ ...full, nics: full.nics.slice(1) }, inner, identity, new Set())?.addresses, ['10.20.0.2/29']);
  });
});
