import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openApiToken } from './api-token.ts';

test('the token is made once, for its owner alone, and a spoilt file is refused', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-token-'));
  try {
    const path = join(folder, 'api-token');
    const token = await openApiToken(path);
    assert.match(token, /^[A-Za-z0-9_-]{43}$/);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.equal(await openApiToken(path), token);
    assert.notEqual(await openApiToken(join(folder, 'other')), token);
    await writeFile(path, '\n');
    await assert.rejects(openApiToken(path), { code: 'failed', message: /does not hold a token/ });
  } finally {
    await rm(folder, { recursive: true });
  }
});
