import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beTheOnlyBench } from './only-bench.ts';

test('a second bench is refused while the first one runs, and may begin afterwards', async () => {
  const name = `caisson-only-bench-test-${process.pid}`;
  const end = await beTheOnlyBench(name);
  await assert.rejects(beTheOnlyBench(name), { code: 'conflict', message: /another bench runs on this machine/ });
  end();
  (await beTheOnlyBench(name))();
});
