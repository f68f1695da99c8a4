import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Usage } from '../model/usage.ts';
import { advise } from './advice.ts';

const hourMs = 3_600_000;
const now = 20_000 * 24 * hourMs;
const guest = { uid: 'ga', name: 'web', memoryMib: 1024, cpus: 2 };

/** One entry for each hour of so many days. */
function hours(days: number, usedMib: number | undefined, cpuPermille: number): Usage[] {
  const same = (value: number) => ({ mean: value, p99: value, max: value });
  return Array.from({ length: days * 24 }, (_, index) => ({
    time: now - (days * 24 - index) * hourMs,
    minutes: 60,
    cpuPermille: same(cpuPermille),
    ...(usedMib === undefined ? {} : { usedMib: same(usedMib) }),
    costMib: same(1200),
    readKib: 0,
    writtenKib: 0,
    receivedKib: 0,
    sentKib: 0,
  }));
}

test('a short history, or one with holes, says that it is too short', () => {
  assert.match(advise(guest, [], now).message, /too short \(none yet\)/);
  const short = advise(guest, hours(3, 200, 100), now);
  assert.deepEqual([short.verdict, short.memory], ['too-short', undefined]);
  assert.match(short.message, /72 hours in 3 days/);
  assert.equal(
    advise(
      guest,
      hours(14, 200, 100).filter((_, index) => index % 4 === 0),
      now,
    ).verdict,
    'too-short',
  );
});

test('a guest that uses little is told so, with the size that would do', () => {
  const advice = advise(guest, hours(14, 210, 100), now);
  assert.equal(
    advice.message,
    'uses 210 of 1,024 MiB and 0.10 of 2 processors at p99 over 14 days (at most 210 MiB); 320 MiB would do; 1 processor would do',
  );
  assert.deepEqual([advice.verdict, advice.memory?.proposedMib, advice.cpus?.proposed], ['smaller', 320, 1]);
});

test('a guest that is nearly full should be larger', () => {
  const advice = advise(guest, hours(8, 1000, 1900), now);
  assert.deepEqual([advice.verdict, advice.memory?.proposedMib, advice.cpus?.proposed], ['larger', 1280, 3]);
});

test('a size that is about right is left', () => {
  const advice = advise(guest, hours(8, 750, 1200), now);
  assert.deepEqual([advice.verdict, advice.memory?.proposedMib, advice.cpus?.proposed], ['fits', 1024, 2]);
});

test('a system that does not tell of its memory is judged by its processors', () => {
  const advice = advise(guest, hours(8, undefined, 1200), now);
  assert.deepEqual([advice.verdict, advice.memory], ['fits', undefined]);
  assert.match(advice.message, /its system does not tell of its memory/);
});
