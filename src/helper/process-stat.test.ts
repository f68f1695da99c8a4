import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { parseProcessStat, readProcess, startedAt } from './process-stat.ts';

test('the program’s name may hold spaces and parentheses', () => {
  const fields = Array.from({ length: 49 }, (_, index) => String(index + 4)).join(' ');
  assert.deepEqual(parseProcessStat(`4711 (qemu ) (x) S ${fields}\n`), { pid: 4711, state: 'S', startTime: 22 });
});

test('what is not such a line gives nothing', () => {
  for (const content of ['', 'x', '4711 (qemu', '4711 (qemu) S 1 2']) assert.equal(parseProcessStat(content), undefined);
});

test('this process lives, and started before now', () => {
  const stat = readProcess(process.pid);
  assert.equal(stat?.pid, process.pid);
  const started = startedAt(stat?.startTime ?? 0);
  assert.ok(Math.abs(started - (Date.now() - process.uptime() * 1000)) < 2000);
});

test('a process that is not there is not there', () => {
  assert.equal(readProcess(4_194_305), undefined);
});

test('a process that cannot be looked at is not taken for one that is gone', () => {
  // Nothing more can be opened.
  const script = `
    import { openSync } from 'node:fs';
    import { readProcess } from ${JSON.stringify(new URL('./process-stat.ts', import.meta.url).href)};
    try { for (;;) openSync('/dev/null'); } catch {}
    try { console.log(readProcess(process.pid)); } catch (error) { console.log(error.code); }`;
  const limited = ['-c', 'ulimit -n 64; exec "$0" --input-type=module --no-warnings -e "$1"', process.execPath, script];
  assert.equal(execFileSync('sh', limited, { encoding: 'utf8' }), 'failed\n');
});
