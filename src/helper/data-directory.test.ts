import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHostFile, runDirectoryOf } from './data-directory.ts';

const good = { schema: 1, hostId: 'hk3m9x4q2ab', userIdBase: 1_900_000_000, userIdCount: 4096, runDirectory: '/run/caisson/0a1b2c3d' };

test('a host file is read back', () => {
  assert.deepEqual(parseHostFile(JSON.stringify(good), 'f'), good);
});

test('one of a newer version is refused as such', () => {
  assert.throws(() => parseHostFile(JSON.stringify({ ...good, schema: 2 }), '/d/host.json'), {
    code: 'too-new',
    message: /\/d\/host\.json/,
  });
});

test('a damaged one is never taken for a new beginning', () => {
  for (const text of ['', '{', 'null', '{}', '[]', JSON.stringify({ ...good, hostId: 7 }), JSON.stringify({ ...good, userIdBase: '1' })]) {
    assert.throws(() => parseHostFile(text, 'f'), { code: 'failed' }, text);
  }
});

test('the run directory is short, and another for another path', () => {
  assert.match(runDirectoryOf('/var/lib/caisson'), /^\/run\/caisson\/[0-9a-f]{8}$/);
  assert.notEqual(runDirectoryOf('/var/lib/caisson'), runDirectoryOf('/var/lib/caisson2'));
});
