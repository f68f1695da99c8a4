import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { journalContract } from '../../../test/contract/journal.contract.ts';
import { openSqliteJournal } from './sqlite-journal.ts';

const folder = mkdtempSync(join(tmpdir(), 'caisson-journal-'));
after(() => rmSync(folder, { recursive: true }));

let count = 0;
journalContract('sqlite', (bounds) =>
  openSqliteJournal({ path: join(folder, `contract-${count++}.sqlite`), expectExisting: false, ...bounds }),
);
