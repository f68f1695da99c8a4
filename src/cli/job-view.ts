// A job as text: its steps as a tree for a terminal, or as lines told once each. Pure.
import { formatDuration } from '../lib/units.ts';
import type { Job, JobStep, StepState } from '../model/job.ts';
import { harmless } from '../lib/harmless.ts';
import { type Paint, type Style } from './style.ts';
import { cutText } from './text-width.ts';

const marks: Record<StepState, string> = { pending: '·', running: '▸', done: '✓', failed: '✗', undone: '↶', skipped: '-' };
const styles: Partial<Record<StepState, Style>> = { pending: 'dim', failed: 'red', undone: 'amber', skipped: 'dim' };

interface Line {
  step: JobStep;
  depth: number;
}

export interface TreeOptions {
  columns: number;
  /** How many lines there may be; undefined: as many as there are. */
  rows?: number;
  now: number;
  paint: Paint;
}

/** The job's title and its steps. Parts of finished steps are folded away; where rows are few, what is done or not begun is. */
export function renderJobTree(job: Job, { columns, rows, now, paint }: TreeOptions): string[] {
  const all = inReadingOrder(job).filter(({ step }) => !isFolded(job, step));
  const { lines, hidden } = rows === undefined || all.length < rows ? { lines: all, hidden: [] } : choose(all, Math.max(1, rows - 3));
  const count = (state: StepState) => hidden.filter((line) => line.step.state === state).length;
  const folded = [
    count('done') > 0 ? `  ${marks.done} ${count('done')} more done` : undefined,
    count('pending') > 0 ? `  ${marks.pending} ${count('pending')} more to come` : undefined,
  ].filter((text) => text !== undefined);
  return [
    paint(cutText(harmless(job.title), columns - 1), 'bold'),
    ...lines.map(({ step, depth }) =>
      paint(cutText(`${'  '.repeat(depth + 1)}${describeStep(step, now)}`, columns - 1), styles[step.state]),
    ),
    ...folded.map((text) => paint(text, 'dim')),
  ];
}

/** What fits, in reading order: what failed and what runs before what is done, and that before what has not begun. */
function choose(all: readonly Line[], room: number): { lines: Line[]; hidden: Line[] } {
  const rank: Record<StepState, number> = { failed: 0, running: 1, undone: 2, done: 3, skipped: 3, pending: 4 };
  const chosen = new Set(all.toSorted((a, b) => rank[a.step.state] - rank[b.step.state]).slice(0, room));
  return { lines: all.filter((line) => chosen.has(line)), hidden: all.filter((line) => !chosen.has(line)) };
}

/** One line for each change since the last call, each complete in itself: several steps may run side by side. */
export class JobLines {
  readonly #told = new Map<number, string>();

  news(job: Job, now: number): string[] {
    const changed = [...job.steps.entries()].filter(([index, step]) => {
      // Figures that go on changing are not news.
      const state = step.state === 'running' ? `running ${(step.message ?? '').replaceAll(/[\d.,]+/g, '#')}` : step.state;
      if (step.state === 'pending' || this.#told.get(index) === state) return false;
      this.#told.set(index, state);
      return true;
    });
    return inOrderOfTime(job, changed).map((step) => describeStep({ ...step, name: pathOf(job, step).join(' › ') }, now));
  }
}

/** Of one moment, what ended comes before what began, and the parts of what ended before the whole. */
function inOrderOfTime(job: Job, steps: readonly (readonly [number, JobStep])[]): JobStep[] {
  const at = (step: JobStep) => Date.parse(step.endedAt ?? step.startedAt ?? '') || 0;
  const rank = ([index, step]: readonly [number, JobStep]) =>
    step.endedAt === undefined ? job.steps.length + index : -pathOf(job, step).length * job.steps.length + index;
  return steps.toSorted((a, b) => at(a[1]) - at(b[1]) || rank(a) - rank(b)).map(([, step]) => step);
}

function describeStep(step: JobStep, now: number): string {
  return harmless(`${marks[step.state]} ${step.name}${remark(step, now)}`).replaceAll(/[\n\t]+/g, ' ');
}

function remark(step: JobStep, now: number): string {
  const message = step.message ? `: ${step.message}` : '';
  const startedAt = step.startedAt === undefined ? undefined : Date.parse(step.startedAt);
  switch (step.state) {
    case 'running': {
      const percent = step.fraction === undefined ? '' : ` ${Math.round(step.fraction * 100)} %`;
      const forMs = startedAt === undefined ? 0 : now - startedAt;
      return `${percent}${message}${forMs >= 1000 ? ` (${formatDuration(forMs).replace(/\.\d s$/, ' s')})` : ''}`;
    }
    case 'done':
      return startedAt === undefined || step.endedAt === undefined ? '' : ` (${formatDuration(Date.parse(step.endedAt) - startedAt)})`;
    case 'failed':
      return message;
    case 'undone':
      return ' was undone';
    case 'skipped':
      return ' was done before';
    case 'pending':
      return '';
  }
}

function pathOf(job: Job, step: JobStep): string[] {
  const parent = step.parent === undefined ? undefined : job.steps[step.parent];
  return [...(parent ? pathOf(job, parent) : []), step.name];
}

/** Each step below the one that it is a part of. */
function inReadingOrder(job: Job): Line[] {
  const children = Map.groupBy(job.steps.entries(), ([, step]) => step.parent);
  const walk = (parent: number | undefined, depth: number): Line[] =>
    (children.get(parent) ?? []).flatMap(([index, step]) => [{ step, depth }, ...walk(index, depth + 1)]);
  return walk(undefined, 0);
}

/** A part of a step that is over, and well. */
function isFolded(job: Job, step: JobStep): boolean {
  const parent = step.parent === undefined ? undefined : job.steps[step.parent];
  return parent !== undefined && (parent.state === 'done' || parent.state === 'skipped' || isFolded(job, parent));
}
