// nmap, from every guest and from the world: what it reaches is what the flows allow, neither more nor less.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { familyOf } from '../../src/model/address.ts';
import { isAllowed } from '../../src/plan/reachability.ts';
import { AttackLab, attackNetwork, attackNics } from '../attack/attack-lab.ts';
import { scan } from '../attack/scan.ts';
import { world } from '../network/real-network.ts';

/** Every port that a flow names, those beside it, and some that attackers like. */
const tcp = [1, 21, 22, 23, 24, 25, 26, 52, 53, 54, 79, 80, 81, 111, 442, 443, 444, 2379, 3305, 3306, 3307, 8080, 65_535];
const udp = [1, 49, 50, 55, 60, 61, 67, 68, 122, 123, 124, 161, 546, 547, 65_535];
/** The host's DHCP says nothing to what it cannot read. */
const silent = new Set(['10.20.0.1 udp/67', 'fd20:0:a14:5::1 udp/547']);

const skip = existsSync('/usr/bin/nmap') ? false : 'nmap is not installed';

describe('the ports that nmap reaches', { skip }, () => {
  const lab = new AttackLab('scan');
  const { real } = lab;
  before(() => lab.open());
  after(() => lab.close());

  const sources = [
    ...Object.values(attackNics).flatMap((nic) => nic.addresses.map((from) => ({ name: nic.guestName, kind: 'guest' as const, from }))),
    ...[world.far, world.far6, world.elsewhere].map((from) => ({ name: 'world', kind: 'world' as const, from })),
  ];
  const namespaceOf = (name: string) => (name === 'world' ? real.worldNetwork : real.guestOf(attackNics[name as keyof typeof attackNics]));

  describe('with the rules', { concurrency: 3 }, () => {
    for (const { name, kind, from } of sources) {
      test(`from ${name} (${from}) are those that flows allow`, async () => {
        const family = familyOf(from);
        const own = kind === 'guest' ? attackNics[name as keyof typeof attackNics].addresses : [];
        const guests = attackNetwork.nics.flatMap((nic) => nic.addresses);
        const beyond = kind === 'guest' ? [world.far, world.far6] : [];
        const to = [...guests, ...beyond, '10.20.0.1', 'fd20:0:a14:5::1'].filter(
          (address) => familyOf(address) === family && !own.includes(address),
        );
        const { reached, tried } = await scan({
          namespace: namespaceOf(name),
          from,
          to,
          tcp: tcp.join(','),
          udp: udp.join(','),
          rate: 300,
        });
        assert.equal(tried, to.length * (tcp.length + udp.length));
        const expected = to.flatMap((address) =>
          [...tcp.map((port) => ({ protocol: 'tcp' as const, port })), ...udp.map((port) => ({ protocol: 'udp' as const, port }))]
            .filter(
              ({ protocol, port }) => isAllowed(attackNetwork, { from: { kind, address: from }, to: { address }, protocol, port }).allowed,
            )
            .map(({ protocol, port }) => `${address} ${protocol}/${port}`)
            .filter((one) => !silent.has(one)),
        );
        // The kernel bounds how often it says that nobody listens: those that said nothing are asked again by themselves.
        for (const missing of expected.filter((one) => !reached.has(one))) {
          const [address = '', protocol, port = ''] = missing.split(/[ /]/);
          const again = await scan({
            namespace: namespaceOf(name),
            from,
            to: [address],
            ...(protocol === 'tcp' ? { tcp: port } : { udp: port }),
            rate: 1,
          });
          for (const one of again.reached) reached.add(one);
        }
        assert.deepEqual([...reached].toSorted(), expected.toSorted());
      });
    }

    test('of all 65,535 a guest reaches the one that a flow allows, the world the two, and one without flows none', async () => {
      const all = (name: 'web' | 'mallory' | 'world', from: string, to: string) =>
        scan({ namespace: namespaceOf(name), from, to: [to], tcp: '-', rate: 8000, retries: 1 }).then(({ reached, tried }) => {
          assert.equal(tried, 65_535);
          return [...reached].toSorted();
        });
      const [ofWeb, ofMallory, ofWorld] = await Promise.all([
        all('web', '192.0.2.10', '10.20.0.5'),
        all('mallory', 'fd20:0:a14:5::66', 'fd20:0:a14:5::5'),
        all('world', world.far, '192.0.2.10'),
      ]);
      assert.deepEqual(ofWeb, ['10.20.0.5 tcp/3306']);
      assert.deepEqual(ofMallory, []);
      assert.deepEqual(ofWorld, ['192.0.2.10 tcp/443', '192.0.2.10 tcp/80']);
    });
  });

  test('without the rules a guest without flows reaches every one', async () => {
    await lab.takeGuardsAway();
    for (const [from, to] of [
      ['10.20.0.66', '10.20.0.5'],
      ['fd20:0:a14:5::66', 'fd20:0:a14:5::5'],
    ] as const) {
      const { reached } = await scan({ namespace: namespaceOf('mallory'), from, to: [to], tcp: tcp.join(','), rate: 300 });
      assert.deepEqual([...reached].toSorted(), tcp.map((port) => `${to} tcp/${port}`).toSorted());
    }
  });
});
