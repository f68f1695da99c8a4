// What the SQLite files promise beyond the contract: reopening, damage, newer versions, two daemons.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, test } from 'node:test';
import { CaissonError, type ErrorCode } from '../../lib/errors.ts';
import type { Store } from '../store.ts';
import { openSqliteJournal } from './sqlite-journal.ts';
import { openSqliteStore } from './sqlite-store.ts';

const folder = mkdtempSync(join(tmpdir(), 'caisson-sqlite-'));
after(() => rmSync(folder, { recursive: true }));

let count = 0;
const newPath = () => join(folder, `file-${count++}.sqlite`);

async function refuses(path: string, code: ErrorCode, message: RegExp, expectExisting = true): Promise<void> {
  await assert.rejects(openSqliteStore({ path, expectExisting }), (error) => {
    assert.ok(error instanceof CaissonError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}

async function withStore<T>(path: string, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openSqliteStore({ path, expectExisting: false });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** Changes a closed store's file by hand. */
function tamper(path: string, sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

describe('sqlite files', () => {
  test('what was written is there after reopening; revisions go on growing and are never given twice', async () => {
    const path = newPath();
    const revision = await withStore(path, async (store) => {
      await store.put('site', { a: 1 }, { expected: 'absent' });
      return store.put('guest-status/a', { running: true }, { expected: 'absent', durability: 'relaxed' });
    });
    const store = await openSqliteStore({ path, expectExisting: true });
    const snapshot = await store.list('');
    assert.deepEqual(
      snapshot.rows.map((row) => [row.key, row.value]),
      [
        ['guest-status/a', { running: true }],
        ['site', { a: 1 }],
      ],
    );
    assert.ok(snapshot.revision > revision);
    for await (const item of store.watch('', { fromRevision: revision })) assert.equal(item.kind, 'compacted');
    assert.ok((await store.put('site', { a: 2 }, { expected: snapshot.rows[1]?.revision ?? 0 })) > snapshot.revision);
    await store.close();
  });

  test('the file is readable by its owner alone', async () => {
    const path = newPath();
    await withStore(path, async (store) => {
      await store.put('site', 1, { expected: 'absent' });
      const names = readdirSync(folder).filter((found) => path.endsWith(found.replace(/-wal$/, '')));
      assert.equal(names.length, 2, names.join());
      for (const name of names) {
        assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name);
      }
    });
  });

  test('a second daemon on the same data directory is refused, and gets it when the first has gone', async () => {
    const path = newPath();
    await withStore(path, async (store) => {
      await store.put('site', 1, { expected: 'absent' });
      await refuses(path, 'conflict', /another daemon/);
      assert.equal((await store.get('site'))?.value, 1);
    });
    await withStore(path, async (store) => assert.equal((await store.get('site'))?.value, 1));
  });

  test('a store that is gone is not made anew', async () => {
    const path = newPath();
    await refuses(path, 'missing', /is gone although.*restore/);
    assert.throws(() => statSync(path), { code: 'ENOENT' });
    writeFileSync(`${path}-wal`, 'left over');
    await refuses(path, 'missing', /is gone/, false);
  });

  test('an empty file is a beginning only where nothing is expected', async () => {
    const path = newPath();
    writeFileSync(path, '');
    await refuses(path, 'failed', /is empty although/);
    assert.equal(statSync(path).size, 0);
    await withStore(path, (store) => store.put('site', 1, { expected: 'absent' }));
  });

  test('damaged and foreign files are refused and left as they are', async () => {
    const garbage = newPath();
    writeFileSync(garbage, 'this is not a database '.repeat(500));
    const foreign = newPath();
    tamper(foreign, 'CREATE TABLE t (a); INSERT INTO t VALUES (1)');
    const cut = newPath();
    await withStore(cut, async (store) => {
      for (let i = 0; i < 60; i++) await store.put(`guest/g${i}`, 'x'.repeat(3000), { expected: 'absent' });
    });
    truncateSync(cut, 40_960);
    const torn = newPath();
    await withStore(torn, async (store) => {
      for (let i = 0; i < 60; i++) await store.put(`guest/g${i}`, 'x'.repeat(3000), { expected: 'absent' });
    });
    const bytes = readFileSync(torn);
    bytes.fill(0xa5, 8192, 20_480);
    writeFileSync(torn, bytes);
    const journal = newPath();
    await (await openSqliteJournal({ path: journal, expectExisting: false })).close();
    for (const [path, message] of [
      [garbage, /damaged or not a database/],
      [foreign, /not a store of Caisson/],
      [cut, /damaged/],
      [torn, /damaged/],
      [journal, /not a store of Caisson/],
    ] as const) {
      const before = readFileSync(path);
      await refuses(path, 'failed', message);
      await refuses(path, 'failed', message, false);
      assert.ok(before.equals(readFileSync(path)), path);
    }
  });

  test('a newer version is refused and left as it is', async () => {
    const path = newPath();
    await withStore(path, (store) => store.put('site', 1, { expected: 'absent' }));
    tamper(path, 'PRAGMA user_version=99');
    const before = readFileSync(path);
    await refuses(path, 'too-new', /version 99.*run the newer Caisson/);
    assert.ok(before.equals(readFileSync(path)));
  });

  test('a folder that is not there is said', async () => {
    await refuses(join(folder, 'none', 'store.sqlite'), 'failed', /cannot be made/, false);
  });

  test('jobs and events are there after reopening, and ids go on', async () => {
    const path = newPath();
    const time = '2026-01-01T00:00:00.000Z';
    const event = { time, kind: 'guest-started', severity: 'info', message: 'a' } as const;
    const first = await openSqliteJournal({ path, expectExisting: false });
    const uid = 'jaaaaaaaaaa';
    await first.createJob({
      uid,
      kind: 'guest-start',
      title: 't',
      state: 'running',
      steps: [],
      startedAt: time,
      actor: 'local',
      objects: [],
    });
    await first.saveStep(uid, 0, { name: 'a', state: 'running' });
    await first.appendEvents([event, event]);
    await first.close();
    await first.close();
    await assert.rejects(first.listJobs(), { code: 'unavailable' });
    const second = await openSqliteJournal({ path, expectExisting: true });
    assert.deepEqual((await second.getJob(uid))?.steps, [{ name: 'a', state: 'running' }]);
    assert.equal((await second.appendEvents([event]))[0]?.id, 3);
    await second.close();
  });
});
