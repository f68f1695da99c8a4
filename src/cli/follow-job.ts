// Waiting for a job: its steps redrawn in place on a terminal, one line for each change elsewhere. Ctrl-C ends the watching, not the job.
import { CaissonError, type ErrorCode } from '../lib/errors.ts';
import type { Job } from '../model/job.ts';
import type { Connection } from './connection.ts';
import { Advised, Ended, exitCodes } from './failure.ts';
import type { Io } from './io.ts';
import { JobLines, renderJobTree } from './job-view.ts';
import { harmless } from '../lib/harmless.ts';
import { painter } from './style.ts';

export interface FollowOptions {
  /** False: return at once. */
  wait: boolean;
  /** Nothing is shown of a job that ends well within this time. */
  quietMs?: number;
}

/** Resolves with the ended job, however it ended; with the running one when not waiting. Throws Ended after Ctrl-C. */
export async function followJob(io: Io, { client }: Connection, job: Job, { wait, quietMs = 0 }: FollowOptions): Promise<Job> {
  if (!wait) {
    io.stderr.write(`job ${job.uid} runs: ${harmless(job.title)}\n`);
    return job;
  }
  const view = io.stderr.isTTY ? new LiveView(io, quietMs) : new LineView(io, quietMs);
  const watching = new AbortController();
  const stop = io.onInterrupt(() => watching.abort());
  const options = { signal: watching.signal };
  let last = job;
  try {
    for await (const state of client.stream('jobFollow', { params: { job: job.uid } }, options)) {
      last = state as Job;
      view.show(last);
      if (last.state !== 'running') break;
    }
    // The stream may have been cut just before the end.
    if (last.state === 'running' && !watching.signal.aborted) last = await client.call('jobShow', { params: { job: job.uid } }, options);
  } catch (error) {
    if (watching.signal.aborted) throw interrupted(io, job);
    if (error instanceof CaissonError && error.code === 'unavailable') {
      throw new Advised(`${error.message} while it worked on “${job.title}”`, error, [
        'guests run on; once the daemon is back, it goes on with the job or takes it back',
        `how it stands: caisson job show ${job.uid}`,
      ]);
    }
    throw error;
  } finally {
    stop();
    view.end();
  }
  if (last.state === 'running') throw interrupted(io, job);
  return last;
}

export function throwUnlessSucceeded(job: Job): void {
  if (job.state === 'succeeded') return;
  const usual: ErrorCode = job.state === 'cancelled' ? 'cancelled' : 'failed';
  throw new CaissonError(job.error?.code ?? usual, job.error?.message ?? `job ${job.uid} was ${job.state}`);
}

function interrupted(io: Io, job: Job): Ended {
  io.stderr.write(`the job goes on: “caisson job show ${job.uid}” tells how it stands, “caisson job cancel ${job.uid}” stops it\n`);
  return new Ended(exitCodes.interrupted);
}

interface JobView {
  show(job: Job): void;
  end(): void;
}

/** Redraws at most every 80 ms, and each second while nothing happens, so that the time is seen passing. */
class LiveView implements JobView {
  readonly #io: Io;
  readonly #drawAfter: number;
  #lines = 0;
  #columns = 0;
  #timer: NodeJS.Timeout | undefined;
  #drawAt = 0;
  #job: Job | undefined;

  constructor(io: Io, quietMs: number) {
    this.#io = io;
    this.#drawAfter = performance.now() + quietMs;
  }

  show(job: Job): void {
    this.#job = job;
    this.#schedule(Math.max(80, this.#drawAfter - performance.now()));
  }

  end(): void {
    clearTimeout(this.#timer);
    const isDull = this.#lines === 0 && performance.now() < this.#drawAfter && this.#job?.state === 'succeeded';
    if (!isDull) this.#draw();
  }

  #schedule(ms: number): void {
    const at = performance.now() + ms;
    if (this.#timer && this.#drawAt <= at) return;
    clearTimeout(this.#timer);
    this.#drawAt = at;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#draw();
      this.#schedule(1000);
    }, ms);
  }

  #draw(): void {
    const { stderr, env } = this.#io;
    if (!this.#job) return;
    const columns = stderr.columns ?? 80;
    // Whoever made the window narrower has broken what is there into more lines than were drawn: begin below it.
    if (columns < this.#columns) this.#lines = 0;
    this.#columns = columns;
    const lines = renderJobTree(this.#job, {
      columns,
      rows: Math.max(4, (stderr.rows ?? 24) - 2),
      now: Date.now(),
      paint: painter(stderr, env),
    });
    const up = this.#lines > 0 ? `\u001b[${this.#lines}A` : '';
    stderr.write(`${up}${lines.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`);
    this.#lines = lines.length;
  }
}

class LineView implements JobView {
  readonly #io: Io;
  readonly #lines = new JobLines();
  readonly #tellAfter: number;
  #kept: string[] = [];

  constructor(io: Io, quietMs: number) {
    this.#io = io;
    this.#tellAfter = performance.now() + quietMs;
  }

  show(job: Job): void {
    this.#kept.push(...this.#lines.news(job, Date.now()));
    if (performance.now() < this.#tellAfter && (job.state === 'running' || job.state === 'succeeded')) return;
    for (const line of this.#kept) this.#io.stderr.write(`${line}\n`);
    this.#kept = [];
  }

  end(): void {
    // Every line is out, or not worth telling.
  }
}
