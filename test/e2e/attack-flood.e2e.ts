// A guest that sends without end: what all guests share has room for the others, and not even while rules are replaced, or gone, does a
// forbidden packet pass.
// e2e: alone
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { run } from '../../src/lib/exec.ts';
import { AttackLab, attackNetwork, attackNics } from '../attack/attack-lab.ts';
import { addressBytes, arp, icmp6, ip, ipParts, macBytes, ndOption, protocols, u32, udp } from '../attack/frames.ts';
import type { Mark } from '../attack/wire.ts';

const { mallory, trudy, database, web, dns } = attackNics;
const [own4 = '', own6 = ''] = mallory.addresses;
const [victim4 = '', victim6 = ''] = database.addresses;
const [web4 = '', , web6 = ''] = web.addresses;
const [dns4 = '', dns6 = ''] = dns.addresses;
const [trudy4 = '', trudy6 = ''] = trudy.addresses;

describe('attacks that would wear the network out', () => {
  const lab = new AttackLab('flood');
  const { real } = lab;
  let ends = { from: mallory.mac, to: '' };
  before(async () => {
    await lab.open();
    ends = { from: mallory.mac, to: lab.hostMacFor('mallory') };
    for (const [nic, port] of [[database, 3306] as const, [dns, 53] as const]) await real.ask(real.guestOf(nic), { do: 'listen', port });
  });
  after(() => lab.close());

  const inHost = async (...argv: string[]) => (await run(['ip', 'netns', 'exec', real.guestsNetwork, ...argv])).stdout;
  async function assertFlow(): Promise<void> {
    for (const [from, to] of [
      [web4, victim4],
      [web6, victim6],
    ] as const)
      assert.equal(await real.probe(real.guestOf(web), { protocol: 'tcp', from, to, port: 3306 }, 3000), 'open', to);
  }

  test('thousands of neighbours that one guest claims to have leave room for those of others', async () => {
    const asks = Array.from({ length: 5000 }, (_, index) => {
      const from = `fe80::${(index + 16).toString(16)}`;
      const body = Buffer.concat([u32(0), addressBytes('fe80::1'), ndOption(1, macBytes(mallory.mac))]);
      return [
        arp(ends, {
          ask: true,
          sender: [mallory.mac, `10.20.${(index >> 8) + 1}.${index & 255}`],
          target: ['00:00:00:00:00:00', '10.20.0.1'],
        }),
        ip(ends, { from, to: 'fe80::1', protocol: protocols.icmp6, ttl: 255, payload: icmp6({ from, to: 'fe80::1' }, 135, 0, body) }),
      ];
    }).flat();
    // The host has to find these anew.
    for (const tap of [database.tap, web.tap]) await inHost('ip', 'neigh', 'flush', 'dev', tap);
    const { left } = await lab.send('mallory', () => asks);
    assert.ok(left >= asks.length);
    await assertFlow();
  });

  test('pieces that never become a whole leave room for those of others', async () => {
    const arrives = async (from: string, to: string) =>
      (
        await lab.send('trudy', (mark) => {
          const packet = {
            from,
            to,
            protocol: protocols.udp,
            id: 70,
            payload: udp({ from, to }, { from: 5, to: 53 }, Buffer.concat([Buffer.alloc(1600), mark.bytes])),
          };
          return ipParts({ from: trudy.mac, to: lab.hostMacFor('trudy') }, packet, 800);
        })
      ).heard.includes('dns');
    assert.equal(await arrives(trudy4, dns4), true);
    assert.equal(await arrives(trudy6, dns6), true);
    const payload = Buffer.alloc(2800);
    await lab.send('mallory', () =>
      Array.from({ length: 8000 }, (_, id) => [
        ...ipParts(ends, { from: own4, to: victim4, protocol: protocols.udp, id, payload }, 1400).slice(0, 1),
        ...ipParts(ends, { from: own6, to: victim6, protocol: protocols.udp, id, payload }, 1400).slice(0, 1),
        ...ipParts(ends, { from: web4, to: victim4, protocol: protocols.udp, id, payload }, 1400).slice(0, 1),
      ]).flat(),
    );
    assert.equal(await arrives(trudy4, dns4), true);
    assert.equal(await arrives(trudy6, dns6), true);
  });

  /** The floods' senders hear refusals, which quote what was refused. */
  const heardByVictims = async (mark: Mark) =>
    (await lab.heardSince(mark)).filter((name) => name !== 'mallory' && name !== 'world').toSorted();

  test('while rules are replaced again and again none of a flood of forbidden packets passes', async () => {
    const states = [
      attackNetwork,
      { ...attackNetwork, flows: attackNetwork.flows.slice(1) },
      { ...attackNetwork, flows: [], nics: attackNetwork.nics.slice(0, 6) },
    ];
    const { mark, sent } = await lab.flood(async () => {
      for (let round = 0; round < 21; round++) await real.network.apply(states[round % states.length] ?? attackNetwork);
      await real.network.apply(attackNetwork);
    });
    assert.ok(sent > 20_000, `${sent} sent`);
    assert.deepEqual(await heardByVictims(mark), []);
    await lab.assertFlows();
  });

  test('when somebody flushes the rules none of a flood of forbidden packets passes until they are back', async () => {
    const { mark, sent } = await lab.flood(async () => {
      const told = new Promise<void>((resolve) => void real.network.onChange(resolve));
      await real.nft(real.guestsNetwork, 'flush ruleset');
      await told;
      assert.equal((await real.network.observe()).rules.inForce, false);
      await real.network.apply(attackNetwork);
      assert.equal((await real.network.observe()).rules.inForce, true);
    });
    assert.ok(sent > 1000, `${sent} sent`);
    assert.deepEqual(await heardByVictims(mark), []);
    await lab.assertFlows();
  });

  test('connections without end of one guest leave room for those of others', async () => {
    const from = { from: web.mac, to: lab.hostMacFor('web') };
    const open = async (between: { from: string; to: string }) =>
      lab.wireOf('web').send(
        'eth0',
        Array.from({ length: 60_000 }, (_, index) =>
          ip(from, { ...between, protocol: protocols.udp, payload: udp(between, { from: 1024 + index, to: 53 }, Buffer.alloc(4)) }),
        ),
      );
    await open({ from: web4, to: dns4 });
    await open({ from: web6, to: dns6 });
    const [count = 0, most = 0] = (await inHost('sysctl', '-n', 'net.netfilter.nf_conntrack_count', 'net.netfilter.nf_conntrack_max'))
      .trim()
      .split('\n')
      .map(Number);
    assert.ok(count > 0 && count < most / 8, `${count} of ${most}`);
    assert.equal(await real.probe(real.guestOf(trudy), { protocol: 'tcp', to: dns4, port: 53 }, 3000), 'open');
    assert.equal(await real.probe(real.guestOf(trudy), { protocol: 'tcp', to: dns6, port: 53 }, 3000), 'open');
  });

  test('without the rules the same flood comes out', async () => {
    await lab.takeGuardsAway();
    const { mark } = await lab.flood(async () => undefined);
    assert.deepEqual(await heardByVictims(mark), ['database', 'dns']);
  });
});
