import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isAlive } from './process-stat.ts';

test('this process lives, not another of its number, nor one that is not there', async () => {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const startTime = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  assert.equal(await isAlive({ pid: process.pid, startTime }), true);
  assert.equal(await isAlive({ pid: process.pid, startTime: startTime - 1 }), false);
  assert.equal(await isAlive({ pid: 4_194_305, startTime }), false);
});

test('a process that cannot be looked at is not taken for one that is gone', () => {
  // Nothing more can be opened.
  const script = `
    import { openSync } from 'node:fs';
    import { isAlive } from ${JSON.stringify(new URL('./process-stat.ts', import.meta.url).href)};
    try { for (;;) openSync('/dev/null'); } catch {}
    try { console.log(await isAlive({ pid: process.pid, startTime: 1 })); } catch (error) { console.log(error.code); }`;
  const limited = ['-c', 'ulimit -n 64; exec "$0" --input-type=module --no-warnings -e "$1"', process.execPath, script];
  assert.equal(execFileSync('sh', limited, { encoding: 'utf8' }), 'failed\n');
});
