import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GuestRecord } from '../model/guest-status.ts';
import type { Zone } from '../model/zone.ts';
import { type NetworkInput, NetworkPlanner, planNetwork } from './network-plan.ts';
import { isAllowed } from './reachability.ts';

function guest(name: string, zone: string, addresses: string[], labels: Record<string, string> = {}): GuestRecord {
  return {
    uid: `g${name}`,
    name,
    addresses: [addresses],
    hardware: { macs: [`52:54:00:00:00:0${name.length}`], nicSlots: [7], nicNumbers: [0] },
    spec: { nics: [{ zone, addresses: [] }], labels },
  } as unknown as GuestRecord;
}

const zones = new Map<string, { index: number; zone: Zone }>([
  ['external', { index: 0, zone: { subnets: ['192.0.2.0/24', '2001:db8:1::/64'], uplink: { interface: 'eth1', gateway: '192.0.2.1' } } }],
  ['internal', { index: 1, zone: { subnets: ['10.20.0.0/16'] } }],
]);
const guests = [
  guest('web', 'external', ['192.0.2.10', '2001:db8:1::10'], { role: 'front' }),
  guest('app', 'internal', ['10.20.0.10']),
  guest('mail', 'external', ['192.0.2.12']),
];
const state = planNetwork({
  site: 'lab',
  zones,
  guests,
  flows: [
    { from: 'world', to: 'web', allow: ['tcp/80', 'tcp/8000-8010', 'icmp'] },
    { from: 'zone:external', to: 'app', allow: ['tcp/80'] },
    { from: 'label:role=front', to: 'mail', allow: ['tcp/25'] },
    { from: '203.0.113.0/24', to: 'mail', allow: ['tcp/25'] },
    { from: 'label:role=nobody', to: 'mail', allow: ['tcp/26'] },
  ],
});

test('the router of the institution is used and never claimed; a zone without one has the host as router', () => {
  const [external, internal] = state.zones;
  assert.deepEqual(external?.gateways, ['192.0.2.1', 'fe80::1']);
  assert.ok(!external?.hostAddresses.includes('192.0.2.1'));
  assert.deepEqual(internal?.gateways, ['10.20.0.1']);
  assert.deepEqual(internal?.hostAddresses, ['10.20.0.1']);
});

test('flows become addresses: a zone is its subnets, a label its guests', () => {
  assert.deepEqual(state.flows[1]?.from, { kind: 'addresses', cidrs: ['192.0.2.0/24', '2001:db8:1::/64'] });
  assert.deepEqual(state.flows[2]?.from, { kind: 'addresses', cidrs: ['192.0.2.10/32', '2001:db8:1::10/128'] });
  assert.deepEqual(state.flows[3]?.from, { kind: 'addresses', cidrs: ['203.0.113.0/24'] });
  assert.deepEqual(state.flows[0]?.services, [
    { protocol: 'tcp', ports: { from: 80, to: 80 } },
    { protocol: 'tcp', ports: { from: 8000, to: 8010 } },
    { protocol: 'icmp' },
  ]);
});

test('all that a flow can say reaches the network', () => {
  const { flows } = planNetwork({
    site: 'lab',
    zones,
    guests,
    flows: [
      { from: 'world', to: 'web', allow: ['tcp/1-65535', 'icmp/time-exceeded', 'protocol/47'], rate: '10/minute', log: true, comment: 'x' },
      { from: 'all', to: 'host', allow: ['udp/123'], log: false },
    ],
  });
  assert.deepEqual(flows, [
    {
      from: { kind: 'world' },
      to: { kind: 'addresses', cidrs: ['192.0.2.10/32', '2001:db8:1::10/128'] },
      services: [
        { protocol: 'tcp', ports: { from: 1, to: 65_535 } },
        { protocol: 'icmp', types: { v4: 11, v6: 3 } },
        { protocol: 'other', number: 47 },
      ],
      text: 'world → web: tcp/1-65535, icmp/time-exceeded, protocol/47',
      rate: { count: 10, per: 'minute' },
      log: true,
    },
    {
      from: { kind: 'addresses', cidrs: ['192.0.2.0/24', '2001:db8:1::/64', '10.20.0.0/16'] },
      to: { kind: 'host' },
      services: [{ protocol: 'udp', ports: { from: 123, to: 123 } }],
      text: 'all → host: udp/123',
    },
  ]);
});

test('a flow that stands for nobody opens nothing', () => {
  assert.equal(state.flows.length, 4);
});

test('a zone in a flow means its guests, not the router or other machines beside them', () => {
  const to = { address: '10.20.0.10' };
  const attempt = (kind: 'world' | 'guest', address: string) =>
    isAllowed(state, { from: { kind, address }, to, protocol: 'tcp', port: 80 }).allowed;
  assert.equal(attempt('guest', '192.0.2.12'), true);
  assert.equal(attempt('world', '192.0.2.1'), false);
  assert.equal(attempt('world', '192.0.2.200'), false);
});

test('planned again it is what it would be planned anew, and what has not changed is the same object', () => {
  const flow = (from: string, to: string, port: number) => ({ from, to, allow: [`tcp/${port}`] });
  const flows = [flow('web', 'app', 80), flow('zone:internal', 'web', 81), flow('label:role=front', 'mail', 25), flow('all', 'host', 123)];
  const first: NetworkInput = { site: 'lab', zones, guests, flows };
  const [web, app, mail] = guests as [GuestRecord, GuestRecord, GuestRecord];
  const planner = new NetworkPlanner();
  let before = planner.plan(first);
  assert.deepEqual(before, planNetwork(first));
  const changes: Record<string, { input: NetworkInput; same: { nics: number; flows: number } }> = {
    nothing: { input: first, same: { nics: 3, flows: 4 } },
    'the same words, read again': { input: { ...first, flows: structuredClone(flows) }, same: { nics: 3, flows: 4 } },
    'a guest more': { input: { ...first, guests: [...guests, guest('new', 'internal', ['10.20.0.11'])] }, same: { nics: 3, flows: 4 } },
    'another address': { input: { ...first, guests: [web, guest('app', 'internal', ['10.20.0.12']), mail] }, same: { nics: 2, flows: 3 } },
    'another label': {
      input: { ...first, guests: [web, app, { ...mail, spec: { ...mail.spec, labels: { role: 'front' } } }] },
      same: { nics: 2, flows: 3 },
    },
    'a guest less': { input: { ...first, guests: [web, mail] }, same: { nics: 2, flows: 1 } },
    'a flow with another port': { input: { ...first, flows: [flow('web', 'app', 82), ...flows.slice(1)] }, same: { nics: 3, flows: 3 } },
    'another subnet': {
      input: { ...first, zones: new Map([...zones, ['internal', { index: 1, zone: { subnets: ['10.21.0.0/16'] } }]]) },
      same: { nics: 3, flows: 2 },
    },
  };
  for (const [what, { input, same }] of Object.entries(changes)) {
    const now = planner.plan(input);
    assert.deepEqual(now, planNetwork(input), what);
    const found = {
      nics: now.nics.filter((nic) => before.nics.includes(nic)).length,
      flows: now.flows.filter((each) => before.flows.includes(each)).length,
    };
    assert.deepEqual(found, same, what);
    before = planner.plan(first);
  }
});
