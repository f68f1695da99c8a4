import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { testHistory } from '../../../test/contract/history.contract.ts';
import { openSqliteHistory } from './sqlite-history.ts';

const folder = mkdtempSync(join(tmpdir(), 'caisson-history-'));
after(() => rmSync(folder, { recursive: true }));

let count = 0;
testHistory('sqlite', () => openSqliteHistory({ path: join(folder, `contract-${count++}.sqlite`) }));
