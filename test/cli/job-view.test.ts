// A job on a terminal, and told line by line.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeFailure } from '../../src/cli/failure.ts';
import { followJob, throwUnlessSucceeded } from '../../src/cli/follow-job.ts';
import { JobLines, renderJobTree } from '../../src/cli/job-view.ts';
import { plain } from '../../src/cli/style.ts';
import type { Connection } from '../../src/cli/connection.ts';
import { CaissonError } from '../../src/lib/errors.ts';
import type { Job, JobStep } from '../../src/model/job.ts';
import { Terminal } from './terminal.ts';

const start = Date.UTC(2026, 0, 1);
const at = (ms: number) => new Date(start + ms).toISOString();

function job(steps: JobStep[], more: Partial<Job> = {}): Job {
  return {
    uid: 'jabcdefgh23',
    kind: 'site-apply',
    title: 'Apply site lab',
    state: 'running',
    steps,
    startedAt: at(0),
    actor: 'local',
    objects: [],
    ...more,
  };
}

const step = (name: string, state: JobStep['state'], more: Partial<JobStep> = {}): JobStep => ({
  name,
  state,
  ...(state === 'pending' ? {} : { startedAt: at(0) }),
  ...(state === 'running' || state === 'pending' ? {} : { endedAt: at(1500) }),
  ...more,
});

const tree = (of: Job, options: { columns?: number; rows?: number } = {}) =>
  renderJobTree(of, { columns: 80, now: start + 4000, paint: plain, ...options });

test('steps stand below the one that they are a part of; parts of what is done are folded away', () => {
  const lines = tree(
    job([
      step('network', 'done'),
      step('guest web', 'running'),
      step('rules', 'done', { parent: 0 }),
      step('image', 'running', { parent: 1, fraction: 0.42, message: 'fetching' }),
      step('guest db', 'failed', { message: 'its disk is gone' }),
      step('report', 'pending'),
    ]),
  );
  assert.deepEqual(lines, [
    'Apply site lab',
    '  ✓ network (1.5 s)',
    '  ▸ guest web (4 s)',
    '    ▸ image 42 %: fetching (4 s)',
    '  ✗ guest db: its disk is gone',
    '  · report',
  ]);
});

test('where rows are few, what failed and what runs is kept, the rest is counted', () => {
  const many = [
    ...Array.from({ length: 20 }, (_, index) => step(`guest ${index}`, 'done')),
    step('guest bad', 'failed', { message: 'no' }),
    step('guest slow', 'running'),
    ...Array.from({ length: 30 }, (_, index) => step(`later ${index}`, 'pending')),
  ];
  const lines = tree(job(many), { rows: 8 });
  assert.equal(lines.length, 8);
  assert.deepEqual(lines.slice(-4), ['  ✗ guest bad: no', '  ▸ guest slow (4 s)', '  ✓ 17 more done', '  · 30 more to come']);
});

test('no line is wider than the terminal, and nothing in it steers the terminal', () => {
  const [, line] = tree(job([step('guest', 'running', { message: `\u001b[2J${'long '.repeat(50)}` })]), { columns: 40 });
  assert.equal(line?.length, 39);
  assert.ok(!line.includes('\u001b'));
});

test('told line by line, each change is told once, with the whole way to it, parts before the whole', () => {
  const lines = new JobLines();
  const running = job([step('guest web', 'running'), step('image', 'running', { parent: 0, message: '12 MiB' })]);
  assert.deepEqual(lines.news(running, start), ['▸ guest web', '▸ guest web › image: 12 MiB']);
  const [web, image] = running.steps;
  assert.deepEqual(lines.news(job([web as JobStep, { ...(image as JobStep), message: '99 MiB' }]), start), []);
  const done = job([step('guest web', 'done'), step('image', 'done', { parent: 0 }), step('report', 'pending')]);
  assert.deepEqual(lines.news(done, start), ['✓ guest web › image (1.5 s)', '✓ guest web (1.5 s)']);
  assert.deepEqual(lines.news(done, start), []);
});

/** A daemon whose job goes through these states. */
function connectionTo(states: (Job | Error)[]): Connection {
  const client = {
    async *stream(_id: string, _args: unknown, options: { signal: AbortSignal }) {
      for (const state of states) {
        if (state instanceof Error) throw state;
        yield state;
      }
      if (states.every((state) => !(state instanceof Error) && state.state === 'running'))
        await new Promise((resolve) => options.signal.addEventListener('abort', resolve));
    },
    call: async () => states.at(-1),
  };
  return { client, transport: {} } as unknown as Connection;
}

test('on a terminal the tree is redrawn in place; elsewhere there are plain lines', async () => {
  const states = [job([step('network', 'running')]), job([step('network', 'done')], { state: 'succeeded' })];
  const screen = new Terminal({ size: { columns: 60, rows: 24 }, env: { NO_COLOR: '1' } });
  await followJob(screen, connectionTo(states), job([]), { wait: true });
  assert.equal(screen.err, 'Apply site lab\u001b[K\n  ✓ network (1.5 s)\u001b[K\n\u001b[J');
  const pipe = new Terminal();
  await followJob(pipe, connectionTo(states), job([]), { wait: true });
  assert.doesNotMatch(pipe.err, /\u001b/);
  assert.match(pipe.err, /✓ network \(1.5 s\)\n$/);
  assert.equal(pipe.out, '');
});

test('what ends well at once need not be shown', async () => {
  const states = [job([step('network', 'done')], { state: 'succeeded' })];
  for (const size of [undefined, { columns: 60, rows: 24 }]) {
    const terminal = new Terminal(size ? { size } : {});
    await followJob(terminal, connectionTo(states), job([]), { wait: true, quietMs: 60_000 });
    assert.equal(terminal.err, '');
  }
});

test('Ctrl-C ends the watching and says that the job goes on', async () => {
  const terminal = new Terminal();
  const following = followJob(terminal, connectionTo([job([step('network', 'running')])]), job([]), { wait: true });
  setImmediate(() => terminal.interrupt());
  await assert.rejects(following, { exitCode: 130 });
  assert.match(terminal.err, /the job goes on: “caisson job show jabcdefgh23”.*“caisson job cancel jabcdefgh23” stops it/);
  assert.equal(terminal.interrupt(), false, 'the next Ctrl-C is not for the job');
});

test('a daemon that dies meanwhile is told with what becomes of the job', async () => {
  const gone = new CaissonError('unavailable', 'the daemon ended in the middle of its answer');
  await assert.rejects(followJob(new Terminal(), connectionTo([gone]), job([]), { wait: true }), (error) => {
    const said = describeFailure(error);
    assert.match(said, /^caisson: the daemon ended in the middle of its answer while it worked on “Apply site lab”\n/);
    assert.match(said, /guests run on.*\n {2}how it stands: caisson job show jabcdefgh23\n$/);
    return true;
  });
});

test('only a job that succeeded counts as done', () => {
  throwUnlessSucceeded(job([], { state: 'succeeded' }));
  assert.throws(() => throwUnlessSucceeded(job([], { state: 'failed', error: { code: 'no-capacity', message: 'too much' } })), {
    code: 'no-capacity',
    message: 'too much',
  });
  assert.throws(() => throwUnlessSucceeded(job([], { state: 'cancelled' })), { code: 'cancelled' });
});
