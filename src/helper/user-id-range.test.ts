import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { claimUserIds, releaseUserIds } from './user-id-range.ts';

async function withRegistry(work: (registry: string) => Promise<void>): Promise<void> {
  const registry = mkdtempSync(join(tmpdir(), 'caisson-ranges-'));
  try {
    await work(registry);
  } finally {
    rmSync(registry, { recursive: true });
  }
}

test('two directories never share a range, whatever is taken already', () =>
  withRegistry(async (registry) => {
    const first = await claimUserIds('/a', undefined, registry);
    rmSync(`${registry}/${first.base}`);
    writeFileSync(`${registry}/${first.base}`, '/b\n');
    const second = await claimUserIds('/a', undefined, registry);
    assert.equal(second.base, first.base + 4096);
    assert.ok(first.base >= 1_900_000_000 && first.base + first.count < 2 ** 31);
  }));

test('a directory gets the same range again, also after it gave it back', () =>
  withRegistry(async (registry) => {
    const first = await claimUserIds('/a', undefined, registry);
    assert.deepEqual(await claimUserIds('/a', first, registry), first);
    await releaseUserIds('/a', registry);
    assert.deepEqual(readdirSync(registry), []);
    assert.deepEqual(await claimUserIds('/a', first, registry), first);
  }));

test('a range that another directory has meanwhile is a conflict that names it', () =>
  withRegistry(async (registry) => {
    writeFileSync(`${registry}/1900000000`, '/b\n');
    await assert.rejects(claimUserIds('/a', { base: 1_900_000_000, count: 4096 }, registry), { code: 'conflict', message: /\/b/ });
  }));

test('giving back takes only one’s own', () =>
  withRegistry(async (registry) => {
    await claimUserIds('/a', undefined, registry);
    await releaseUserIds('/b', registry);
    assert.equal(readdirSync(registry).length, 1);
  }));
