import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { levelLimit } from './stop-budget.ts';

test('with time enough everybody gets what he wishes', () => {
  assert.equal(levelLimit([90_000, 90_000, 30_000], 600_000), 90_000);
});

test('short time is divided in proportion, with the cutting kept back', () => {
  assert.equal(levelLimit([90_000, 90_000, 60_000], 126_000), 45_000);
  assert.equal(levelLimit([60_000], 62_000), 60_000);
});

test('without time the power is cut at once', () => {
  assert.equal(levelLimit([90_000, 90_000], 4000), 0);
  assert.equal(levelLimit([90_000], -5), 0);
});

test('whatever the levels do, all are down in time, and a level that needs little leaves the rest to the others', () => {
  const levels = fc.array(fc.tuple(fc.integer({ min: 1000, max: 3_600_000 }), fc.integer({ min: 0, max: 4_000_000 })), {
    minLength: 1,
    maxLength: 12,
  });
  fc.assert(
    fc.property(levels, fc.integer({ min: 30_000, max: 600_000 }), (all, within) => {
      let left = within;
      for (const [index, [, needs]] of all.entries()) {
        const wishes = all.slice(index).map(([wish]) => wish);
        const limit = levelLimit(wishes, left);
        assert.ok(limit >= 0 && limit <= (wishes[0] as number));
        // One that does not go in time is cut, which takes a moment.
        left -= needs <= limit ? needs : limit + 2000;
      }
      assert.ok(left >= 0, `late by ${-left} ms`);
    }),
  );
});
