// `npm test [-- FILTER…] [--long] [--name PATTERN] [--seed N]`: the checks of the sources, the pure tests, the tests of the real thing,
// and whether anything was left behind. The last line is `N passed, N failed, N skipped`.
import { execFileSync } from 'node:child_process';
import { formatDuration } from '../src/lib/units.ts';
import { runCheckSteps } from './check.ts';
import { readOptions } from './command-options.ts';
import { findLeftovers, listTraces, traceMark } from './leftovers.ts';
import { runTestProcess } from './run-test-process.ts';
import { type EndToEndFile, findEndToEndTests, findPureTests } from './test-files.ts';
import type { TestEnd } from './test-events.ts';
import { TestTotals } from './test-totals.ts';

const { values, positionals: filters } = readOptions('npm test [-- FILTER…] [--long] [--name PATTERN] [--seed N]', {
  options: { long: { type: 'boolean', default: false }, name: { type: 'string' }, seed: { type: 'string' } },
  allowPositionals: true,
});
const isLong = values.long || process.env['CAISSON_TEST_LONG'] === '1';
const totalLimitMs = (isLong ? 10 * 60 : 45) * 60_000;
/** When more end-to-end files than this fail it is not for want of a processor. */
const mostRunAgain = 4;
const env: Record<string, string> = {
  ...traceMark,
  ...(isLong ? { CAISSON_TEST_LONG: '1' } : {}),
  // Tests that choose by chance play this choice again.
  ...(values.seed === undefined ? {} : { CAISSON_SEED: values.seed }),
};

const totals = new TestTotals();
const startedAt = performance.now();
const stopping = new AbortController();
const outOfTime = setTimeout(() => {
  print(`\nThe tests take longer than ${formatDuration(totalLimitMs)} and are stopped. The slowest files:`);
  for (const { file, durationMs } of totals.slowest(10)) print(`  ${formatDuration(durationMs).padStart(10)}  ${file}`);
  stopping.abort();
}, totalLimitMs);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopping.abort());

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function matches(name: string): boolean {
  return filters.length === 0 || filters.some((filter) => name.includes(filter));
}

function note(end: TestEnd): void {
  totals.add(end);
  if (end.outcome === 'failed') print(`FAILED  ${end.file} › ${end.names.join(' › ')}`);
}

async function runChecks(): Promise<void> {
  const wanted = filters.filter((filter) => 'check'.includes(filter));
  if (filters.length > 0 && wanted.length === 0) return;
  for await (const { name, failure, durationMs } of runCheckSteps()) {
    const end: TestEnd = { names: [name], file: 'check', outcome: failure === '' ? 'passed' : 'failed', durationMs };
    note(failure === '' ? end : { ...end, error: failure });
    if (failure === '') print(`ok      check › ${name}  ${formatDuration(durationMs)}`);
  }
}

/** All pure tests in two processes, so that both processors work. */
async function runPureTests(): Promise<void> {
  const files = findPureTests().filter(matches);
  const halves = [files.filter((_, index) => index % 2 === 0), files.filter((_, index) => index % 2 === 1)].filter(
    (half) => half.length > 0,
  );
  const run = (half: readonly string[]) =>
    runTestProcess({
      files: half,
      limitMs: isLong ? 3 * 3_600_000 : 600_000,
      testLimitMs: isLong ? 3_600_000 : 120_000,
      env,
      namePattern: values.name,
      onEnd: note,
      signal: stopping.signal,
    });
  await Promise.all(halves.map(run));
  for (const { file, passed, failed, durationMs } of totals.files().filter(({ file }) => file !== 'check')) {
    print(`${failed === 0 ? 'ok    ' : 'FAILED'}  ${file}  ${passed} tests  ${formatDuration(durationMs)}`);
  }
}

async function runEndToEndTests(): Promise<void> {
  const files = findEndToEndTests().filter(({ path }) => matches(path));
  if (files.length === 0) return;
  if (process.getuid?.() !== 0) {
    for (const { path } of files) {
      note({ names: ['all of it'], file: path, outcome: 'skipped', durationMs: 0, reason: 'only root can run it' });
    }
    return;
  }
  execFileSync(process.execPath, ['scripts/build.ts', '--quiet'], { stdio: 'inherit' });
  const queue = files.filter(({ alone }) => !alone);
  const work = async () => {
    for (let next = queue.shift(); next && !stopping.signal.aborted; next = queue.shift()) await runEndToEnd(next);
  };
  await Promise.all([work(), work()]);
  for (const file of files.filter(({ alone }) => alone)) if (!stopping.signal.aborted) await runEndToEnd(file);
  await runFailedAgain(files);
}

/**
 * Few that failed beside others may have failed for want of a processor. Who asks for certain files wants to see what they say, and the long
 * matrices are there to find what shows once in hundreds of times.
 */
async function runFailedAgain(files: readonly EndToEndFile[]): Promise<void> {
  const failed = files.filter(({ path }) => totals.files().some(({ file, failed: count }) => file === path && count > 0));
  if (isLong || filters.length > 0 || failed.length > mostRunAgain) return;
  for (const file of failed) {
    if (stopping.signal.aborted) return;
    print(`again   ${file.path}, alone`);
    totals.askAgain(file.path);
    await runEndToEnd(file);
  }
}

async function runEndToEnd({ path, ...limits }: EndToEndFile): Promise<void> {
  print(`begins  ${path}`);
  const limitMs = isLong ? limits.longLimitMs : limits.limitMs;
  await runTestProcess({
    files: [path],
    limitMs,
    testLimitMs: limitMs,
    env,
    namePattern: values.name,
    onEnd: (ended) => {
      const end = { ...ended, file: path }; // a shared suite tells its own file
      note(end);
      if (end.outcome === 'passed') print(`ok      ${path} › ${end.names.join(' › ')}  ${formatDuration(end.durationMs)}`);
    },
    signal: stopping.signal,
  });
}

async function checkLeftovers(before: ReadonlySet<string>): Promise<void> {
  const left = await findLeftovers(before);
  const error = left.length === 0 ? {} : { error: `left behind:\n${left.join('\n')}` };
  note({ names: ['nothing is left behind'], file: 'leftovers', outcome: left.length === 0 ? 'passed' : 'failed', durationMs: 0, ...error });
}

const before = listTraces();
await runChecks();
await runPureTests();
if (!stopping.signal.aborted) await runEndToEndTests();
await checkLeftovers(before);
clearTimeout(outOfTime);

for (const line of totals.report()) print(line);
if (stopping.signal.aborted)
  note({ names: ['all tests are run'], file: 'npm test', outcome: 'failed', durationMs: 0, error: 'stopped early' });
print(`in ${formatDuration(performance.now() - startedAt)}`);
print(totals.lastLine());
process.exit(totals.failed > 0 || totals.passed === 0 ? 1 : 0);
