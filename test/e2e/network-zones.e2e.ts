// The kinds of zones for real: guests behind the host's address, published ports, one shared wire.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { run } from '../../src/lib/exec.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import type { NetworkNic, NetworkState } from '../../src/model/network-state.ts';
import type { Probe, ProbeResult } from '../network/inside.ts';
import { hostOnWire, kindsNics, kindsOfZones } from '../network/kinds-of-zones.ts';
import { RealNetwork, world } from '../network/real-network.ts';

const { front, desk, printer, left, right, lonely } = kindsNics;
const reached = (result: ProbeResult) => result === 'open' || result === 'closed';
const tcp = (to: string, port: number, from?: string): Probe => ({ protocol: 'tcp', to, port, ...(from !== undefined && { from }) });

describe('kinds of zones', () => {
  const real = new RealNetwork('kinds');
  const { network } = real;
  const probe = async (where: string, what: Probe) => real.probe(where, what, 700);
  /** The kernel may overlook an answer that comes while it still sends: the next attempt, a second later, hears it. */
  const patiently = async (where: string, what: Probe) => real.probe(where, what, 5000);
  const from = (nic: NetworkNic) => real.guestOf(nic);

  before(async () => {
    await real.open();
    await real.ip(
      real.guestsNetwork,
      'link set eth1 up',
      `address add ${hostOnWire.own}/24 dev eth1`,
      `address add ${hostOnWire.own6}/64 dev eth1 nodad`,
    );
    for (const nic of kindsOfZones.nics) await real.plug(nic, kindsOfZones);
    await network.apply(kindsOfZones);
    for (const nic of kindsOfZones.nics) await network.connect(nic.tap);
  });
  after(() => real.close());

  test('are in force, and every nic is where it belongs', async () => {
    const observed = await network.observe();
    assert.deepEqual(observed.rules, { inForce: true });
    assert.deepEqual(observed.taps, kindsOfZones.nics.map(({ tap }) => tap).toSorted());
  });

  test('guests behind the host’s address leave with it, and are not reached by their own', async () => {
    await real.nft(real.worldNetwork, 'add table inet heard');
    await real.nft(real.worldNetwork, 'add chain inet heard arrival { type filter hook prerouting priority 0 ; }');
    for (const [set, type, ip] of [
      ['senders4', 'ipv4_addr', 'ip'],
      ['senders6', 'ipv6_addr', 'ip6'],
    ]) {
      await real.nft(real.worldNetwork, `add set inet heard ${set} { type ${type} ; flags dynamic ; }`);
      await real.nft(real.worldNetwork, `add rule inet heard arrival tcp dport 25 add @${set} { ${ip} saddr }`);
    }
    for (const to of [world.far, world.far6]) {
      // The first packet waits until the router's MAC is known.
      assert.equal(await patiently(from(desk), tcp(to, 25)), 'closed', to);
      assert.equal(await patiently(from(desk), tcp(to, 26)), 'prohibited', to);
    }
    assert.equal(await probe(from(desk), { protocol: 'icmp', to: world.far, port: 0 }), 'open');
    const senders = async (set: string) =>
      /elements = \{ ([^}]*) \}/.exec(await real.nft(real.worldNetwork, `list set inet heard ${set}`))?.[1];
    assert.deepEqual([await senders('senders4'), await senders('senders6')], [hostOnWire.own, hostOnWire.own6]);
    await real.nft(real.worldNetwork, 'delete table inet heard');
    await real.routeWorldVia(hostOnWire.own, '10.30.0.0/24');
    await real.routeWorldVia(hostOnWire.own6, 'fd30::/64');
    // Also by a flow that would let the world in elsewhere.
    for (const [to, port] of [
      ['10.30.0.5', 22],
      ['10.30.0.5', 8443],
      ['fd30::5', 22],
      ['fd30::5', 8443],
    ] as const)
      assert.equal(await probe(real.worldNetwork, tcp(to, port)), 'silent', `${to} ${port}`);
  });

  test('a published port leads to its guest, from whom it is published for, and nothing else does', async () => {
    await real.ask(from(desk), { do: 'listen', port: 8443 });
    await real.ask(from(desk), { do: 'listen', port: 2022 });
    await real.ask(from(desk), { do: 'listen', port: 53 });
    await real.ask(from(printer), { do: 'listen', port: 80 });
    const asWorld = (what: Probe) => probe(real.worldNetwork, what);
    assert.equal(await asWorld(tcp(hostOnWire.taken, 443, world.elsewhere)), 'open');
    assert.equal(await asWorld(tcp(hostOnWire.taken6, 443)), 'open');
    assert.equal(await asWorld(tcp(hostOnWire.own, 8080)), 'open');
    assert.equal(await asWorld(tcp(hostOnWire.taken, 2222, world.far)), 'open');
    assert.equal(await asWorld(tcp(hostOnWire.taken, 2222, world.elsewhere)), 'silent');
    await real.ask(real.worldNetwork, { do: 'shout', from: world.elsewhere, to: hostOnWire.taken, port: 5353 });
    await waitFor(
      'a published datagram',
      async () => (await real.ask<string[]>(from(desk), { do: 'heard', port: 53 })).includes(world.elsewhere),
      { timeoutMs: 60_000 },
    );
    for (const port of [80, 8443, 22, 444, 8080]) assert.equal(await asWorld(tcp(hostOnWire.taken, port)), 'silent', String(port));
    for (const port of [443, 8443]) assert.equal((await asWorld(tcp(hostOnWire.taken6, port))) === 'open', port === 443);
    // What the host has itself stays the host's.
    assert.equal(await asWorld(tcp(hostOnWire.own, 443)), 'closed');
  });

  test('a range of ports leads to as many, one to one, and ends at both its ends', async () => {
    for (const port of [8000, 8007, 8010, 8011]) await real.ask(from(desk), { do: 'listen', port });
    await real.ask(from(printer), { do: 'listen', port: 8004 });
    for (const port of [9000, 9002, 9003]) await real.ask(from(printer), { do: 'listen', port });
    await real.ask(from(desk), { do: 'listen', port: 6001 });
    const asWorld = (what: Probe) => probe(real.worldNetwork, what);
    for (const port of [8000, 8007, 8010]) assert.equal(await asWorld(tcp(hostOnWire.taken, port)), 'open', String(port));
    assert.equal(await asWorld(tcp(hostOnWire.taken6, 8004)), 'open');
    // Nothing listens there, and the guest says so itself.
    for (const to of [hostOnWire.taken, hostOnWire.taken6]) assert.equal(await asWorld(tcp(to, 8003)), 'closed', to);
    for (const to of [hostOnWire.taken, hostOnWire.taken6])
      for (const port of [7999, 8011]) assert.equal(await asWorld(tcp(to, port)), 'silent', `${to} ${port}`);
    for (const [port, result] of [
      [7000, 'open'],
      [7001, 'closed'],
      [7002, 'open'],
      [7003, 'silent'],
      [9000, 'silent'],
    ] as const)
      assert.equal(await asWorld(tcp(hostOnWire.taken, port, world.far)), result, String(port));
    assert.equal(await asWorld(tcp(hostOnWire.taken, 7000, world.elsewhere)), 'silent');
    await real.ask(real.worldNetwork, { do: 'shout', from: world.elsewhere, to: hostOnWire.taken, port: 6001 });
    await waitFor(
      'a datagram to a published range',
      async () => (await real.ask<string[]>(from(desk), { do: 'heard', port: 6001 })).includes(world.elsewhere),
      { timeoutMs: 60_000 },
    );
    for (const port of [8000, 7000]) assert.equal(await patiently(from(front), tcp(hostOnWire.taken, port)), 'prohibited');
  });

  test('guests do not reach each other by way of a published port', async () => {
    for (const nic of [front, printer, left])
      for (const to of [hostOnWire.taken, hostOnWire.own, hostOnWire.taken6])
        assert.equal(await patiently(from(nic), tcp(to, 443)), 'prohibited', `${nic.guestName} ${to}`);
    assert.equal(await patiently(from(front), tcp(hostOnWire.own, 8080)), 'prohibited');
  });

  test('the wire is answered for a published address, and no more when it is not published', async () => {
    const answers = async (address: string) =>
      (
        await run(['ip', 'netns', 'exec', real.worldNetwork, 'busybox', 'arping', '-c', '1', '-w', '1', '-I', 'eth0', address], {
          okCodes: [0, 1],
        })
      ).code === 0;
    assert.equal(await answers(hostOnWire.taken), true);
    await network.apply({ ...kindsOfZones, publications: [] });
    assert.equal(await answers(hostOnWire.taken), false);
    assert.equal(await probe(real.worldNetwork, tcp(hostOnWire.own, 8080)), 'closed');
    await network.apply(kindsOfZones);
    assert.equal(await answers(hostOnWire.taken), true);
  });

  test('a publication taken back ends its connections', async () => {
    await real.ask(real.worldNetwork, { do: 'open', key: 'kept', to: hostOnWire.taken, port: 443 });
    const say = (text: string, timeoutMs: number) => real.ask<string>(real.worldNetwork, { do: 'say', key: 'kept', text, timeoutMs });
    assert.equal(await say('one ', 2000), 'one ');
    const publications = kindsOfZones.publications.filter(({ ports }) => ports.from !== 443);
    await network.apply({ ...kindsOfZones, publications });
    assert.equal(await say('two ', 700), 'silent');
    await network.apply(kindsOfZones);
    assert.equal(await say('three ', 10_000), 'one two three ');
  });

  test('what is new is announced on the uplink’s wire', async () => {
    const known = async (address: string) => (await run(['ip', '-n', real.worldNetwork, 'neigh', 'show', address, 'dev', 'eth0'])).stdout;
    const mac =
      (JSON.parse((await run(['ip', '-n', real.guestsNetwork, '-j', 'link', 'show', 'eth1'])).stdout) as { address: string }[])[0]
        ?.address ?? 'none';
    for (const address of front.addresses) {
      await network.disconnect(front.tap);
      await real.unplug(front);
      await real.ip(real.worldNetwork, `neigh replace ${address} lladdr 02:00:00:00:00:99 dev eth0 nud stale`);
      await real.plug(front, kindsOfZones);
      await network.connect(front.tap);
      await waitFor(`${address} is announced`, async () => (await known(address)).includes(mac), { timeoutMs: 60_000 });
    }
  });

  test('on a shared wire only what flows allow passes from guest to guest', async () => {
    const cases: [NetworkNic, Probe, boolean][] = [
      [left, tcp('10.40.0.6', 80), true],
      [left, tcp('10.40.0.6', 81), false],
      [left, { protocol: 'icmp', to: '10.40.0.6', port: 0 }, true],
      [right, { protocol: 'icmp', to: '10.40.0.5', port: 0 }, false],
      [right, tcp('10.40.0.5', 80), false],
      [lonely, tcp('10.40.0.6', 80), false],
      [left, tcp('fd40::6', 80), true],
      [left, tcp('fd40::6', 81), false],
      [right, tcp('fd40::5', 80), false],
      [left, tcp('10.30.0.5', 631), true],
      [left, tcp('10.30.0.5', 632), false],
      [desk, tcp('10.40.0.5', 9100), true],
      [desk, tcp('10.40.0.6', 9100), false],
      [desk, tcp('fd40::5', 9100), true],
      [left, tcp(world.far, 25), false],
    ];
    for (const [nic, what, expected] of cases)
      assert.equal(reached(await probe(from(nic), what)), expected, `${nic.guestName} → ${what.to} ${what.protocol}/${what.port}`);
  });

  test('on a shared wire what a flow to its whole zone allows reaches all at once, and nothing else does', async () => {
    for (const nic of [right, lonely]) for (const port of [5353, 5354]) await real.ask(from(nic), { do: 'listen', port });
    const all = '10.40.0.255';
    for (const port of [5354, 5353]) await run(['ip', 'netns', 'exec', from(left), 'perl', '-e', broadcast, all, String(port)]);
    for (const nic of [right, lonely]) {
      await waitFor('what is said to all', async () => (await real.ask<string[]>(from(nic), { do: 'heard', port: 5353 })).length > 0, {
        timeoutMs: 60_000,
      });
      assert.deepEqual(await real.ask<string[]>(from(nic), { do: 'heard', port: 5354 }), []);
    }
  });

  test('on a shared wire nobody has another’s address or the router’s', async () => {
    const claim = async (address: string) => {
      const family = address.includes(':') ? '128 dev eth0 nodad' : '32 dev eth0';
      await real.ip(from(lonely), `address add ${address}/${family}`);
      await run(['ip', 'netns', 'exec', from(lonely), 'busybox', 'arping', '-U', '-c', '2', '-I', 'eth0', '-s', address, address], {
        okCodes: [0, 1],
      });
      assert.equal(reached(await probe(from(left), tcp('10.40.0.6', 80))), true, `${address} claimed`);
      assert.equal(reached(await probe(from(lonely), tcp('10.40.0.6', 80, address))), false, `${address} used`);
      await real.ip(from(lonely), `address del ${address}/${address.includes(':') ? 128 : 32} dev eth0`);
    };
    for (const address of ['10.40.0.5', '10.40.0.1', '10.40.0.99']) await claim(address);
  });

  test('a zone is not bridged any more, and is again', async () => {
    const routed = structuredClone(kindsOfZones);
    for (const zone of routed.zones) delete zone.bridged;
    await network.apply(routed);
    assert.equal(await real.hasLink(real.guestsNetwork, 'csb3'), false);
    assert.deepEqual((await network.observe()).rules, { inForce: true });
    assert.equal(reached(await probe(from(left), tcp('10.30.0.5', 631))), true);
    await network.apply(kindsOfZones);
    assert.equal(reached(await probe(from(left), tcp('10.40.0.6', 80))), true);
    assert.equal(reached(await probe(from(left), tcp('10.30.0.5', 631))), true);
  });

  test('new connections of a flow with a rate are counted, and those of before go on', async () => {
    const asWorld = () => probe(real.worldNetwork, tcp('192.0.2.30', 80));
    const results: ProbeResult[] = [];
    for (let round = 0; round < 8; round++) results.push(await asWorld());
    assert.deepEqual(results.map(reached), [true, true, true, true, true, false, false, false]);
  });

  test('an IP protocol and ICMP types are allowed by their numbers', async () => {
    const raw = async (protocol: number, bytes: string) => {
      await run(['ip', 'netns', 'exec', real.worldNetwork, 'perl', '-e', rawPacket, '192.0.2.30', String(protocol), bytes]);
    };
    await real.nft(from(front), 'add table ip heard');
    await real.nft(from(front), 'add chain ip heard arrival { type filter hook prerouting priority -500 ; }');
    await real.nft(from(front), 'add set ip heard kinds { type inet_proto ; flags dynamic ; }');
    await real.nft(from(front), 'add set ip heard types { type icmp_type ; flags dynamic ; }');
    await real.nft(from(front), 'add rule ip heard arrival add @kinds { ip protocol }');
    await real.nft(from(front), 'add rule ip heard arrival add @types { icmp type }');
    for (const protocol of [47, 50, 132]) await raw(protocol, '00000000000000000000000000000000');
    // Timestamp, unreachable of nothing that anybody sent, information, address mask.
    for (const type of ['0d00', '0301', '0f00', '1100']) await raw(1, `${type}${checksum(type)}00010001${'00'.repeat(12)}`);
    const list = async (set: string) => real.nft(from(front), `-n list set ip heard ${set}`);
    await waitFor('the allowed packets', async () => /47/.test(await list('kinds')) && /13/.test(await list('types')), {
      timeoutMs: 60_000,
    });
    assert.ok(!/50|132/.test(await list('kinds')), await list('kinds'));
    assert.deepEqual([...(await list('types')).matchAll(/\b(3|13|15|17)\b/g)].map(([type]) => type).toSorted(), ['13', '3']);
  });

  test('an uplink that cannot do what is asked of it is named, and nothing is changed', async () => {
    const withOffice = (uplink: { interface: string; gateway?: string; vlan?: number }): NetworkState => ({
      ...kindsOfZones,
      zones: kindsOfZones.zones.map((zone) => (zone.name === 'office' ? { ...zone, uplink } : zone)),
      publications: [],
    });
    const before = await real.nft(real.guestsNetwork, '-t list table inet caisson');
    const chain = /state_[0-9a-f]{32}/.exec(before)?.[0] ?? 'none';
    await real.ip(real.guestsNetwork, 'link add eth7 type veth peer name eth8', 'link add br0 type bridge', 'link set eth8 master br0');
    await assert.rejects(network.apply(withOffice({ interface: 'eth7', gateway: '198.51.100.1' })), {
      code: 'missing',
      message: /IPv4 address on eth7/,
    });
    await real.ip(real.guestsNetwork, 'address add 198.51.100.2/24 dev eth7', 'address add 2001:db8:7::2/64 dev eth7');
    await assert.rejects(network.apply(withOffice({ interface: 'eth7' })), { code: 'missing', message: /default route/ });
    await assert.rejects(network.apply(withOffice({ interface: 'eth8' })), { code: 'not-allowed', message: /br0/ });
    await assert.rejects(network.apply(withOffice({ interface: 'eth7', vlan: 20 })), { code: 'missing', message: /8021q/ });
    assert.ok((await real.nft(real.guestsNetwork, '-t list table inet caisson')).includes(chain));
    await real.ip(real.guestsNetwork, 'link del br0', 'link del eth7');
    await network.apply(kindsOfZones);
    assert.deepEqual((await network.observe()).rules, { inForce: true });
  });

  test('removed, no bridge, proxy or rule is left behind', async () => {
    await network.remove();
    assert.equal(await real.nft(real.guestsNetwork, 'list tables'), '');
    assert.equal(await real.hasLink(real.guestsNetwork, 'csb3'), false);
    for (const args of [
      ['rule', 'show'],
      ['-6', 'rule', 'show'],
      ['neigh', 'show', 'proxy'],
      ['route', 'show', 'table', 'all'],
    ])
      assert.ok(!(await run(['ip', '-n', real.guestsNetwork, ...args])).stdout.includes('proto 202'), args.join(' '));
  });
});

const broadcast = `use Socket; socket(my $s, AF_INET, SOCK_DGRAM, 0) or die; setsockopt($s, SOL_SOCKET, SO_BROADCAST, 1);
send($s, 'hello', 0, pack_sockaddr_in($ARGV[1], inet_aton($ARGV[0]))) or die $!;`;

const rawPacket = `use Socket; socket(my $s, AF_INET, SOCK_RAW, $ARGV[1]) or die; send($s, pack('H*', $ARGV[2]), 0, pack_sockaddr_in(0, inet_aton($ARGV[0]))) or die $!;`;

/** Of an ICMP message that is its type and code, two words of 1, and zeros. */
function checksum(typeAndCode: string): string {
  return (0xffff - (Number.parseInt(typeAndCode, 16) + 2)).toString(16).padStart(4, '0');
}
