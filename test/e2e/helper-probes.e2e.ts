// Probes of the helper: plugged in as a guest is, filtered as a guest is, and gone with the helper however it ends.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { networkHelper } from '../../src/drivers/helper-client/helper-client.ts';
import { createNftablesNetwork } from '../../src/drivers/nftables/network.ts';
import type { HelperArgs } from '../../src/model/helper-protocol.ts';
import type { NetworkNic, NetworkState } from '../../src/model/network-state.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import { createHelperFixture, type RunningHelper } from './helper-fixture.ts';

const netns = `cst-probes-${process.pid}`;
const worldNetns = `${netns}-w`;
const fixture = createHelperFixture('probes');
let helper: RunningHelper;

const nicOf = (letter: string, zone: string, addresses: string[]): NetworkNic => ({
  guest: `g${letter.repeat(10)}`,
  guestName: `probe-${letter}`,
  zone,
  tap: `csg${letter.repeat(10)}0`,
  mac: `52:54:00:00:00:0${letter}`,
  addresses,
});
const outer = nicOf('a', 'outer', ['192.0.2.40', '2001:db8:1::40']);
const inner = nicOf('b', 'inner', ['10.20.0.40', 'fd20::40']);
const state: NetworkState = {
  site: 'lab',
  zones: [
    {
      name: 'outer',
      index: 0,
      subnets: ['192.0.2.0/24', '2001:db8:1::/64'],
      gateways: ['192.0.2.1', 'fe80::1'],
      hostAddresses: ['169.254.64.0', '2001:db8:1::ca15:5'],
      uplink: { interface: 'eth1', gateway: '192.0.2.1' },
    },
    {
      name: 'inner',
      index: 1,
      subnets: ['10.20.0.0/16', 'fd20::/64'],
      gateways: ['10.20.0.1', 'fe80::1'],
      hostAddresses: ['10.20.0.1', 'fd20::1'],
    },
  ],
  nics: [outer, inner],
  flows: [
    {
      from: { kind: 'addresses', cidrs: ['192.0.2.0/24', '2001:db8:1::/64'] },
      to: { kind: 'addresses', cidrs: ['10.20.0.0/16', 'fd20::/64'] },
      services: [
        { protocol: 'tcp', ports: { from: 80, to: 80 } },
        { protocol: 'udp', ports: { from: 53, to: 53 } },
      ],
      text: 'outer → inner',
    },
  ],
  publications: [],
};

function argsOf(nic: NetworkNic): HelperArgs<'probeOpen'> {
  const zone = state.zones.find(({ name }) => name === nic.zone);
  return {
    uid: nic.guest,
    tap: nic.tap,
    mac: nic.mac,
    mtu: 1500,
    addresses: nic.addresses.map((address) => `${address}/${address.includes(':') ? 128 : (zone?.subnets[0]?.split('/')[1] ?? 32)}`),
    routers: zone?.gateways ?? [],
    ...(zone?.uplink ? { uplink: zone.uplink.interface } : {}),
  };
}

const ip = (...args: string[]) => execFileSync('ip', args, { encoding: 'utf8' });
const linksIn = (namespace: string) => ip('-n', namespace, '-o', 'link');
before(async () => {
  ip('netns', 'add', netns);
  ip('netns', 'add', worldNetns);
  ip('-n', netns, 'link', 'add', 'eth1', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', worldNetns);
  ip('-n', netns, 'link', 'set', 'eth1', 'up');
  ip('-n', worldNetns, 'link', 'set', 'eth0', 'up');
  ip('-n', worldNetns, 'address', 'add', '192.0.2.1/24', 'dev', 'eth0');
  ip('-n', worldNetns, 'address', 'add', '192.0.2.66/24', 'dev', 'eth0');
  helper = await fixture.start({ args: ['--netns', netns] });
});

after(async () => {
  await fixture.remove();
  for (const name of [worldNetns, netns]) if (existsSync(`/run/netns/${name}`)) ip('netns', 'delete', name);
});

test('two probes reach each other as the flows say, in both families and both directions, and nothing is left of them', async () => {
  const { client } = helper;
  const network = createNftablesNetwork({ helper: networkHelper(client) });
  await network.apply(state);
  for (const nic of [outer, inner]) {
    await client.call('probeOpen', argsOf(nic));
    await network.connect(nic.tap);
  }
  const look = async (from: NetworkNic, to: NetworkNic) => {
    const targets = to.addresses.flatMap((address) =>
      [
        { protocol: 'tcp' as const, port: 80 },
        { protocol: 'tcp' as const, port: 443 },
        { protocol: 'udp' as const, port: 53 },
        { protocol: 'udp' as const, port: 54 },
      ].map((one) => ({ ...one, address })),
    );
    const { lines } = await client.call('probeRun', { uid: from.guest, targets });
    assert.deepEqual(
      lines.map(({ source }) => source).filter((source) => source !== '' && !from.addresses.includes(source)),
      [],
    );
    return lines.map(({ got }) => got);
  };
  assert.deepEqual(await look(outer, inner), ['open', 'refused', 'open', 'refused', 'open', 'refused', 'open', 'refused']);
  assert.deepEqual(await look(inner, outer), Array(8).fill('refused'));
  for (const nic of [outer, inner]) {
    await network.disconnect(nic.tap);
    await client.call('probeClose', { uid: nic.guest });
    await client.call('probeClose', { uid: nic.guest });
  }
  assert.doesNotMatch(linksIn(netns), /csg/);
  await assert.rejects(client.call('probeRun', { uid: outer.guest, targets: [] }), { code: 'not-found' });
});

test('an address that a machine on the uplink’s wire has is not taken from it', async () => {
  const args = { ...argsOf(outer), addresses: ['192.0.2.66/24'] };
  await assert.rejects(helper.client.call('probeOpen', args), { code: 'conflict', message: /192\.0\.2\.66/ });
  assert.doesNotMatch(linksIn(netns), /csg/);
});

test('a probe in the place of a guest, and the same one twice, are refused', async () => {
  const { uid } = await fixture.makeGuest(helper, helper.hello.userIds.base + 3);
  await assert.rejects(helper.client.call('probeOpen', { ...argsOf(inner), uid, tap: `cs${uid}0` }), { code: 'not-allowed' });
  await helper.client.call('probeOpen', argsOf(inner));
  await assert.rejects(helper.client.call('probeOpen', argsOf(inner)), { code: 'conflict' });
  // Its name is taken by now: the namespace that was made for it goes again.
  const other = { ...argsOf(inner), uid: 'gcccccccccc', tap: 'csgcccccccccc0' };
  ip('-n', netns, 'link', 'add', other.tap, 'type', 'veth', 'peer', 'name', 'other0');
  await assert.rejects(helper.client.call('probeOpen', other), { code: 'failed' });
  await helper.client.call('probeClose', { uid: inner.guest });
  // Refused before anything was made; what others have by that name is theirs.
  assert.match(linksIn(netns), /other0/);
  ip('-n', netns, 'link', 'delete', 'other0');
});

test('the world is tried over the uplinks alone: nothing is sent where another route leads', async () => {
  const [world, far] = [`cst-h${process.pid}`, `cst-f${process.pid}`];
  // The uplink's other end, a way to one address over it and a wide one elsewhere, as a machine with a default route has it.
  ip('-n', netns, 'link', 'add', 'eth2', 'type', 'veth', 'peer', 'name', world, 'netns', String(process.pid));
  ip('link', 'add', far, 'type', 'veth', 'peer', 'name', 'far0', 'netns', worldNetns);
  try {
    for (const [name, address] of [
      [world, '198.18.1.1/24'],
      [far, '198.18.2.1/24'],
    ] as const) {
      ip('link', 'set', name, 'up');
      ip('address', 'add', address, 'dev', name);
    }
    ip('-n', netns, 'link', 'set', 'eth2', 'up');
    ip('-n', netns, 'address', 'add', '198.18.1.2/24', 'dev', 'eth2');
    ip('-n', worldNetns, 'link', 'set', 'far0', 'up');
    ip('-n', worldNetns, 'address', 'add', '198.18.2.2/24', 'dev', 'far0');
    ip('route', 'add', '198.18.3.0/24', 'via', '198.18.2.2');
    const targets = ['198.18.1.2', '198.18.2.2', '198.18.3.9', '127.0.0.1'].map((address) => ({
      protocol: 'tcp' as const,
      address,
      port: 9,
    }));
    const { lines, addresses } = await helper.client.call('worldProbe', { targets, uplinks: ['eth1', 'eth2'] });
    assert.deepEqual(
      lines.map(({ got }) => got),
      ['open', 'no-way', 'no-way', 'no-way'],
    );
    assert.deepEqual(addresses, ['198.18.1.1']);
    const without = await helper.client.call('worldProbe', { targets, uplinks: ['eth1'] });
    assert.deepEqual([...new Set(without.lines.map(({ got }) => got))], ['no-way']);
    assert.deepEqual(without.addresses, []);
  } finally {
    for (const name of [world, far]) ip('link', 'delete', name);
  }
});

test('a probe runs without any right, as nobody', async () => {
  await helper.client.call('probeOpen', argsOf(inner));
  const pid = execFileSync('pgrep', ['-P', String(helper.process.pid), '-x', 'cat'], { encoding: 'utf8' }).trim();
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  assert.match(status, /^Uid:\t65534\t65534\t/m);
  assert.match(status, /^CapEff:\t0+$/m);
  assert.match(status, /^CapBnd:\t0+$/m);
  assert.match(status, /^NoNewPrivs:\t1$/m);
  await helper.client.call('probeClose', { uid: inner.guest });
});

test('a helper that is killed takes its probes along', async () => {
  await helper.client.call('probeOpen', argsOf(inner));
  assert.match(linksIn(netns), /csgbbbbbbbbbb0/);
  helper.process.kill('SIGKILL');
  await waitFor('the cable is gone', () => !linksIn(netns).includes('csg'), { timeoutMs: 60_000 });
});

test('a cable that is left all the same goes when the next helper starts; those of others stay', async () => {
  ip('-n', netns, 'link', 'add', 'csgdddddddddd0', 'type', 'veth', 'peer', 'name', 'left0');
  ip('-n', netns, 'link', 'add', 'csgeeeeeeeeee0', 'type', 'veth', 'peer', 'name', 'other0');
  ip('-n', netns, 'link', 'set', 'dev', 'csgdddddddddd0', 'alias', `caisson probe ${helper.hello.runDirectory.slice(-8)}`);
  ip('-n', netns, 'link', 'set', 'dev', 'csgeeeeeeeeee0', 'alias', 'caisson probe 00000000');
  helper = await fixture.start({ args: ['--netns', netns] });
  assert.doesNotMatch(linksIn(netns), /csgdddddddddd0/);
  assert.match(linksIn(netns), /csgeeeeeeeeee0/);
  ip('-n', netns, 'link', 'delete', 'other0');
});
