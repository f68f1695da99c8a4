import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { runTestProcess } from './run-test-process.ts';
import type { TestEnd } from './test-events.ts';
import { parseWishes } from './test-files.ts';
import { TestTotals } from './test-totals.ts';

/** What the runner tells of a test file with this text, in its order. */
async function runText(t: TestContext, text: string, limitMs = 20_000): Promise<TestEnd[]> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-runner-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'a.test.mjs');
  writeFileSync(file, `import { test, describe } from 'node:test';\n${text}`);
  const ends: TestEnd[] = [];
  await runTestProcess({
    files: [file],
    limitMs,
    testLimitMs: limitMs,
    env: {},
    onEnd: (end) => ends.push(end),
    signal: new AbortController().signal,
  });
  return ends;
}

function summary(ends: readonly TestEnd[]): string[] {
  return ends.map(
    ({ outcome, names, reason, error }) => `${outcome} ${names.join('/')}${reason ? ` (${reason})` : ''}${error ? ' !' : ''}`,
  );
}

test('each test is told with its names, a skip with its reason, a failure with its error', async (t) => {
  const text = `
    test('well', () => {});
    test('bad', () => { throw new Error('on purpose', { cause: new Error('the cause') }); });
    test('not here', (t) => t.skip('no sun'));
    describe('suite', () => { test('inner', () => {}); });
    test('parent', async (t) => { await t.test('child', () => { throw new Error('x'); }); });`;
  const ends = await runText(t, text);
  assert.deepEqual(summary(ends), [
    'passed well',
    'failed bad !',
    'skipped not here (no sun)',
    'passed suite/inner',
    'failed parent/child !',
    'failed parent',
  ]);
  assert.match(ends[1]?.error ?? '', /on purpose[^]*caused by: Error: the cause/);
});

test('a process that dies is a failure with what it said', async (t) => {
  const ends = await runText(t, "test('before', () => {});\ntest('dies', () => { console.error('last words'); process.exit(3); });");
  const last = ends.at(-1);
  assert.equal(last?.outcome, 'failed');
  assert.match(last?.error ?? '', /exit 3[^]*last words/);
});

test('a process that hangs is killed and is a failure', async (t) => {
  const ends = await runText(t, "test('hangs', () => { for (;;); });", 1500);
  assert.match(ends.at(-1)?.error ?? '', /not over after/);
});

test('a file that does not load is a failure', async (t) => {
  const ends = await runText(t, "import './not-there.mjs';");
  assert.equal(
    ends.some(({ outcome }) => outcome === 'failed'),
    true,
  );
});

test('wishes of an end-to-end file stand in its first lines', () => {
  assert.deepEqual(parseWishes("import x from 'y';\n"), { alone: false, limitMs: 600_000, longLimitMs: 1_800_000 });
  assert.deepEqual(parseWishes('// e2e: alone, limit 20 min\n'), { alone: true, limitMs: 1_200_000, longLimitMs: 3_600_000 });
  assert.deepEqual(parseWishes('// e2e: limit 5 min, long 90 min\n'), { alone: false, limitMs: 300_000, longLimitMs: 5_400_000 });
});

test('totals count each test once and time only the innermost', () => {
  const totals = new TestTotals();
  const end = { file: 'a', outcome: 'passed', durationMs: 10 } as const;
  totals.add({ ...end, names: ['parent', 'child'] });
  totals.add({ ...end, names: ['parent'], durationMs: 11 });
  totals.add({ ...end, names: ['other'], outcome: 'skipped', reason: 'no sun' });
  assert.equal(totals.lastLine(), '2 passed, 0 failed, 1 skipped');
  assert.deepEqual(totals.slowest(5), [{ file: 'a', passed: 2, failed: 0, durationMs: 20 }]);
  assert.deepEqual(totals.report(), ['', 'Skipped:', '  a › other: no sun']);
});

test('a file that is run again counts by its second run, and its first failure is told', () => {
  const totals = new TestTotals();
  const end = { file: 'a', names: ['boots'], durationMs: 10 };
  totals.add({ ...end, outcome: 'failed', error: 'too slow' });
  totals.add({ ...end, file: 'b', outcome: 'passed' });
  totals.askAgain('a');
  totals.add({ ...end, outcome: 'passed' });
  assert.equal(totals.lastLine(), '2 passed, 0 failed, 0 skipped');
  assert.deepEqual(totals.report(), ['', 'Failed beside others, and was run again alone:', '  a › boots', '      too slow', '']);
});
