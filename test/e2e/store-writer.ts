// A process that writes to a store and says after each write that it was acknowledged; the tests of power cuts, kills and
// full disks end it in the middle. Arguments: path, number of writes, `full` or `relaxed`, bytes of a value.
import { writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describeError, toCaissonError } from '../../src/lib/errors.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';

export const storeWriterPath = fileURLToPath(import.meta.url);

if (import.meta.main) {
  const [path = '', count = '0', durability = 'full', bytes = '10'] = process.argv.slice(2);
  const store = await openSqliteStore({ path, expectExisting: false });
  const filler = 'x'.repeat(Number(bytes));
  for (let n = 1; n <= Number(count); n++) {
    try {
      // Two rows in one transaction: half of one must never be found.
      const revision = await store.transaction({
        writes: [
          { key: `a/${n}`, expected: 'absent', value: { n, filler } },
          { key: 'last', expected: 'any', value: { n } },
        ],
        durability: durability === 'relaxed' && n % 10 !== 0 ? 'relaxed' : 'full',
      });
      writeSync(1, `ack ${n} ${revision}\n`);
    } catch (error) {
      writeSync(1, `error ${n} ${toCaissonError(error).code} ${describeError(error)}\n`);
    }
  }
  // Stays, with the store open, until it is ended.
  setInterval(() => {}, 60_000);
}
