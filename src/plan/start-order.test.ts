import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { startOrder, stopOrder } from './start-order.ts';

test('a guest starts in a later wave than all that it starts after', () => {
  const guests = {
    web: { after: [{ requires: 'app' }, { wants: 'dns' }] },
    app: { after: [{ requires: 'db' }] },
    db: { after: [] },
    dns: { after: [] },
  };
  assert.deepEqual(startOrder(guests), [['db', 'dns'], ['app'], ['web']]);
  assert.deepEqual(stopOrder(guests), [['web'], ['app'], ['db', 'dns']]);
});

test('a dependency on a guest that is not there holds nobody up', () => {
  assert.deepEqual(startOrder({ web: { after: [{ requires: 'gone' }] } }), [['web']]);
});

test('a circle is an error that names its guests', () => {
  assert.throws(() => startOrder({ a: { after: [{ wants: 'b' }] }, b: { after: [{ requires: 'a' }] }, c: { after: [] } }), /circle: a, b$/);
});

test('every guest is in exactly one wave, whatever the graph without circles', () => {
  const graphs = fc.array(fc.array(fc.nat({ max: 19 }), { maxLength: 4 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(graphs, (edges) => {
      // Only edges to earlier guests: no circles.
      const guests = Object.fromEntries(
        edges.map((to, index) => [`g${index}`, { after: to.filter((on) => on < index).map((on) => ({ requires: `g${on}` })) }]),
      );
      const waves = startOrder(guests);
      const waveOf = new Map(waves.flatMap((wave, index) => wave.map((name) => [name, index] as const)));
      assert.equal(waves.flat().length, edges.length);
      for (const [name, { after }] of Object.entries(guests))
        for (const { requires } of after) assert.ok((waveOf.get(requires) as number) < (waveOf.get(name) as number));
    }),
  );
});
