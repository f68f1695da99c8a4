// Seeded fault schedules on a simulated site: operations and faults, with the daemon killed at any moment that it touches the world. What
// must never happen is looked for after every step, and in the end the site must be what is wanted. `npm test -- simulated --seed N`
// plays one of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runSeed } from './run-seed.ts';

const asked = process.env['CAISSON_SEED'];
const count = process.env['CAISSON_TEST_LONG'] === '1' ? 2000 : 100;
const block = 25;

if (asked !== undefined) {
  test(`the schedule of seed ${asked} breaks no rule`, async () => {
    assert.match(asked, /^\d+$/, 'a seed is a number');
    await runSeed(Number(asked));
  });
} else {
  for (let first = 1; first <= count; first += block) {
    test(`the schedules of the seeds ${first} to ${first + block - 1} break no rule`, async () => {
      // One that breaks a rule says nothing of the others.
      const broken: string[] = [];
      for (let seed = first; seed < first + block; seed++) await runSeed(seed).catch((error: Error) => broken.push(error.message));
      assert.equal(broken.length, 0, broken.join('\n\n'));
    });
  }
}
