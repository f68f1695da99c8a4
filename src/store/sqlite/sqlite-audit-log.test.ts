import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, test } from 'node:test';
import { auditLogContract, logRequest } from '../../../test/contract/audit-log.contract.ts';
import { checkChain } from '../../model/log-chain.ts';
import { digestEntries } from '../audit-log.ts';
import { openSqliteAuditLog } from './sqlite-audit-log.ts';

const folder = mkdtempSync(join(tmpdir(), 'caisson-audit-log-'));
after(() => rmSync(folder, { recursive: true }));

let count = 0;
const newPath = () => join(folder, `${count++}.sqlite`);
auditLogContract('sqlite', () => openSqliteAuditLog({ path: newPath(), expectExisting: false }));

describe('audit log: somebody with the file in hand', () => {
  async function written(): Promise<string> {
    const path = newPath();
    const log = await openSqliteAuditLog({ path, expectExisting: false });
    for (const name of ['a', 'b', 'c', 'd', 'e']) await log.append(logRequest('guestDelete', { object: `guest/${name}` }));
    await log.close();
    return path;
  }

  async function problemsOf(path: string): Promise<string[]> {
    const log = await openSqliteAuditLog({ path, expectExisting: true });
    try {
      const check = checkChain();
      for (const entry of await log.read({ after: 0, limit: 100 })) check.take(entry);
      return check.finish((await log.head()).number).problems;
    } finally {
      await log.close();
    }
  }

  function tamper(path: string, ...statements: string[]): void {
    const database = new DatabaseSync(path);
    try {
      for (const sql of statements) database.exec(sql);
    } finally {
      database.close();
    }
  }

  test('cannot change or remove an entry by mistake', async () => {
    const path = await written();
    assert.throws(() => tamper(path, 'DELETE FROM entry WHERE number = 2'), /only added to/);
    assert.throws(() => tamper(path, "UPDATE entry SET json = '{}'"), /only added to/);
    assert.deepEqual(await problemsOf(path), []);
  });

  test('cannot remove what was not archived, or say so of what is not there', async () => {
    const path = await written();
    assert.throws(() => tamper(path, "INSERT INTO archive VALUES (3, 'another', '', '')"), /ends with an entry/);
    assert.throws(() => tamper(path, "INSERT INTO archive VALUES (9, 'another', '', '')"), /ends with an entry/);
    const log = await openSqliteAuditLog({ path, expectExisting: true });
    const [, second] = await log.read({ after: 0, limit: 2 });
    await log.archive({ number: 2, hash: second?.hash ?? '' }, (await digestEntries(log, 0, 2)).sha256);
    await log.close();
    assert.throws(() => tamper(path, 'DELETE FROM entry WHERE number = 3'), /only added to/);
    assert.throws(() => tamper(path, 'DELETE FROM archive'), /only added to/);
    assert.throws(() => tamper(path, 'UPDATE archive SET through = 4'), /only added to/);
    const again = await openSqliteAuditLog({ path, expectExisting: true });
    assert.deepEqual(await again.archived(), { number: 2, hash: second?.hash });
    assert.equal((await again.append(logRequest('guestStart'))).number, 6);
    await again.close();
  });

  test('a log of before there were archives is taken over as it is', async () => {
    const path = await written();
    tamper(
      path,
      `DROP TABLE archive; DROP TRIGGER entry_is_not_removed;
       CREATE TRIGGER entry_is_not_removed BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
       PRAGMA user_version=1`,
    );
    const log = await openSqliteAuditLog({ path, expectExisting: true });
    const entries = await log.read({ after: 0, limit: 10 });
    assert.equal(entries.length, 5);
    await log.archive({ number: 5, hash: entries[4]?.hash ?? '' }, (await digestEntries(log, 0, 5)).sha256);
    await log.close();
    // Empty but for what it goes on from, which is known after another start.
    const again = await openSqliteAuditLog({ path, expectExisting: true });
    assert.deepEqual(await again.head(), { number: 5, hash: entries[4]?.hash });
    assert.equal((await again.append(logRequest('guestStart'))).previous, entries[4]?.hash);
    await again.close();
  });

  test('the file becomes smaller', async () => {
    const path = newPath();
    const log = await openSqliteAuditLog({ path, expectExisting: false });
    for (let count = 0; count < 400; count++) await log.append(logRequest('guestStart', { parameters: { text: 'x'.repeat(4000) } }));
    const { number, hash } = await log.head();
    await log.archive({ number, hash }, (await digestEntries(log, 0, number)).sha256);
    await log.append(logRequest('guestStart'));
    // Also while it is open.
    assert.ok(statSync(path).size < 200_000, `${statSync(path).size} bytes`);
    await log.close();
  });

  const unlock = 'DROP TRIGGER entry_is_not_changed; DROP TRIGGER entry_is_not_removed;';
  const cases: { what: string; sql: string; says: RegExp }[] = [
    { what: 'an altered entry', sql: "UPDATE entry SET json = replace(json, 'guest/b', 'guest/x')", says: /entry 2 was altered/ },
    { what: 'an entry that is no JSON object', sql: "UPDATE entry SET json = '7' WHERE number = 3", says: /after entry 2 is no entry/ },
    { what: 'a removed entry', sql: 'DELETE FROM entry WHERE number = 3', says: /entry 3 is missing before entry 4/ },
    { what: 'the last entries removed', sql: 'DELETE FROM entry WHERE number > 3', says: /entries 4 to 5 are missing at the end/ },
    { what: 'all removed', sql: 'DELETE FROM entry', says: /entries 1 to 5 are missing at the end/ },
    {
      what: 'two entries in each other’s place',
      sql: 'UPDATE entry SET number = 99 WHERE number = 2; UPDATE entry SET number = 2 WHERE number = 3; UPDATE entry SET number = 3 WHERE number = 99',
      says: /entry 2 stands after entry 3/,
    },
  ];
  for (const { what, sql, says } of cases) {
    test(`${what} is found, also after more was written`, async () => {
      const path = await written();
      tamper(path, unlock, sql);
      assert.match((await problemsOf(path)).join('\n'), says);
      const log = await openSqliteAuditLog({ path, expectExisting: true });
      await log.append(logRequest('guestStart'));
      assert.ok((await log.listActions()).length > 0);
      await log.close();
      assert.notDeepEqual(await problemsOf(path), []);
    });
  }

  test('a log that was written anew does not go through a head that was noted', async () => {
    const path = await written();
    const log = await openSqliteAuditLog({ path, expectExisting: true });
    const entries = await log.read({ after: 0, limit: 100 });
    await log.close();
    const noted = { number: 3, hash: entries[2]?.hash ?? '' };
    const forged = await openSqliteAuditLog({ path: newPath(), expectExisting: false });
    for (let index = 0; index < 5; index++) await forged.append(logRequest('guestStart'));
    const check = checkChain({ known: [noted] });
    for (const entry of await forged.read({ after: 0, limit: 100 })) check.take(entry);
    await forged.close();
    assert.match(check.finish().problems.join(), /entry 3 has another hash than was noted/);
  });
});
