// e2e: limit 10 min, long 180 min
// Helper and daemon of a real host are killed at random times while random operations are under way, one after another on the same data
// directory; `caisson verify` finds nothing after each. The seed is printed: `npm test -- killed-at-random --seed N` chooses alike (when
// the machine is as fast, the daemon is hit alike too).
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { setTimeout as passing } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { Chance } from '../simulated/chance.ts';
import { KilledHost } from './killed-host.ts';
import { killedOperations, toBase } from './killed-operations.ts';

const kills = process.env['CAISSON_TEST_LONG'] === '1' ? 200 : 8;
const seed = Number(process.env['CAISSON_SEED'] ?? randomInt(1_000_000));
const chance = new Chance(seed);
const host = new KilledHost('killed-random');

before(() => host.start());
after(() => host.remove());

for (let kill = 1; kill <= kills; kill++) {
  const operation = chance.pick(killedOperations);
  const [afterMs, againMs] = [chance.below(900), chance.often(40) ? chance.below(1500) : undefined];
  const again = againMs === undefined ? '' : `, again after ${againMs} ms`;
  test(`seed ${seed}, kill ${kill}: ${operation.name}, after ${afterMs} ms${again}`, async () => {
    await operation.prepare(host);
    operation.begin(host).catch(() => undefined);
    await passing(afterMs);
    await host.kill();
    if (againMs !== undefined) {
      const starting = host.start().catch(() => undefined);
      await passing(againMs);
      await host.kill();
      await starting;
    }
    assert.ok(await host.start(), host.said);
    await host.settle();
    const { items } = await host.client.call('guestList', {});
    operation.check(new Map(items.map((guest) => [guest.name, guest])));
    assert.deepEqual(await host.verify(), []);
  });
}

test('in the end everything can be as it was in the beginning', async () => {
  await toBase(host);
  const { items } = await host.client.call('guestList', {});
  assert.deepEqual(
    items.map(({ name, status }) => [name, status.power]),
    [
      ['keep', 'running'],
      ['spare', 'running'],
    ],
  );
});
