import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { shareMemory, type SharingGuest } from './memory-shares.ts';

const guest = (uid: string, minMib: number, sizeMib: number): SharingGuest => ({ uid, minMib, sizeMib, overheadMib: 100 });

test('where there is room for all, each has its size', () => {
  assert.deepEqual(
    shareMemory(3000, [guest('a', 512, 1024), guest('b', 512, 512)]),
    new Map([
      ['a', 1024],
      ['b', 512],
    ]),
  );
});

test('what is short is taken from those that can give, each by the same part', () => {
  const shares = shareMemory(2000, [guest('a', 500, 1500), guest('b', 400, 400), guest('c', 100, 600)]);
  // 2,000 − 300 for QEMU − 1,000 for the least of all leaves 700 of the 1,500 that they could have above it.
  assert.deepEqual(
    shares,
    new Map([
      ['a', 966],
      ['b', 400],
      ['c', 332],
    ]),
  );
});

test('when not even the least fits there is no answer', () => {
  assert.equal(shareMemory(1000, [guest('a', 500, 1500), guest('b', 400, 400)]), undefined);
});

test('shares lie between least and size, and fit with what QEMU needs', () => {
  const guests = fc.array(
    fc.record({
      min: fc.integer({ min: 16, max: 4096 }),
      more: fc.integer({ min: 0, max: 8192 }),
      overheadMib: fc.integer({ min: 0, max: 300 }),
    }),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(guests, fc.integer({ min: 0, max: 100_000 }), (made, roomMib) => {
      const all = made.map(({ min, more, overheadMib }, index) => ({ uid: `g${index}`, minMib: min, sizeMib: min + more, overheadMib }));
      const shares = shareMemory(roomMib, all);
      if (!shares) return assert.ok(all.reduce((sum, one) => sum + one.minMib + one.overheadMib, 0) > roomMib);
      for (const { uid, minMib, sizeMib } of all) {
        const share = shares.get(uid) as number;
        assert.ok(share >= minMib && share <= sizeMib);
      }
      assert.ok(all.reduce((sum, one) => sum + (shares.get(one.uid) as number) + one.overheadMib, 0) <= roomMib);
    }),
    { seed: 3 },
  );
});
