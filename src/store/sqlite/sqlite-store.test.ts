import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { storeContract } from '../../../test/contract/store.contract.ts';
import { openSqliteStore } from './sqlite-store.ts';

const folder = mkdtempSync(join(tmpdir(), 'caisson-store-'));
after(() => rmSync(folder, { recursive: true }));

let count = 0;
storeContract('sqlite', (options) =>
  openSqliteStore({ path: join(folder, `contract-${count++}.sqlite`), expectExisting: false, ...options }),
);
