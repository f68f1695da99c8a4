import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { trimLog } from './trim-log.ts';

test('a log beyond its bound keeps its end, a smaller one all, and a missing one is no error', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-log-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'console.log');
  const limits = { maxBytes: 100, keptBytes: 10 };
  await trimLog(path, limits);
  await writeFile(path, 'x'.repeat(90) + '0123456789');
  await trimLog(path, limits);
  assert.equal((await readFile(path)).length, 100);
  await appendFile(path, '!');
  await trimLog(path, limits);
  assert.equal(await readFile(path, 'utf8'), '123456789!');
});
