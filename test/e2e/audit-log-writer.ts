// A process that writes to an audit log without end and says after each entry that it was acknowledged, to be killed. Arguments: path, and a file into which it
// archives the oldest entries again and again.
import { appendFileSync, closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { digestEntries } from '../../src/store/audit-log.ts';
import { openSqliteAuditLog } from '../../src/store/sqlite/sqlite-audit-log.ts';

export const auditLogWriterPath = fileURLToPath(import.meta.url);
const archiveEvery = 7;

if (import.meta.main) {
  const [, , path = '', archive] = process.argv;
  const log = await openSqliteAuditLog({ path, expectExisting: false });
  for (;;) {
    const { number, hash } = await log.append({ kind: 'request', actor: 'writer', from: 'unix', operation: 'guestStart' });
    writeSync(1, `ack ${number}:${hash}\n`);
    if (archive === undefined || number % archiveEvery !== 0) continue;
    // All but the last three, as the command line does: on the disk first.
    const after = (await log.archived()).number;
    const old = (await log.read({ after, limit: 1000 })).filter((entry) => entry.number <= number - 3);
    const last = old.at(-1);
    if (!last) continue;
    appendFileSync(archive, old.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    const file = openSync(archive, 'r');
    fsyncSync(file);
    closeSync(file);
    await log.archive({ number: last.number, hash: last.hash }, (await digestEntries(log, after, last.number)).sha256);
    writeSync(1, `archived ${last.number}\n`);
  }
}
