import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shortOf } from './host-pressure.ts';

test('a host with memory to spare is not short of it, whatever lies in its swap for long', () => {
  assert.equal(shortOf({ availableMib: 4096, swapUsedMib: 0, waiting: { some: 0.02, full: 0 } }, 1024), undefined);
  assert.equal(shortOf({ availableMib: 4096, swapUsedMib: 900, waiting: { some: 0, full: 0 } }, 1024), undefined);
  assert.equal(shortOf({ availableMib: 300, swapUsedMib: 0 }, 1024), undefined);
});

test('programs that wait, little that is left, and swapping are each told with their figures', () => {
  assert.match(
    shortOf({ availableMib: 2000, swapUsedMib: 0, waiting: { some: 0.25, full: 0 } }, 1024) ?? '',
    /waited for memory in 25 %.*2,000 MiB/,
  );
  assert.match(shortOf({ availableMib: 200, swapUsedMib: 0 }, 1024) ?? '', /200 MiB are available, of 1,024 that are kept/);
  assert.match(shortOf({ availableMib: 2000, swapUsedMib: 50, waiting: { some: 0.05, full: 0.01 } }, 1024) ?? '', /50 MiB are in its swap/);
});
