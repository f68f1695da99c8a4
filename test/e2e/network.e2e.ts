// The guests' network for real: rules, routes, DHCP and names in the kernel, with namespaces in the place of guests and of the world.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { createNftablesNetwork } from '../../src/drivers/nftables/network.ts';
import { run } from '../../src/lib/exec.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import { familyOf } from '../../src/model/address.ts';
import type { NetworkState } from '../../src/model/network-state.ts';
import { isAllowed } from '../../src/plan/reachability.ts';
import { exampleNetwork, exampleNics } from '../network/example-network.ts';
import type { Probe, ProbeResult } from '../network/inside.ts';
import { largeNetwork } from '../network/large-network.ts';
import { RealNetwork, world } from '../network/real-network.ts';

const { web, dns, database, app } = exampleNics;
const [webAddress = '', webAlias = '', webAddress6 = ''] = web.addresses;
const [dnsAddress = '', dnsAddress6 = ''] = dns.addresses;
const [databaseAddress = '', databaseAddress6 = ''] = database.addresses;
const [appAddress = ''] = app.addresses;

describe('network of the example', () => {
  const real = new RealNetwork('lab');
  const { network } = real;

  before(async () => {
    await real.open();
    for (const nic of exampleNetwork.nics) await real.plug(nic, exampleNetwork);
  });
  after(() => real.close());

  test('nothing is connected before its rules are in force', async () => {
    await assert.rejects(network.connect(web.tap), { code: 'not-allowed' });
    await network.apply(exampleNetwork);
    assert.equal(await real.hasLink(real.guestsNetwork, web.tap), false);
    await assert.rejects(network.connect('csgzzzzzzzzzz0'), { code: 'not-allowed' });
    for (const nic of exampleNetwork.nics) await network.connect(nic.tap);
    await real.routeWorldVia(webAddress, '10.20.0.0/16');
    await real.routeWorldVia(webAddress6, 'fd20:0:a14:5::/64');
    const observed = await network.observe();
    assert.deepEqual(observed, {
      rules: { inForce: true },
      wiring: { intact: true },
      taps: exampleNetwork.nics.map(({ tap }) => tap).toSorted(),
      names: { running: true },
      others: [],
      silentRouters: [],
    });
  });

  test('each of guests, world and host reaches exactly what the flows allow', async () => {
    const sources: { namespace: string; kind: 'guest' | 'world' | 'host'; addresses: (string | undefined)[] }[] = [
      ...exampleNetwork.nics.map((nic) => ({ namespace: real.guestOf(nic), kind: 'guest' as const, addresses: nic.addresses })),
      { namespace: real.worldNetwork, kind: 'world', addresses: [world.wire, world.wire6, world.far, world.far6, world.elsewhere] },
      { namespace: real.guestsNetwork, kind: 'host', addresses: [undefined] },
    ];
    const guestAddresses = exampleNetwork.nics.flatMap((nic) => nic.addresses);
    const ports: Pick<Probe, 'protocol' | 'port'>[] = [
      ...[22, 25, 53, 80, 443, 3306, 3307].map((port) => ({ protocol: 'tcp', port }) as const),
      ...[53, 55, 60, 61, 123].map((port) => ({ protocol: 'udp', port }) as const),
      { protocol: 'icmp', port: 0 },
    ];
    const wrong: string[] = [];
    let passed = 0;
    let refused = 0;
    for (const { namespace, kind, addresses } of sources) {
      const own = exampleNetwork.nics.find((nic) => kind === 'guest' && real.guestOf(nic) === namespace)?.addresses ?? [];
      const destinations = [
        ...guestAddresses,
        ...(kind === 'guest' ? [world.far, world.far6, '169.254.64.1', 'fd20:0:a14:5::1'] : []),
      ].filter((address) => !own.includes(address));
      const probes = addresses.flatMap((from) =>
        destinations
          .filter((to) => from === undefined || familyOf(from) === familyOf(to))
          .flatMap((to) => ports.map((port): Probe => ({ ...port, ...(from !== undefined && { from }), to }))),
      );
      const results = await real.ask<ProbeResult[]>(namespace, { do: 'probe', probes, timeoutMs: 600 });
      for (const [index, probe] of probes.entries()) {
        // Datagrams that a name server cannot read are answered by nobody.
        if (probe.protocol === 'udp' && probe.port === 53 && !guestAddresses.includes(probe.to)) continue;
        const from = probe.from ?? (familyOf(probe.to) === 4 ? '10.20.0.1' : 'fd20:0:a14:5::1');
        const { allowed } = isAllowed(exampleNetwork, {
          from: { kind, address: from },
          to: { address: probe.to },
          protocol: probe.protocol,
          port: probe.port,
        });
        let got = results[index];
        // Of many answers at once the kernel may leave some out.
        if (allowed && got === 'silent') got = await real.probe(namespace, probe);
        const reached = got === 'open' || got === 'closed';
        if (reached) passed++;
        else refused++;
        if (reached !== allowed)
          wrong.push(`${kind} ${from} → ${probe.to} ${probe.protocol}/${probe.port}: ${got}, expected ${allowed ? 'to pass' : 'refusal'}`);
      }
    }
    assert.deepEqual(wrong, []);
    assert.ok(passed > 100 && refused > 500, `${passed} passed, ${refused} refused`);
  });

  test('what is refused is answered to guests, and not to the world', async () => {
    const app = real.guestOf(exampleNics.app);
    for (const to of [
      databaseAddress,
      databaseAddress6,
      dnsAddress,
      dnsAddress6,
      '10.20.0.1',
      '10.20.9.9',
      'fd20:0:a14:5::9',
      world.far,
      world.far6,
    ]) {
      // The kernel may overlook an answer that comes while it still sends: the next attempt, a second later, hears it.
      assert.equal(await real.probe(app, { protocol: 'tcp', to, port: 81 }, 5000), 'prohibited', to);
    }
    for (const to of [webAddress, webAddress6, databaseAddress, '10.20.9.9', 'fd20:0:a14:5::9', '10.20.0.1', 'fd20:0:a14:5::1']) {
      assert.equal(
        await real.probe(real.worldNetwork, { protocol: 'tcp', from: familyOf(to) === 4 ? world.elsewhere : world.far6, to, port: 81 }),
        'silent',
        to,
      );
    }
  });

  test('a guest speaks with its own addresses and its own MAC, or not at all', async () => {
    const guest = real.guestOf(web);
    await real.ask(real.guestOf(dns), { do: 'listen', port: 53 });
    const heard = () => real.ask<string[]>(real.guestOf(dns), { do: 'heard', port: 53 });
    const shout = (from: string, to: string) => real.ask(guest, { do: 'shout', from, to, port: 53 });
    await shout(webAddress, dnsAddress);
    await waitFor('the guest’s own address is heard', async () => (await heard()).includes(webAddress), { timeoutMs: 60_000 });
    // 192.0.2.9 is in the range that the flow allows, and nobody's.
    for (const from of ['192.0.2.9', '2001:db8:1::9', appAddress, databaseAddress, world.far, '10.20.0.1', '169.254.64.1', '127.0.0.9']) {
      await real.ip(guest, `address add ${from}/${familyOf(from) === 4 ? '32 dev eth0' : '128 dev eth0 nodad'}`);
      await shout(from, familyOf(from) === 4 ? dnsAddress : dnsAddress6);
      await real.ip(guest, `address del ${from}/${familyOf(from) === 4 ? 32 : 128} dev eth0`);
    }
    await shout(webAlias, dnsAddress);
    await waitFor('what was said last is heard', async () => (await heard()).includes(webAlias), { timeoutMs: 60_000 });
    assert.deepEqual([...new Set(await heard())].toSorted(), [webAddress, webAlias].toSorted());
    const reaches = () => real.probe(guest, { protocol: 'tcp', to: dnsAddress, port: 53 }, 400);
    assert.equal(await reaches(), 'open');
    await real.ip(guest, 'link set eth0 address 52:54:00:00:00:99');
    assert.equal(await reaches(), 'silent');
    await real.ip(guest, `link set eth0 address ${web.mac}`);
    await waitFor('its own MAC passes again', async () => (await reaches()) === 'open', { timeoutMs: 60_000 });
  });

  test('the wire learns of connected guests, of nothing else, and never of the router’s address', async () => {
    const answers = async (address: string) =>
      (
        await run(['ip', 'netns', 'exec', real.worldNetwork, 'busybox', 'arping', '-c', '1', '-w', '1', '-I', 'eth0', address], {
          okCodes: [0, 1],
        })
      ).code === 0;
    for (const address of [webAddress, webAlias, dnsAddress]) assert.equal(await answers(address), true, address);
    for (const address of ['192.0.2.99', databaseAddress, '10.20.0.1', '169.254.64.1'])
      assert.equal(await answers(address), false, address);
    await real.ip(real.worldNetwork, `address del ${world.wire}/24 dev eth0`, 'address add 192.0.2.200/24 dev eth0');
    assert.equal(await answers(world.wire), false);
    await real.ip(real.worldNetwork, 'address del 192.0.2.200/24 dev eth0', `address add ${world.wire}/24 dev eth0`);
    await real.routeWorldVia(webAddress, '10.20.0.0/16');
  });

  test('names of all zones are known to guests, and nobody outside is asked', async () => {
    const resolve = (server: string, name: string, type: 'A' | 'AAAA' | 'PTR' = 'A') =>
      real.ask<string[] | string>(real.guestOf(database), { do: 'resolve', server, name, type });
    assert.deepEqual(await resolve('10.20.0.1', 'web.external.lab'), [webAddress, webAlias]);
    assert.deepEqual(await resolve('fd20:0:a14:5::1', 'dns.external.lab', 'AAAA'), [dnsAddress6]);
    assert.deepEqual(await resolve('10.20.0.1', '5.0.20.10.in-addr.arpa', 'PTR'), ['database.internal.lab']);
    assert.equal(await resolve('10.20.0.1', 'nobody.internal.lab'), 'ENOTFOUND');
    assert.equal(await resolve('10.20.0.1', 'example.com'), 'EREFUSED');
    assert.deepEqual(await real.ask(real.guestOf(web), { do: 'resolve', server: '169.254.64.1', name: 'app.internal.lab', type: 'A' }), [
      appAddress,
    ]);
  });

  test('the name service is an ordinary user with three capabilities', async () => {
    const { pid } = JSON.parse(readFileSync(`${real.folder}/network/dnsmasq.json`, 'utf8')) as { pid: number };
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    assert.match(status, /^CapEff:\s*0000000000003400$/m);
    assert.match(status, /^CapBnd:\s*0000000000003400$/m);
    assert.match(status, /^NoNewPrivs:\s*1$/m);
    assert.match(status, /^Uid:(\s+1899999999){4}$/m);
  });

  test('the same network applied again touches nothing', async () => {
    const rules = () => real.nft(real.guestsNetwork, '-a list table inet caisson');
    const withoutCounters = (text: string) => text.replaceAll(/packets \d+ bytes \d+/g, '');
    const before = await rules();
    const record = readFileSync(`${real.folder}/network/dnsmasq.json`, 'utf8');
    await network.apply(structuredClone(exampleNetwork));
    assert.equal(withoutCounters(await rules()), withoutCounters(before));
    assert.equal(readFileSync(`${real.folder}/network/dnsmasq.json`, 'utf8'), record);
  });

  test('a flow taken back ends its connections, and no others', async () => {
    const guest = real.guestOf(web);
    await real.ask(real.guestOf(database), { do: 'listen', port: 3306 });
    await real.ask(guest, { do: 'open', key: 'data', to: databaseAddress, port: 3306 });
    await real.ask(guest, { do: 'open', key: 'data6', to: databaseAddress6, port: 3306 });
    await real.ask(guest, { do: 'open', key: 'names', to: dnsAddress, port: 53 });
    const say = (key: string, text: string, timeoutMs = 2000) => real.ask<string>(guest, { do: 'say', key, text, timeoutMs });
    assert.deepEqual([await say('data', 'one '), await say('data6', 'one '), await say('names', 'one ')], ['one ', 'one ', 'one ']);
    const flows = exampleNetwork.flows.filter(({ text }) => !text.startsWith('web → database'));
    await network.apply({ ...exampleNetwork, flows });
    assert.equal(await say('names', 'two '), 'one two ');
    assert.deepEqual(await Promise.all([say('data', 'two ', 700), say('data6', 'two ', 700)]), ['silent', 'silent']);
    await network.apply(exampleNetwork);
    assert.equal(await say('names', 'three '), 'one two three ');
    // What was held back is sent again when it may pass.
    assert.deepEqual(await Promise.all([say('data', 'three ', 10_000), say('data6', 'three ', 10_000)]), [
      'one two three ',
      'one two three ',
    ]);
  });

  test('rules that somebody changes or flushes are noticed and mended', async () => {
    for (const [command, why] of [
      ['add element inet caisson between4 { 192.0.2.10 . 10.20.0.5 . tcp . 22 }', /changed/],
      ['insert rule inet caisson forward accept', /changed/],
      ['flush ruleset', /gone/],
    ] as const) {
      const heard = new Promise<void>((resolve) => void network.onChange(resolve));
      await real.nft(real.guestsNetwork, command);
      await heard;
      const { rules } = await network.observe();
      assert.ok(!rules.inForce && why.test(rules.why), command);
      if (command !== 'add element inet caisson between4 { 192.0.2.10 . 10.20.0.5 . tcp . 22 }')
        await assert.rejects(network.connect(web.tap), { code: 'not-allowed' });
      await network.apply(exampleNetwork);
      assert.deepEqual((await network.observe()).rules, { inForce: true });
    }
    await network.connect(web.tap);
  });

  test('while nobody changes anything the rules are not read again, and what we do ourselves is no change of somebody’s', async () => {
    await network.apply({ ...exampleNetwork, flows: [] });
    await network.apply(exampleNetwork);
    await network.observe();
    const before = real.fullReads;
    for (let round = 0; round < 5; round++) assert.deepEqual((await network.observe()).rules, { inForce: true });
    assert.equal(real.fullReads, before);
  });

  test('a tap that somebody takes down or away is noticed', async () => {
    const taps = async () => (await network.observe()).taps;
    assert.ok((await taps()).includes(web.tap));
    const heard = new Promise<void>((resolve) => void network.onChange(resolve));
    await real.ip(real.guestsNetwork, `link set dev ${web.tap} down`);
    await heard;
    assert.ok(!(await taps()).includes(web.tap));
    await network.connect(web.tap);
    assert.ok((await taps()).includes(web.tap));
  });

  describe('what somebody takes away is found, named, and back with the next apply:', () => {
    const setting = (name: string, value: number) => `-q -w ${name}=${value}`.split(' ');
    const harms: { what: string; argv: [string, ...string[]]; named: RegExp }[] = [
      { what: 'a guest’s route', argv: ['ip', 'route', 'del', databaseAddress], named: /10\.20\.0\.5/ },
      { what: 'a guest’s IPv6 route', argv: ['ip', '-6', 'route', 'del', databaseAddress6], named: /fd20:0:a14:5::5/ },
      { what: 'a zone’s route', argv: ['ip', 'route', 'del', 'prohibit', '10.20.0.0/16'], named: /prohibit 10\.20\.0\.0\/16/ },
      { what: 'the way out', argv: ['ip', 'route', 'del', 'default', 'via', world.wire], named: /default via 192\.0\.2\.1/ },
      { what: 'the stop for what no rule has seen', argv: ['ip', 'rule', 'del', 'pref', '20102'], named: /blackhole/ },
      { what: 'a proxy on the wire', argv: ['ip', 'neigh', 'del', 'proxy', webAddress, 'dev', 'eth1'], named: /192\.0\.2\.10 on eth1/ },
      { what: 'the host’s address', argv: ['ip', 'address', 'del', '10.20.0.1/16', 'dev', database.tap], named: /10\.20\.0\.1\/16/ },
      { what: 'a neighbour known for good', argv: ['ip', 'neigh', 'del', appAddress, 'dev', app.tap], named: /10\.20\.0\.6/ },
      { what: 'the host’s MAC', argv: ['ip', 'link', 'set', app.tap, 'address', '02:00:00:00:00:07'], named: /another MAC/ },
      { what: 'forwarding', argv: ['sysctl', ...setting('net.ipv4.conf.eth1.forwarding', 0)], named: /forwarding of IPv4 is off on eth1/ },
      { what: 'IPv6 forwarding', argv: ['sysctl', ...setting('net.ipv6.conf.all.forwarding', 0)], named: /forwarding of IPv6/ },
      { what: 'the uplink', argv: ['ip', 'link', 'set', 'eth1', 'down'], named: /eth1 is down/ },
    ];
    for (const { what, argv, named } of harms) {
      test(what, async () => {
        await waitFor('nothing is missing', async () => (await network.observe()).wiring.intact, { timeoutMs: 60_000 });
        await run(['ip', 'netns', 'exec', real.guestsNetwork, ...argv]);
        const missing = await waitFor(
          'it is noticed',
          async () => {
            const { wiring } = await network.observe();
            return wiring.intact ? undefined : wiring.missing;
          },
          { timeoutMs: 60_000, everyMs: 200 },
        );
        assert.ok(
          missing.some((one) => named.test(one)),
          missing.join('; '),
        );
        await network.apply(exampleNetwork);
        assert.deepEqual((await network.observe()).wiring, { intact: true });
        assert.equal(await real.probe(real.guestOf(web), { protocol: 'tcp', to: databaseAddress, port: 3306 }, 3000), 'open');
        assert.equal(await real.probe(real.worldNetwork, { protocol: 'tcp', to: webAddress, port: 80 }, 3000), 'closed');
      });
    }
  });

  test('tables of others are left alone and told of, and what happens in them costs nothing', async () => {
    const others = async () => (await network.observe()).others.filter(({ name }) => name === 'inet others');
    await real.nft(real.guestsNetwork, 'add table inet others; add set inet others busy { type ipv4_addr; }');
    await network.apply(exampleNetwork);
    await network.observe();
    const before = [real.fullReads, real.wholePuts];
    for (let round = 0; round < 4; round++) {
      await real.nft(real.guestsNetwork, `add element inet others busy { 203.0.113.${round} }`);
      await network.apply(round % 2 === 0 ? { ...exampleNetwork, flows: [] } : exampleNetwork);
    }
    assert.deepEqual([real.fullReads, real.wholePuts], before);
    assert.match(await real.nft(real.guestsNetwork, 'list tables'), /inet others/);
    assert.deepEqual(await others(), []);
    const reads = real.fullReads;
    const change = async (command: string) => {
      const heard = new Promise<void>((resolve) => void network.onChange(resolve));
      await real.nft(real.guestsNetwork, command);
      await heard;
    };
    await change('add chain inet others stops { type filter hook forward priority 5; policy drop; }');
    assert.deepEqual(await others(), [{ name: 'inet others', refuses: 'all' }]);
    await change('delete table inet others');
    assert.deepEqual(await others(), []);
    assert.equal(real.fullReads, reads);
  });

  test('a network that cannot be made leaves the rules of before', async () => {
    const rules = () => real.nft(real.guestsNetwork, '-t list table inet caisson');
    const chain = /state_[0-9a-f]{32}/.exec(await rules())?.[0] ?? 'none';
    const zones = exampleNetwork.zones.map((zone) => (zone.uplink ? { ...zone, uplink: { ...zone.uplink, interface: 'eth9' } } : zone));
    await assert.rejects(network.apply({ ...exampleNetwork, zones }), { code: 'missing', message: /eth9/ });
    assert.ok((await rules()).includes(chain));
    await network.apply(exampleNetwork);
  });

  test('another process takes over what it finds', async () => {
    const other = createNftablesNetwork({ helper: real.openHelper() });
    await other.apply(exampleNetwork);
    assert.equal((await other.observe()).rules.inForce, true);
    assert.equal(await real.probe(real.guestOf(web), { protocol: 'tcp', to: databaseAddress, port: 3306 }), 'open');
    await network.apply(exampleNetwork);
  });

  test('an address more is usable at once, an address less at once no more', async () => {
    const guest = real.guestOf(web);
    const alias = '192.0.2.12';
    const withAlias: NetworkState = {
      ...exampleNetwork,
      nics: exampleNetwork.nics.map((nic) => (nic.tap === web.tap ? { ...nic, addresses: [...nic.addresses, alias] } : nic)),
      flows: [
        ...exampleNetwork.flows,
        {
          from: { kind: 'world' },
          to: { kind: 'addresses', cidrs: [`${alias}/32`] },
          services: [{ protocol: 'tcp', ports: { from: 80, to: 80 } }],
          text: '',
        },
      ],
    };
    await real.ip(guest, `address add ${alias}/24 dev eth0`);
    const reached = async () => (await real.probe(real.worldNetwork, { protocol: 'tcp', to: alias, port: 80 }, 500)) === 'closed';
    assert.equal(await reached(), false);
    await network.apply(withAlias);
    await waitFor('the alias is reached', reached, { timeoutMs: 60_000 });
    await network.apply(exampleNetwork);
    assert.equal(await reached(), false);
    await real.ip(guest, `address del ${alias}/24 dev eth0`);
  });

  test('with a second uplink each zone leaves by its own router', async () => {
    await real.ip(real.guestsNetwork, 'link add eth2 type veth peer name eth2far', 'link set eth2far up');
    const second = {
      name: 'second',
      index: 2,
      subnets: ['198.51.100.0/24'],
      gateways: ['198.51.100.1'],
      hostAddresses: ['169.254.64.2'],
      uplink: { interface: 'eth2', gateway: '198.51.100.1' },
    };
    const wayFrom = async (address: string, tap: string) =>
      (
        await run(['ip', '-n', real.guestsNetwork, 'route', 'get', world.far, 'from', address, 'iif', tap, 'mark', '0xca150000'])
      ).stdout.split('\n')[0] ?? '';
    const rules = async () => (await run(['ip', '-n', real.guestsNetwork, 'rule', 'show'])).stdout;
    const before = await rules();
    await network.apply({ ...exampleNetwork, zones: [...exampleNetwork.zones, second] });
    const during = await rules();
    await network.apply({ ...exampleNetwork, zones: [...exampleNetwork.zones, second] });
    assert.equal(await rules(), during);
    assert.match(await wayFrom(webAddress, web.tap), /via 192\.0\.2\.1 dev eth1 table 20200/);
    assert.match(await wayFrom(appAddress, app.tap), /via 192\.0\.2\.1 dev eth1 table 20200/);
    assert.match(
      (await run(['ip', '-n', real.guestsNetwork, 'route', 'show', 'table', '20201'])).stdout,
      /default via 198\.51\.100\.1 dev eth2/,
    );
    assert.match(during, /from 198\.51\.100\.0\/24 lookup 20201/);
    assert.match(await real.probe(real.guestOf(web), { protocol: 'tcp', to: databaseAddress, port: 3306 }), /open|closed/);
    await network.apply(exampleNetwork);
    assert.equal(await rules(), before);
    await real.ip(real.guestsNetwork, 'link del eth2');
  });

  test('the world cannot speak with addresses from inside', async () => {
    const guest = real.guestOf(web);
    await real.nft(guest, 'add table inet heard');
    await real.nft(guest, 'add chain inet heard arrival { type filter hook prerouting priority 0 ; }');
    await real.nft(guest, 'add set inet heard senders { type ipv4_addr ; flags dynamic ; }');
    await real.nft(guest, 'add rule inet heard arrival tcp dport 80 add @senders { ip saddr }');
    const foreign = [dnsAddress, appAddress, '10.20.9.9', '169.254.64.1'];
    for (const from of foreign) await real.ip(real.worldNetwork, `address add ${from}/32 dev lo`);
    for (const from of [...foreign, world.far])
      await real.probe(real.worldNetwork, { protocol: 'tcp', from, to: webAddress, port: 80 }, 300);
    for (const from of foreign) await real.ip(real.worldNetwork, `address del ${from}/32 dev lo`);
    const senders = /elements = \{ ([^}]*) \}/.exec(await real.nft(guest, 'list set inet heard senders'))?.[1];
    assert.equal(senders, world.far);
    await real.nft(guest, 'delete table inet heard');
  });

  test('a guest that is away is not looked for on the wire', async () => {
    await network.disconnect(dns.tap);
    await real.ip(real.worldNetwork, `address add ${dnsAddress}/32 dev eth0`);
    assert.equal(await real.probe(real.guestOf(app), { protocol: 'tcp', to: world.wire, port: 25 }), 'closed');
    assert.equal(await real.probe(real.guestOf(app), { protocol: 'tcp', to: dnsAddress, port: 25 }), 'prohibited');
    await real.ip(real.worldNetwork, `address del ${dnsAddress}/32 dev eth0`);
  });

  test('a nic that goes out leaves nothing behind', async () => {
    await network.disconnect(app.tap);
    await network.disconnect(app.tap);
    assert.equal(await real.hasLink(real.guestsNetwork, app.tap), false);
    await network.disconnect(dns.tap);
    const { stdout } = await run(['ip', '-n', real.guestsNetwork, 'neigh', 'show', 'proxy']);
    assert.ok(!stdout.includes(dnsAddress) && stdout.includes(webAddress), stdout);
  });

  test('removed, it leaves nothing behind', async () => {
    const { pid } = JSON.parse(readFileSync(`${real.folder}/network/dnsmasq.json`, 'utf8')) as { pid: number };
    await network.remove();
    await network.remove();
    assert.equal(await real.nft(real.guestsNetwork, 'list tables'), '');
    const left = await Promise.all([
      run(['ip', '-n', real.guestsNetwork, 'route', 'show']),
      run(['ip', '-n', real.guestsNetwork, '-6', 'route', 'show', 'proto', '202']),
      run(['ip', '-n', real.guestsNetwork, 'neigh', 'show', 'proxy']),
    ]);
    assert.deepEqual(
      left.map(({ stdout }) => stdout.trim()),
      ['', '', ''],
    );
    assert.throws(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8').trim() || assert.fail());
  });
});

describe('addresses and routes handed out', () => {
  const real = new RealNetwork('dhcp');
  before(async () => {
    await real.open();
    await real.network.apply(exampleNetwork);
    for (const nic of [web, database]) {
      await real.plug(nic, exampleNetwork, { addresses: false });
      await real.network.connect(nic.tap);
    }
  });
  after(() => real.close());

  /** One run of a real client; what it was told, by name. */
  async function lease(namespace: string, ...options: string[]): Promise<Record<string, string>> {
    assert.ok(await real.askForLease(namespace, { script: `env > ${real.folder}/told`, options }));
    return Object.fromEntries(
      readFileSync(`${real.folder}/told`, 'utf8')
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  }

  test('a client gets its address, its router and its names, also where the router is the institution’s', async () => {
    const told = await lease(real.guestOf(web), '-O', 'search');
    assert.deepEqual(
      [told['ip'], told['mask'], told['router'], told['dns'], told['serverid'], told['search']],
      [webAddress, '24', '192.0.2.1', '169.254.64.1', '169.254.64.1', 'external.lab lab'],
    );
    const inside = await lease(real.guestOf(database), '-O', 'search');
    assert.deepEqual(
      [inside['ip'], inside['mask'], inside['router'], inside['dns'], inside['hostname']],
      [databaseAddress, '16', '10.20.0.1', '10.20.0.1', 'database'],
    );
  });

  test('a client that renews by itself, without broadcast, is answered', async () => {
    const guest = real.guestOf(web);
    await real.ip(guest, `address add ${webAddress}/24 dev eth0`, 'route add default via 192.0.2.1 dev eth0');
    assert.equal(await real.probe(guest, { protocol: 'tcp', to: '169.254.64.1', port: 53 }), 'open');
    const told = await lease(guest, '-r', webAddress);
    assert.equal(told['ip'], webAddress);
  });

  test('the host’s advertisement gives the way out for IPv6, and nothing on the link', async () => {
    const guest = real.guestOf(web);
    await real.ip(guest, `address add ${webAddress6}/128 dev eth0 nodad`);
    const routes = async () => (await run(['ip', '-n', guest, '-6', 'route', 'show'])).stdout;
    const found = await waitFor(
      'the advertised route',
      async () => ((await routes()).includes('default via fe80::1') ? routes() : undefined),
      { timeoutMs: 60_000 },
    );
    assert.ok(!found.split('\n').some((line) => line.startsWith('2001:db8:1::/64')), found);
    await real.ip(real.worldNetwork, 'route add fd20:0:a14:5::/64 via 2001:db8:1::10 dev eth0 onlink');
    assert.equal(await real.probe(real.worldNetwork, { protocol: 'tcp', to: webAddress6, port: 80 }), 'closed');
  });

  test('a DHCPv6 client gets its address', async (t) => {
    const client = await run(['which', 'dhclient'], { okCodes: [0, 1] });
    if (client.code !== 0) return t.skip('dhclient is not installed');
    const script = `${real.folder}/told6.sh`;
    writeFileSync(script, `#!/bin/sh\n[ "$reason" = BOUND6 ] && echo "$new_ip6_address" > ${real.folder}/told6\nexit 0\n`, { mode: 0o755 });
    const files = ['-sf', script, '-lf', `${real.folder}/leases6`, '-pf', `${real.folder}/pid6`];
    const run6 = (...options: string[]) =>
      run(['ip', 'netns', 'exec', real.guestOf(database), 'dhclient', '-6', ...options, ...files, 'eth0']);
    await run6('-1');
    await run6('-x');
    assert.equal(readFileSync(`${real.folder}/told6`, 'utf8').trim(), databaseAddress6);
  });
});

describe('a large network', () => {
  const real = new RealNetwork('large');
  before(() => real.open());
  after(() => real.close());

  test('of 1,000 nics and 10,000 flows is accepted by the kernel, and one change to it too', async () => {
    const state = largeNetwork(1000, 10_000);
    const { flows } = state;
    const started = performance.now();
    await real.network.apply(state);
    const applied = performance.now();
    await real.network.apply({ ...state, flows: flows.slice(1) });
    const changed = performance.now();
    await real.network.apply({ ...state, flows: flows.slice(1) });
    console.log(
      `apply ${Math.round(applied - started)} ms, one change ${Math.round(changed - applied)} ms, no change ${Math.round(performance.now() - changed)} ms`,
    );
    assert.equal((await real.network.observe()).rules.inForce, true);
  });
});
