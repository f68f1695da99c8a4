// Waiting for a job: its steps redrawn in place on a terminal, one line for each change elsewhere. Ctrl-C stops watching, not the job.
import { CaissonError } from '../lib/errors.ts';
import { formatDuration } from '../lib/units.ts';
import type { Job, JobStep } from '../model/job.ts';
import type { Connection } from './connection.ts';
import { harmless } from './output.ts';

export interface FollowOptions {
  /** Return at once. */
  wait: boolean;
  quiet?: boolean;
}

/** Resolves with the ended job when it succeeded (or with the running one when not waiting); throws its error otherwise. */
export async function followJob({ client }: Connection, job: Job, options: FollowOptions): Promise<Job> {
  if (!options.wait) {
    process.stderr.write(`job ${job.uid} runs: ${job.title}\n`);
    return job;
  }
  const view = options.quiet ? undefined : process.stderr.isTTY ? new LiveView() : new LineView();
  const watching = new AbortController();
  const interrupt = () => {
    view?.end();
    process.stderr.write(
      `job ${job.uid} goes on; “caisson job show ${job.uid}” tells how it stands, “caisson job cancel ${job.uid}” stops it\n`,
    );
    process.exit(130);
  };
  process.once('SIGINT', interrupt);
  const { jobSchema } = await import('../model/job.ts'); // schemas take a while to make: only where they are used
  let last = job;
  try {
    for await (const value of client.stream('jobFollow', { params: { job: job.uid } }, { signal: watching.signal })) {
      last = jobSchema.parse(value);
      view?.show(last);
      if (last.state !== 'running') break;
    }
    // The stream may have been cut just before the end.
    if (last.state === 'running') last = await client.call('jobShow', { params: { job: job.uid } });
  } finally {
    watching.abort();
    process.off('SIGINT', interrupt);
    view?.end();
  }
  if (last.state === 'succeeded') return last;
  const { code, message } = last.error ?? { code: 'failed' as const, message: `the job ended as ${last.state}` };
  throw new CaissonError(code, message);
}

const marks: Record<JobStep['state'], string> = { pending: '·', running: '▸', done: '✓', failed: '✗', undone: '↶', skipped: '-' };

function stepLine(step: JobStep, depth: number): string {
  const took = step.startedAt && step.endedAt ? ` (${formatDuration(Date.parse(step.endedAt) - Date.parse(step.startedAt))})` : '';
  const percent = step.fraction === undefined ? '' : ` ${Math.round(step.fraction * 100)} %`;
  const message = step.message ? ` — ${step.message}` : '';
  return harmless(
    `${'  '.repeat(depth)}${marks[step.state]} ${step.name}${percent}${step.state === 'running' ? message : step.state === 'failed' ? message : took}`,
  );
}

function depthOf(job: Job, step: JobStep): number {
  let depth = 0;
  for (let parent = step.parent; parent !== undefined; parent = job.steps[parent]?.parent) depth++;
  return depth;
}

/** Steps in the order in which a person reads them: each below the one that it is a part of. */
function inReadingOrder(job: Job): { step: JobStep; depth: number }[] {
  const children = Map.groupBy(job.steps.keys(), (index) => job.steps[index]?.parent);
  const walk = (parent: number | undefined, depth: number): { step: JobStep; depth: number }[] =>
    (children.get(parent) ?? []).flatMap((index) => [{ step: job.steps[index] as JobStep, depth }, ...walk(index, depth + 1)]);
  return walk(undefined, 0);
}

class LiveView {
  #lines = 0;
  #timer: NodeJS.Timeout | undefined;
  #job: Job | undefined;

  show(job: Job): void {
    this.#job = job;
    this.#timer ??= setTimeout(() => this.#draw(), 80);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#draw();
  }

  #draw(): void {
    this.#timer = undefined;
    const job = this.#job;
    if (!job) return;
    const columns = process.stderr.columns || 80;
    const rows = (process.stderr.rows || 24) - 2;
    // Finished parts of finished steps are folded away, and what is more than the screen holds is cut at the top.
    const all = inReadingOrder(job).filter(({ step, depth }) => depth === 0 || isUnfinished(job, step));
    const lines = [job.title, ...all.map(({ step, depth }) => stepLine(step, depth + 1))]
      .slice(-rows)
      .map((line) => line.slice(0, columns - 1));
    const up = this.#lines > 0 ? `\u001b[${this.#lines}A` : '';
    process.stderr.write(`${up}\u001b[J${lines.join('\n')}\n`);
    this.#lines = lines.length;
  }
}

function isUnfinished(job: Job, step: JobStep): boolean {
  const parent = step.parent === undefined ? undefined : job.steps[step.parent];
  return parent !== undefined && parent.state !== 'done';
}

class LineView {
  readonly #shown = new Map<number, string>();

  show(job: Job): void {
    for (const [index, step] of job.steps.entries()) {
      const state = step.state === 'running' && step.message ? `running ${step.message.replaceAll(/[\d.,]+/g, '#')}` : step.state;
      if (this.#shown.get(index) === state || step.state === 'pending') continue;
      this.#shown.set(index, state);
      process.stderr.write(`${stepLine(step, depthOf(job, step))}\n`);
    }
  }

  end(): void {
    // Every line is out already.
  }
}
