// Frames that a guest or a machine beyond the uplink could send to cheat the network: none comes out anywhere. Each attack is tried three
// times: against the network; on a plain wire that all share, where it arrives; and, where the rules are what stops it, without the rules.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { AttackLab, attackNics } from '../attack/attack-lab.ts';
import type { Attack } from '../attack/attack.ts';
import { broadcast } from '../attack/frames.ts';
import { ipAttacks } from '../attack/ip-attacks.ts';
import { linkAttacks } from '../attack/link-attacks.ts';
import { SharedWire } from '../attack/shared-wire.ts';
import type { Mark } from '../attack/wire.ts';

const attacks = [...linkAttacks, ...ipAttacks];

describe('attacks with frames', () => {
  const lab = new AttackLab('frames');
  const wire = new SharedWire('frames');
  before(() => Promise.all([lab.open(), wire.open()]));
  after(() => Promise.all([lab.close(), wire.close()]));

  const everyWay = (attack: Attack) => (mark: Mark) =>
    [lab.hostMacFor(attack.from), attackNics.database.mac, broadcast].flatMap((to) => attack.frames({ mark, to }));

  for (const attack of attacks) {
    test(attack.name, async () => {
      const { left, heard } = await lab.send(attack.from, everyWay(attack));
      const guests = attack.hostListens ? heard.filter((name) => name !== 'host') : heard;
      assert.deepEqual(guests, [], `of ${left} frames some came out`);
      assert.ok(left > 0);
      assert.deepEqual(await lab.wrongNeighbours(), []);
    });

    test(`on a shared wire it arrives: ${attack.name}`, async () => {
      const { sent, heard } = await wire.send((mark) => attack.frames({ mark, to: wire.victimMac }));
      assert.equal(heard, sent);
    });
  }

  test('after all of them everybody still reaches what he may', async () => {
    await lab.assertFlows();
  });

  test('without the rules those that the rules stop come out', async () => {
    await lab.takeGuardsAway();
    const missing: string[] = [];
    for (const attack of attacks.filter(({ withoutRules }) => withoutRules)) {
      const { heard } = await lab.send(attack.from, (mark) => attack.frames({ mark, to: lab.hostMacFor(attack.from) }));
      const silent = (attack.withoutRules ?? []).filter((name) => !heard.includes(name));
      if (silent.length > 0) missing.push(`${attack.name}: not by ${silent.join(', ')}, but by ${heard.join(', ')}`);
    }
    assert.deepEqual(missing, []);
  });
});
