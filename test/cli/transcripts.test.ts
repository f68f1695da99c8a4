// What every command says, as a person sees it. UPDATE_GOLDEN=1 writes the transcripts anew, for a person to read the difference.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { replay } from './transcript.ts';

const folder = join(import.meta.dirname, 'transcripts');

for (const name of readdirSync(folder)) {
  test(`the commands of ${name} say what is written there`, async () => {
    const path = join(folder, name);
    const before = readFileSync(path, 'utf8');
    const now = await replay(before);
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, now);
    else assert.equal(now, before);
  });
}
