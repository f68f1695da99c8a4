import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from './clock.ts';
import { RateLimit } from './rate-limit.ts';

test('as many as the burst at once, then one each time', async () => {
  const clock = new FakeClock();
  const limit = new RateLimit({ burst: 3, everyMs: 1000, clock });
  for (let count = 0; count < 3; count++) {
    assert.equal(limit.waitMs('a'), 0);
    limit.take('a');
  }
  assert.equal(limit.waitMs('a'), 1000);
  assert.equal(limit.waitMs('b'), 0);
  await clock.advance(400);
  assert.equal(limit.waitMs('a'), 600);
  await clock.advance(600);
  assert.equal(limit.waitMs('a'), 0);
  limit.take('a');
  assert.equal(limit.waitMs('a'), 1000);
});

test('who goes on trying does not wait longer, and what is given back can be taken again', () => {
  const limit = new RateLimit({ burst: 1, everyMs: 1000, clock: new FakeClock() });
  for (let count = 0; count < 50; count++) limit.take('a');
  assert.equal(limit.waitMs('a'), 1000);
  limit.giveBack('a');
  assert.equal(limit.waitMs('a'), 0);
});

test('of too many keys the oldest is forgotten, and a full bucket is none', () => {
  const limit = new RateLimit({ burst: 1, everyMs: 1000, clock: new FakeClock(), mostKeys: 2 });
  for (const key of ['a', 'b', 'c']) limit.take(key);
  assert.equal(limit.waitMs('a'), 0);
  assert.equal(limit.waitMs('b'), 1000);
  assert.equal(limit.waitMs('c'), 1000);
});
