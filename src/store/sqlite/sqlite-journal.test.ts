import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { journalContract } from '../../../test/contract/journal.contract.ts';
import { openSqliteJournal } from './sqlite-journal.ts';

const folder = mkdtempSync(join(tmpdir(), 'caisson-journal-'));
after(() => rmSync(folder, { recursive: true }));

let count = 0;
journalContract('sqlite', (bounds) =>
  openSqliteJournal({ path: join(folder, `contract-${count++}.sqlite`), expectExisting: false, ...bounds }),
);

test('a journal of before loses the site files of applies that have ended, and of no other', async () => {
  const path = join(folder, 'old.sqlite');
  const input = { site: { guests: 'x'.repeat(10_000) }, options: { prune: true } };
  const time = '2026-01-01T00:00:00.000Z';
  const make = (uid: string, kind: 'site-apply' | 'guest-set') => ({
    uid,
    kind,
    title: uid,
    state: 'running' as const,
    steps: [{ name: 'a', state: 'done' as const, data: 1, value: 2 }],
    startedAt: time,
    actor: 'x',
    objects: [],
    input,
  });
  const first = await openSqliteJournal({ path, expectExisting: false });
  for (const [uid, kind] of [
    ['jaaaaaaaaaa', 'site-apply'],
    ['jaaaaaaaaab', 'site-apply'],
    ['jaaaaaaaaac', 'guest-set'],
  ] as const)
    await first.createJob(make(uid, kind));
  await first.close();
  // As version 2 left it: with everything.
  const raw = new DatabaseSync(path);
  raw.exec(
    "UPDATE job SET state = 'succeeded', json = json_set(json, '$.state', 'succeeded') WHERE uid <> 'jaaaaaaaaab'; PRAGMA user_version=2",
  );
  raw.close();
  const now = await openSqliteJournal({ path, expectExisting: true });
  const found = (await now.listJobs()).toReversed();
  assert.deepEqual(
    found.map((job) => job.input),
    [{ options: { prune: true } }, input, undefined],
  );
  assert.deepEqual(
    found.map(({ steps }) => steps[0]?.value),
    [undefined, 2, undefined],
  );
  await now.close();
});
