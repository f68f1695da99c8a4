// The attacks again from inside a booted guest, by its own kernel, virtio and QEMU: what a namespace cannot send comes by here only, such as
// packets with work left to do on them (offloads).
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { AttackLab, attackNics } from '../attack/attack-lab.ts';
import type { Attack } from '../attack/attack.ts';
import { broadcast } from '../attack/frames.ts';
import { ipAttacks } from '../attack/ip-attacks.ts';
import { linkAttacks } from '../attack/link-attacks.ts';
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
  });
});
