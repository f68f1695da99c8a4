import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { AddressRange } from './address-range.ts';
import { FlowBox, layerBoxes, sortBoxes } from './flow-boxes.ts';

// A small world, so that boxes overlap often and every point of it can be tried.
const size = 6;
const interval = fc.tuple(fc.nat(size - 1), fc.nat(size - 1)).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));
const range = interval.map(({ from, to }): AddressRange => ({
  family: 4,
  first: BigInt(from),
  last: BigInt(to),
  text: from === to ? `0.0.0.${from}` : `0.0.0.${from}-0.0.0.${to}`,
}));
const box = fc
  .record({
    from: range,
    to: range,
    kind: fc.constantFrom('tcp' as const, 'udp' as const),
    values: interval,
    comment: fc.constantFrom('', 'a', 'b'),
  })
  .map((parts) => new FlowBox(parts));

const covers = (one: FlowBox, from: number, to: number, kind: string, port: number) =>
  one.kind === kind &&
  one.from.first <= from &&
  one.from.last >= from &&
  one.to.first <= to &&
  one.to.last >= to &&
  one.values.from <= port &&
  one.values.to >= port;

function* points() {
  for (const kind of ['tcp', 'udp'])
    for (let from = 0; from < size; from++)
      for (let to = 0; to < size; to++) for (let port = 0; port < size; port++) yield [from, to, kind, port] as const;
}

describe('boxes of flows', () => {
  test('cover together exactly what was asked for, and within a layer nothing twice', () => {
    fc.assert(
      fc.property(fc.array(box, { maxLength: 12 }), (boxes) => {
        const layers = layerBoxes(boxes);
        for (const point of points()) {
          const counts = layers.map((layer) => layer.filter((one) => covers(one, ...point)).length);
          assert.ok(counts.every((count) => count <= 1));
          assert.equal(
            counts.some((count) => count === 1),
            boxes.some((one) => covers(one, ...point)),
          );
        }
      }),
      { numRuns: 150, seed: 1 },
    );
  });

  test('sorted into exact ones and layers cover the same, and what a layer covers is not among the exact ones', () => {
    fc.assert(
      fc.property(fc.array(box, { maxLength: 12 }), (boxes) => {
        const { exact, layers } = sortBoxes(boxes);
        for (const point of points()) {
          const alone = exact.filter((one) => covers(one, ...point)).length;
          const counts = layers.map((layer) => layer.filter((one) => covers(one, ...point)).length);
          assert.ok(counts.every((count) => count <= 1) && alone <= 1);
          assert.ok(alone === 0 || counts.every((count) => count === 0));
          assert.equal(
            alone === 1 || counts.some((count) => count === 1),
            boxes.some((one) => covers(one, ...point)),
          );
        }
        for (const { from, to, values } of exact) assert.deepEqual([from.first, to.first, values.from], [from.last, to.last, values.to]);
      }),
      { numRuns: 150, seed: 1 },
    );
  });

  test('in another order give the same layers', () => {
    fc.assert(
      fc.property(fc.array(box, { maxLength: 12 }), fc.infiniteStream(fc.nat()), (boxes, keys) => {
        const shuffled = boxes.map((one) => ({ one, key: keys.next().value as number })).toSorted((a, b) => a.key - b.key);
        assert.deepEqual(layerBoxes(shuffled.map(({ one }) => one)), layerBoxes(boxes));
        assert.deepEqual(sortBoxes(shuffled.map(({ one }) => one)), sortBoxes(boxes));
      }),
      { seed: 1 },
    );
  });

  test('sorted again, some gone and some new, stand as if they were sorted for the first time', () => {
    fc.assert(
      fc.property(
        fc.array(box, { maxLength: 30 }),
        fc.array(box, { maxLength: 10 }),
        fc.infiniteStream(fc.nat(3)),
        (boxes, more, draws) => {
          const drawn = () => draws.next().value === 0;
          const anew = (list: FlowBox[]) => FlowBox.inOrder(list.map((one) => one.leadingTo(one.to))).map(({ text }) => text);
          let list = boxes;
          for (let round = 0; round < 4; round++) {
            // Some may have been sorted with others meanwhile.
            if (drawn()) FlowBox.inOrder(list.filter(drawn));
            list = [...list.filter(() => !drawn()), ...more.filter(drawn), ...(list[0] ? [list[0]] : [])];
            assert.deepEqual(
              FlowBox.inOrder(list).map(({ text }) => text),
              anew(list),
            );
          }
        },
      ),
      { seed: 1 },
    );
  });

  test('that do not overlap need one layer', () => {
    const single = (value: number): AddressRange => ({ family: 4, first: BigInt(value), last: BigInt(value), text: `0.0.0.${value}` });
    const boxes = Array.from(
      { length: 200 },
      (_, index) =>
        new FlowBox({
          from: single(index % 20),
          to: single(Math.floor(index / 20)),
          kind: 'tcp',
          values: { from: 80, to: 80 },
          comment: '',
        }),
    );
    assert.deepEqual(
      layerBoxes(boxes).map((layer) => layer.length),
      [200],
    );
  });
});
