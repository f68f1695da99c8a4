// The attacks again from inside a booted guest, by its own kernel, virtio and QEMU: what a namespace cannot send comes by here only, such as
// packets with work left to do on them (offloads).
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { AttackLab, attackNetwork, attackNics } from '../attack/attack-lab.ts';
import type { Attack } from '../attack/attack.ts';
import { broadcast } from '../attack/frames.ts';
import { ipAttacks } from '../attack/ip-attacks.ts';
import { linkAttacks } from '../attack/link-attacks.ts';
import { largePackets, redirectingChecksum } from '../attack/offload-attacks.ts';
import type { Mark } from '../attack/wire.ts';

const attacks = [...linkAttacks, ...ipAttacks].filter(({ from }) => from === 'mallory');
/** An emulated guest needs a while for each. */
const most = 300;

function some(frames: readonly Uint8Array[]): readonly Uint8Array[] {
  const step = Math.ceil(frames.length / most);
  return frames.filter((_frame, index) => index % step === 0);
}

describe('attacks from inside a booted guest', () => {
  const lab = new AttackLab('guest', { booted: 'mallory' });
  before(() => lab.open());
  after(() => lab.close());

  const everyWay = (attack: Attack) => (mark: Mark) =>
    some([lab.hostMacFor(attack.from), attackNics.database.mac, broadcast].flatMap((to) => attack.frames({ mark, to })));

  for (const attack of attacks) {
    test(attack.name, async () => {
      const { left, heard } = await lab.send('mallory', everyWay(attack));
      const guests = attack.hostListens ? heard.filter((name) => name !== 'host') : heard;
      assert.deepEqual(guests, [], `of ${left} frames some came out`);
      assert.ok(left > 0);
      assert.deepEqual(await lab.wrongNeighbours(), []);
    });
  }

  const { mallory, database, web, dns } = attackNics;
  const ends = () => ({ from: mallory.mac, to: lab.hostMacFor('mallory') });
  const forbidden = (mark: Mark) =>
    [
      [mallory.addresses[0], database.addresses[0]],
      [mallory.addresses[1], database.addresses[1]],
      [web.addresses[0], database.addresses[0]],
      [web.addresses[2], database.addresses[1]],
    ].flatMap(([from = '', to = '']) => largePackets(ends(), { from, to }, Buffer.concat(Array<Buffer>(600).fill(mark.bytes))));

  test('packets that are yet to be cut up', async () => {
    const { sent, heard } = await lab.sendOffloaded(forbidden);
    assert.ok(sent > 0, 'its kernel lets it send some');
    assert.deepEqual(heard, []);
  });

  /** Datagrams to `dns` by the port that is allowed, by each family, and how many came there by another. */
  async function redirected(): Promise<number> {
    const { real } = lab;
    const there = real.guestOf(dns);
    await real.fillChecksums(real.guestsNetwork, dns.tap);
    for (const command of [
      'add table inet ear',
      'add chain inet ear heard { type filter hook prerouting priority -400 ; }',
      'add counter inet ear wanted',
      'add rule inet ear heard udp dport 99 counter name wanted',
    ])
      await real.nft(there, command);
    await lab.sendOffloaded((mark) =>
      mallory.addresses.map((from, index) =>
        redirectingChecksum(
          ends(),
          { from, to: dns.addresses[index === 0 ? 0 : 1] ?? '' },
          { from: 4000, allowed: 53, wanted: 99 },
          mark.bytes,
        ),
      ),
    );
    const said = await real.nft(there, 'list counters table inet ear');
    await real.nft(there, 'delete table inet ear');
    return Number(/packets (\d+)/.exec(said)?.[1]);
  }

  test('a checksum that would be written over the port, once the filter has seen it', async () => {
    const ranges = (addresses: readonly string[]) => addresses.map((address) => `${address}/${address.includes(':') ? 128 : 32}`);
    await lab.real.network.apply({
      ...attackNetwork,
      flows: [
        ...attackNetwork.flows,
        {
          from: { kind: 'addresses', cidrs: ranges(mallory.addresses) },
          to: { kind: 'addresses', cidrs: ranges(dns.addresses) },
          services: [{ protocol: 'udp', ports: { from: 53, to: 53 } }],
          text: 'mallory → dns: udp/53',
        },
      ],
    });
    assert.equal(await redirected(), 0);
    await lab.real.network.apply(attackNetwork);
  });

  test('after all of them everybody still reaches what he may', async () => {
    await lab.assertFlows();
  });

  test('without the rules those that the rules stop come out', async () => {
    await lab.takeGuardsAway();
    const missing: string[] = [];
    for (const attack of attacks.filter(({ withoutRules }) => withoutRules)) {
      const { heard } = await lab.send('mallory', (mark) => some(attack.frames({ mark, to: lab.hostMacFor(attack.from) })));
      const silent = (attack.withoutRules ?? []).filter((name) => !heard.includes(name));
      if (silent.length > 0) missing.push(`${attack.name}: not by ${silent.join(', ')}, but by ${heard.join(', ')}`);
    }
    assert.deepEqual(missing, []);
    // Also by those in whose name they were sent, in what the victim answers.
    assert.ok((await lab.sendOffloaded(forbidden)).heard.includes('database'));
    assert.equal(await redirected(), 2);
  });
});
