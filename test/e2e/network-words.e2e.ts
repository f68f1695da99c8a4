// The words of a site file for networks, all the way to the kernel: kinds of zones, publications, flows with limits. What they mean is tried
// from namespaces in the place of the guests and of the world.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { run } from '../../src/lib/exec.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import type { NetworkNic } from '../../src/model/network-state.ts';
import type { Probe, ProbeResult } from '../network/inside.ts';
import { RealNetwork, world } from '../network/real-network.ts';
import { seedNics } from '../../src/plan/seed-nics.ts';
import { networkOf, nicsOf, plainGuest } from '../network/site-network.ts';

const uplink = 'interface: eth1, gateway: 192.0.2.1, gateway6: "2001:db8:1::1"';
const site = `version: 1
site: lab
zones:
  external: { subnets: [192.0.2.0/24, '2001:db8:1::/64'], uplink: { ${uplink} } }
  office:
    subnets: [10.30.0.0/24, 'fd30::/64']
    uplink: { ${uplink} }
    masquerade: true
    publish:
      - { listen: '192.0.2.50:443', to: 'desk:8443' }
      - { listen: '[2001:db8:1::50]:443', to: 'desk:8443' }
      - { listen: '192.0.2.50:53', to: 'desk:5353', protocol: udp }
      - { listen: '192.0.2.50:2222', to: 'printer:22', from: [203.0.113.0/24] }
      - { listen: '192.0.2.50:8000-8009', to: 'printer:9000' }
      - { listen: '192.0.2.50:1024-2221', to: 'desk:1024-2221' }
  hall: { subnets: [203.0.113.128/25], uplink: { interface: eth1, gateway: 203.0.113.129 }, bridged: true }
  inner: { subnets: [10.60.0.0/24, 'fd60::/64'] }
  shop: { subnets: [10.40.0.0/24], uplink: { ${uplink} }, masquerade: true, bridged: true }
flows:
  - { from: world, to: front, allow: [tcp/1-65535], log: true }
  - { from: label:role=desk, to: world, allow: [tcp/25, icmp] }
  - { from: front, to: desk, allow: [tcp/631], rate: 3/hour }
  - { from: world, to: lobby, allow: [tcp/80] }
  - { from: lobby, to: gate, allow: [tcp/7, udp/7] }
  - { from: zone:hall, to: host, allow: [tcp/8123] }
  - { from: till, to: world, allow: [tcp/25] }
  - { from: world, to: router, allow: [tcp/443] }
  - { from: vault, to: router, allow: [tcp/8081] }
  - { from: router, to: vault, allow: [tcp/9000] }
  - { from: router, to: world, allow: [tcp/25] }
guests:
${[
  plainGuest('front', 'zone: external, addresses: [192.0.2.30, "2001:db8:1::30"]'),
  plainGuest('desk', 'zone: office, labels: { role: desk }'),
  plainGuest('printer', 'zone: office'),
  plainGuest('lobby', 'zone: hall'),
  plainGuest('gate', 'zone: hall'),
  plainGuest('till', 'zone: shop'),
  plainGuest('router', 'nics: [{ zone: external }, { zone: inner }]'),
  plainGuest('vault', 'zone: inner'),
].join('')}`;

describe('a site file’s networks', () => {
  const { state, records } = networkOf(site);
  const nic = (guest: string) => nicsOf(state, guest)[0] as NetworkNic;
  const own = (guest: string, family: 4 | 6 = 4) => nic(guest).addresses.find((address) => address.includes(':') === (family === 6)) ?? '';
  const real = new RealNetwork('words');
  const { network } = real;
  const from = (guest: string) => real.guestOf(nic(guest));
  const tcp = (to: string, port: number, source?: string): Probe => ({
    protocol: 'tcp',
    to,
    port,
    ...(source !== undefined && { from: source }),
  });
  const probe = (where: string, what: Probe) => real.probe(where, what, 700);
  /** Whoever says no is heard at the second try, a second later, when the first one fell between. */
  const patiently = (where: string, what: Probe) => real.probe(where, what, 5000);
  const asWorld = (what: Probe) => probe(real.worldNetwork, what);
  const reached = (result: ProbeResult) => result === 'open' || result === 'closed';

  before(async () => {
    await real.open();
    await real.ip(
      real.guestsNetwork,
      'link set eth1 up',
      'address add 192.0.2.2/24 dev eth1',
      'address add 2001:db8:1::2/64 dev eth1 nodad',
    );
    await real.ip(real.worldNetwork, 'address add 203.0.113.129/25 dev eth0');
    for (const each of state.nics) await real.plug(each, state, { addresses: each.zone !== 'hall' && each.guestName !== 'router' });
    await network.apply(state);
    for (const each of state.nics) await network.connect(each.tap);
  });
  after(() => real.close());

  test('are in force, every nic where it belongs', async () => {
    const observed = await network.observe();
    assert.deepEqual(observed.rules, { inForce: true });
    assert.deepEqual(observed.taps, state.nics.map(({ tap }) => tap).toSorted());
  });

  test('a guest on a shared wire gets its address by DHCP, and names from the host', async () => {
    for (const guest of ['lobby', 'gate']) {
      const script = 'ip addr add $ip/25 dev eth0; ip route add default via $router dev eth0';
      assert.ok(await real.askForLease(from(guest), { script }));
      const { stdout } = await run(['ip', '-n', from(guest), '-4', '-o', 'address', 'show', 'dev', 'eth0']);
      assert.ok(stdout.includes(`${own(guest)}/25`), stdout);
    }
    const server = state.zones.find(({ name }) => name === 'hall')?.hostAddresses[0] ?? '';
    const name = { do: 'resolve', server, name: 'lobby.hall.lab', type: 'A' } as const;
    assert.deepEqual(await real.ask(from('gate'), name), [own('lobby')]);
  });

  test('behind the host’s address guests leave with it, and nobody comes in', async () => {
    await real.nft(real.worldNetwork, 'add table inet heard');
    await real.nft(real.worldNetwork, 'add chain inet heard arrival { type filter hook prerouting priority 0 ; }');
    await real.nft(real.worldNetwork, 'add set inet heard senders { type ipv4_addr ; flags dynamic ; }');
    await real.nft(real.worldNetwork, 'add rule inet heard arrival tcp dport 25 add @senders { ip saddr }');
    for (const guest of ['desk', 'till']) {
      assert.equal(await probe(from(guest), tcp(world.far, 25)), 'closed', guest);
      assert.equal(await patiently(from(guest), tcp(world.far, 26)), 'prohibited', guest);
    }
    assert.equal(await probe(from('desk'), tcp(world.far6, 25)), 'closed');
    assert.equal(await patiently(from('printer'), tcp(world.far, 25)), 'prohibited');
    const senders = /elements = \{ ([^}]*) \}/.exec(await real.nft(real.worldNetwork, 'list set inet heard senders'))?.[1];
    assert.equal(senders, '192.0.2.2');
    await real.routeWorldVia('192.0.2.2', '10.30.0.0/24');
    assert.equal(await asWorld(tcp(own('desk'), 8443)), 'silent');
  });

  test('what is published leads to its guest, for those whom it is for', async () => {
    for (const port of [8443, 5353]) await real.ask(from('desk'), { do: 'listen', port });
    await real.ask(from('printer'), { do: 'listen', port: 22 });
    assert.equal(await asWorld(tcp('192.0.2.50', 443, world.elsewhere)), 'open');
    assert.equal(await asWorld(tcp('2001:db8:1::50', 443)), 'open');
    assert.equal(await asWorld(tcp('192.0.2.50', 2222, world.far)), 'open');
    assert.equal(await asWorld(tcp('192.0.2.50', 2222, world.elsewhere)), 'silent');
    for (const port of [53, 8443, 22]) assert.equal(await asWorld(tcp('192.0.2.50', port)), 'silent', String(port));
    await real.ask(from('printer'), { do: 'listen', port: 9009 });
    await real.ask(from('desk'), { do: 'listen', port: 1999 });
    for (const port of [8009, 1999]) assert.equal(await asWorld(tcp('192.0.2.50', port)), 'open', String(port));
    for (const port of [8010, 7999, 1023, 2223]) assert.equal(await asWorld(tcp('192.0.2.50', port)), 'silent', String(port));
    await real.ask(real.worldNetwork, { do: 'shout', from: world.elsewhere, to: '192.0.2.50', port: 53 });
    await waitFor('a published datagram', async () => (await real.ask<string[]>(from('desk'), { do: 'heard', port: 5353 })).length > 0, {
      timeoutMs: 60_000,
    });
    assert.equal(await patiently(from('front'), tcp('192.0.2.50', 443)), 'prohibited');
  });

  test('all ports at once are one range, and another guest’s stay closed', async () => {
    for (const port of [1, 22, 40_000, 65_535]) assert.equal(await asWorld(tcp(own('front'), port)), 'closed', String(port));
    assert.equal(await asWorld(tcp(own('front', 6), 65_535)), 'closed');
    assert.equal(await asWorld({ protocol: 'udp', to: own('front'), port: 22 }), 'silent');
  });

  test('a rate counts the new connections of its flow', async () => {
    const results: ProbeResult[] = [];
    for (let round = 0; round < 5; round++) results.push(await probe(from('front'), tcp(own('desk'), 631)));
    assert.deepEqual(results.map(reached), [true, true, true, false, false]);
  });

  test('a shared wire with the institution’s addresses: reached from the world and filtered between neighbours', async () => {
    await real.ask(from('gate'), { do: 'listen', port: 7 });
    assert.equal(await asWorld(tcp(own('lobby'), 80)), 'closed');
    assert.equal(await asWorld(tcp(own('lobby'), 81)), 'silent');
    assert.equal(await asWorld(tcp(own('gate'), 80)), 'silent');
    assert.equal(await probe(from('lobby'), tcp(own('gate'), 7)), 'open');
    assert.equal(reached(await probe(from('gate'), tcp(own('lobby'), 7))), false);
    assert.equal(reached(await probe(from('lobby'), tcp(own('gate'), 8))), false);
  });

  describe('a guest with nics in two zones', () => {
    const plan = seedNics(records.find(({ name }) => name === 'router') ?? assert.fail(), state.zones, 'lab');
    const [outer, inner] = nicsOf(state, 'router') as [NetworkNic, NetworkNic];

    /** What its seed says, as a guest's own reader of it would do it. */
    before(async () => {
      for (const device of ['eth0', 'eth1']) {
        await real.sysctl(from('router'), { [`net/ipv6/conf/${device}/accept_ra`]: 0 });
        await real.ip(from('router'), `-6 route flush dev ${device} proto ra`);
      }
      for (const [index, nicPlan] of plan.entries()) {
        const device = `eth${index}`;
        for (const address of nicPlan.addresses)
          await real.ip(from('router'), `address add ${address} dev ${device}${address.includes(':') ? ' nodad' : ''}`);
        for (const { to, via, table = 254 } of nicPlan.routes) {
          const way = via === undefined ? `dev ${device} scope link` : `via ${via} dev ${device} onlink`;
          await real.ip(from('router'), `-${to.includes(':') ? 6 : 4} route add ${to} ${way} table ${table}`);
        }
      }
      await rules('add');
    });
    const rules = async (verb: 'add' | 'del') => {
      for (const { from: address, table } of plan.flatMap((nicPlan) => nicPlan.rules))
        await real.ip(from('router'), `-${address.includes(':') ? 6 : 4} rule ${verb} from ${address} table ${table}`);
    };

    test('is told of a router by DHCP on its way out only', async () => {
      const script = `echo "$interface $ip via $router" >> ${real.folder}/leases`;
      for (const device of ['eth0', 'eth1']) assert.ok(await real.askForLease(from('router'), { device, script }));
      const leases = readFileSync(`${real.folder}/leases`, 'utf8').trim().split('\n');
      assert.deepEqual(leases, [`eth0 ${outer.addresses[0]} via 192.0.2.1`, `eth1 ${inner.addresses[0]} via`]);
    });

    test('goes out by its first nic, and to its other zone by the second one', async () => {
      await real.nft(real.worldNetwork, 'add table ip asked');
      await real.nft(real.worldNetwork, 'add chain ip asked arrival { type filter hook prerouting priority 0 ; }');
      await real.nft(real.worldNetwork, 'add set ip asked senders { type ipv4_addr ; flags dynamic ; }');
      await real.nft(real.worldNetwork, 'add rule ip asked arrival tcp dport 25 add @senders { ip saddr }');
      assert.equal(await probe(from('router'), tcp(world.far, 25)), 'closed');
      assert.equal(await probe(from('router'), tcp(world.far6, 25)), 'closed');
      assert.ok((await real.nft(real.worldNetwork, 'list set ip asked senders')).includes(outer.addresses[0] ?? ''));
      for (const address of nic('vault').addresses) assert.equal(await probe(from('router'), tcp(address, 9000)), 'closed', address);
    });

    test('answers by the nic that is asked, whoever asks', async () => {
      assert.equal(await asWorld(tcp(outer.addresses[0] ?? '', 443)), 'closed');
      for (const address of [...outer.addresses, ...inner.addresses]) {
        assert.equal(await probe(from('vault'), tcp(address, 8081)), 'closed', address);
        assert.equal(await patiently(from('vault'), tcp(address, 443)), 'prohibited', address);
      }
      // From its neighbour to its outer address the answer would leave by the inner nic, where that address is not its own.
      await rules('del');
      assert.equal(await probe(from('vault'), tcp(outer.addresses[0] ?? '', 8081)), 'silent');
      await rules('add');
    });
  });

  test('guests reach the host where a flow says so', async () => {
    const server = state.zones.find(({ name }) => name === 'hall')?.hostAddresses[0] ?? '';
    assert.equal(await probe(from('gate'), tcp(server, 8123)), 'closed');
    assert.equal(await patiently(from('gate'), tcp(server, 8124)), 'prohibited');
    assert.equal(await patiently(from('desk'), tcp('10.30.0.1', 8123)), 'prohibited');
  });
});
