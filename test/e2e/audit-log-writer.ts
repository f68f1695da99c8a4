// A process that writes to an audit log without end and says after each entry that it was acknowledged, to be killed. Argument: path.
import { writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openSqliteAuditLog } from '../../src/store/sqlite/sqlite-audit-log.ts';

export const auditLogWriterPath = fileURLToPath(import.meta.url);

if (import.meta.main) {
  const log = await openSqliteAuditLog({ path: process.argv[2] ?? '', expectExisting: false });
  for (;;) {
    const { number, hash } = await log.append({ kind: 'request', actor: 'writer', from: 'unix', operation: 'guestStart' });
    writeSync(1, `ack ${number}:${hash}\n`);
  }
}
