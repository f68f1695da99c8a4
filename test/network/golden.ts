// Compares a text with its golden file; `UPDATE_GOLDEN=1` writes the file instead, for a person to read the difference.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';

export function assertGolden(name: string, text: string): void {
  const path = new URL(`../golden/${name}`, import.meta.url);
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, text);
  assert.equal(
    text,
    readFileSync(path, 'utf8'),
    `${name} differs: when the change is meant, run again with UPDATE_GOLDEN=1 and read the difference`,
  );
}
