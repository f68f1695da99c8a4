import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMet } from './figure.ts';
import { inPairs, inTurns, median } from './statistics.ts';

test('the median of an even number of values lies between the middle two', () => {
  assert.equal(median([9, 1, 2, 4]), 3);
  assert.equal(median([5, 1, 9]), 5);
});

test('pairs take turns, count no warm-up, and judge each round by itself', async () => {
  const order: string[] = [];
  const take = (name: string, values: number[]) => async () => {
    order.push(name);
    return values.shift() ?? Number.NaN;
  };
  const pairs = await inPairs({ rounds: 3, warmUp: 1 }, take('a', [9999, 20, 400, 2]), take('b', [1, 10, 200, 1]));
  assert.equal(order.join(''), 'baabbaab');
  assert.deepEqual(pairs, {
    a: 20,
    b: 10,
    ratio: 2,
    difference: 10,
    rounds: [
      { a: 20, b: 10 },
      { a: 400, b: 200 },
      { a: 2, b: 1 },
    ],
  });
});

test('of several another one begins each round, and no warm-up counts', async () => {
  const order: string[] = [];
  const take = (name: string, values: number[]) => async () => {
    order.push(name);
    return values.shift() ?? Number.NaN;
  };
  const rounds = await inTurns({ rounds: 2, warmUp: 1 }, { a: take('a', [0, 1, 2]), b: take('b', [0, 3, 4]), c: take('c', [0, 5, 6]) });
  assert.equal(order.join(''), 'abcbcacab');
  assert.deepEqual(rounds, [
    { a: 1, b: 3, c: 5 },
    { a: 2, b: 4, c: 6 },
  ]);
});

test('a goal is met on its very edge, and not beyond', () => {
  assert.equal(isMet({ atMost: 5 }, 5), true);
  assert.equal(isMet({ atMost: 5 }, 5.01), false);
  assert.equal(isMet({ atLeast: 5 }, 4.99), false);
});
