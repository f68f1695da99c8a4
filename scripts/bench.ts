// `npm run bench [-- FILTER…] [--full] [--json FILE]`: measures what the bench files promise. Exit code 1 only when something
// could not be measured: a goal that is not met stays visible as unmet, and is work to do.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Bench, type BenchContext, type Figure, isMet, type Measurement, type Peer } from '../bench/figure.ts';
import { beTheOnlyBench } from '../bench/only-bench.ts';
import { stopSignal } from '../bench/stop-signal.ts';
import { describeError } from '../src/lib/errors.ts';
import { formatDuration } from '../src/lib/units.ts';
import { projectRoot } from './project.ts';

interface Result {
  name: string;
  value: number | null;
  unit: string;
  baseline: { what: string; value: number | null; unit: string } | null;
  peers: Peer[];
  goal: Figure['goal'];
  met: boolean;
  error?: string;
}

const { values, positionals: filters } = parseArgs({
  options: { full: { type: 'boolean', default: false }, json: { type: 'string' } },
  allowPositionals: true,
});
const stopping = stopSignal();
const end = await beTheOnlyBench().catch((error: unknown) => {
  print(describeError(error));
  process.exit(1);
});

// The programs that are measured are those of these sources.
execFileSync(process.execPath, [join(projectRoot, 'scripts/build.ts'), '--quiet'], { stdio: 'inherit' });

const startedAt = new Date();
const results: Result[] = [];
for (const file of readdirSync(join(projectRoot, 'bench')).toSorted()) {
  if (!file.endsWith('.bench.ts') || stopping.aborted) continue;
  const { bench } = (await import(join(projectRoot, 'bench', file))) as { bench: Bench };
  results.push(...(await measure(file, bench)));
}
end();
if (results.length === 0) {
  print(stopping.aborted ? 'Stopped.' : `No figure matches ${filters.join(', ')}.`);
  process.exit(1);
}
const unmeasured = results.filter(({ error }) => error !== undefined).length;
const unmet = results.filter(({ met, error }) => !met && error === undefined).length;
print('');
for (const line of table(results)) print(line);
const judgement = [`${results.length} figures`, `${unmet} unmet`, ...(unmeasured > 0 ? [`${unmeasured} could not be measured`] : [])];
print(`\n${judgement.join(', ')}; in ${formatDuration(Date.now() - startedAt.getTime())}`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ ...describeMachine(), figures: results }, null, 2)}\n`);
process.exit(unmeasured > 0 ? 1 : 0);

async function measure(file: string, bench: Bench): Promise<Result[]> {
  const asked = bench.figures.filter(
    ({ name, full }) => (values.full || !full) && (filters.length === 0 || filters.some((filter) => name.includes(filter))),
  );
  const wanted = asked.filter(({ isMeasurable }) => isMeasurable?.() ?? true);
  for (const { name } of asked.filter((figure) => !wanted.includes(figure))) print(`left out, for want of what it compares with: ${name}`);
  if (wanted.length === 0) return [];
  const measured = new Map<string, Measurement>();
  const context: BenchContext = {
    isWanted: (name) => wanted.some((figure) => figure.name === name),
    report(name, measurement) {
      const figure = wanted.find((each) => each.name === name);
      if (!figure) throw new Error(`${file} reports ${name}, which is not among its wanted figures`);
      measured.set(name, measurement);
      print(`  ${name}: ${show(measurement.value)} ${figure.unit}`);
    },
    say: (text) => print(`  ${text}`),
    full: values.full,
    signal: stopping,
  };
  print(`bench/${file}`);
  let failure: string | undefined;
  try {
    await bench.run(context);
  } catch (error) {
    failure = describeError(error);
    print(`  failed: ${failure}`);
  }
  return wanted.map((figure) => judge(figure, measured.get(figure.name), failure));
}

function judge(figure: Figure, measurement: Measurement | undefined, failure: string | undefined): Result {
  const { name, unit, goal } = figure;
  if (!measurement)
    return { name, value: null, unit, baseline: null, peers: [], goal, met: false, error: failure ?? 'it was not reported' };
  const { what, value, unit: baselineUnit = unit } = measurement.baseline;
  return {
    name,
    value: measurement.value,
    unit,
    baseline: { what, value, unit: baselineUnit },
    peers: measurement.peers ?? [],
    goal,
    met: isMet(goal, measurement.value),
  };
}

function table(rows: readonly Result[]): string[] {
  const cells = rows.map(({ name, value, unit, baseline, peers, goal, met, error }) => [
    name,
    value === null ? '–' : `${show(value)} ${unit}`,
    'atMost' in goal ? `≤ ${goal.atMost}` : `≥ ${goal.atLeast}`,
    error === undefined ? (met ? 'met' : 'UNMET') : 'FAILED',
    error ?? [...(baseline ? [beside(baseline)] : []), ...peers.map((peer) => beside({ ...peer, unit }))].join(' · '),
  ]);
  const all = [['figure', 'value', 'goal', '', 'beside it'], ...cells];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all.map((row) =>
    row.map((cell, column) => (column === 1 ? cell.padStart(widths[1] ?? 0) : cell.padEnd(widths[column] ?? 0))).join('  '),
  );
}

function beside({ what, value, unit }: { what: string; value: number | null; unit: string }): string {
  return value === null ? `not installed: ${what}` : `${show(value)} ${unit}: ${what}`;
}

function show(value: number): string {
  const size = Math.abs(value);
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function describeMachine(): Record<string, unknown> {
  const processor = cpus();
  return {
    version: (JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string }).version,
    startedAt: startedAt.toISOString(),
    machine: {
      processors: processor.length,
      model: processor[0]?.model,
      memoryMib: Math.round(totalmem() / 1_048_576),
      kernel: release(),
      node: process.version,
    },
    full: values.full,
  };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
