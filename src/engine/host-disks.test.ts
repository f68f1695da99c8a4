import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shortOfSpace } from './host-disks.ts';

const gib = 1024 ** 3;
const disk = (sizeGib: number, freeGib: number) => ({ path: '/var/lib/caisson', sizeBytes: sizeGib * gib, freeBytes: freeGib * gib });

test('a twentieth of a small disk is enough, and ten gibibytes of a large one', () => {
  assert.equal(shortOfSpace(disk(100, 5)), undefined);
  assert.match(shortOfSpace(disk(100, 4)) ?? '', /^the disk of \/var\/lib\/caisson has 4,096 MiB left of 100\.0 GiB: .*make space there/);
  assert.equal(shortOfSpace(disk(4000, 10)), undefined);
  assert.match(shortOfSpace(disk(4000, 9)) ?? '', /9,216 MiB left of 4000\.0 GiB/);
});
