import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { renderProbeFirmware } from './payload.ts';

const run = promisify(execFile);

test('the committed probe guest is its source, assembled', async (t) => {
  if (process.arch !== 'x64') return t.skip('the assembler of this machine is not for x86');
  const folder = await mkdtemp(join(tmpdir(), 'caisson-payload-'));
  t.after(() => rm(folder, { recursive: true }));
  const at = (name: string) => join(folder, name);
  try {
    await run('as', ['--64', join(import.meta.dirname, 'payload.s'), '-o', at('payload.o')]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return t.skip('no assembler here (package binutils)');
    throw error;
  }
  await run('ld', ['-Ttext=0xfffff000', '--oformat', 'binary', at('payload.o'), '-o', at('payload.bin')]);
  const assembled = await readFile(at('payload.bin'));
  assert.equal(assembled.length, 4096);
  assert.deepEqual(renderProbeFirmware().subarray(-4096), assembled);
});
