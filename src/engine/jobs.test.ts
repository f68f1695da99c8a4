import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { FakeClock } from '../lib/clock.ts';
import { CaissonError } from '../lib/errors.ts';
import { armFailpoint, disarmFailpoints } from '../lib/failpoint.ts';
import { seededRandom } from '../lib/ids.ts';
import { silentLog } from '../lib/log.ts';
import type { Job } from '../model/job.ts';
import type { JobRecord, Journal } from '../store/journal.ts';
import { MemoryJournal } from '../store/memory/memory-journal.ts';
import { createEvents } from './events.ts';
import type { JobContext } from './job-context.ts';
import { createJobs, type JobOptions, type Jobs } from './jobs.ts';

const options: JobOptions = { title: 'Start guest web', objects: ['guest/gaaaaaaaaaa'], actor: 'local' };

const leftOver: JobRecord = {
  uid: 'jaaaaaaaaaa',
  kind: 'image-build',
  title: 'Build debian-12',
  state: 'running',
  steps: [],
  startedAt: '2026-01-01T00:00:00.000Z',
  actor: 'local',
  objects: [],
};

function setUp(journal: Journal = new MemoryJournal(), seed = 1) {
  const clock = new FakeClock();
  const events = createEvents({ journal, clock, log: silentLog });
  const jobs = createJobs({ journal, clock, random: seededRandom(seed), log: silentLog, events });
  return { journal, clock, events, jobs };
}

/** A journal whose disk is full from its n-th write about jobs on. */
class FullJournal extends MemoryJournal {
  writes = 0;
  fullFrom: number;

  constructor(fullFrom = Infinity) {
    super();
    this.fullFrom = fullFrom;
  }

  override async createJob(...args: Parameters<Journal['createJob']>): Promise<void> {
    this.#count();
    await super.createJob(...args);
  }

  override async saveStep(...args: Parameters<Journal['saveStep']>): Promise<void> {
    this.#count();
    await super.saveStep(...args);
  }

  override async endJob(...args: Parameters<Journal['endJob']>): Promise<void> {
    this.#count();
    await super.endJob(...args);
  }

  #count(): void {
    if (++this.writes >= this.fullFrom) throw new CaissonError('failed', 'the disk is full');
  }
}

/** Makes four things, two of them side by side inside a step. What is made is a file of the world. */
const stepNames = ['disk', 'network', 'tap', 'rules', 'start'];
function guestStart(world: Set<string>) {
  const make = (job: JobContext | Parameters<Parameters<JobContext['step']>[1]>[0], name: string) =>
    job.step(
      name,
      async () => {
        await Promise.resolve();
        world.add(name); // idempotent, as every step must be
        return name;
      },
      { undo: () => void world.delete(name), data: { made: name } },
    );
  return async (job: JobContext) => {
    await make(job, 'disk');
    await job.step('network', (step) => Promise.all([make(step, 'tap'), make(step, 'rules')]));
    await make(job, 'start');
    return { pid: 7 };
  };
}
const whole = ['disk', 'rules', 'start', 'tap'];
const points = stepNames.flatMap((name) => ['begun', 'worked', 'done'].map((when) => `job.step.${when}:${name}`));

async function failure(promise: Promise<unknown>): Promise<CaissonError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof CaissonError, String(error));
    return error;
  }
  return assert.fail('should have thrown');
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('jobs', () => {
  afterEach(disarmFailpoints);

  test('of the input of a job that has ended stays what its kind wants kept', async () => {
    const { jobs, journal } = setUp();
    jobs.register('site-apply', { keep: (input) => ({ only: (input as { part: string }).part }) });
    const input = { part: 'a', site: 'x'.repeat(1000) };
    const job = await jobs.wait((await jobs.start('site-apply', { ...options, input }, async () => undefined)).uid);
    assert.deepEqual((await journal.getJob(job.uid))?.input, { only: 'a' });
  });

  test('a job runs its steps, keeps them in the journal and tells its end as an event', async () => {
    const { jobs, journal, events } = setUp();
    const world = new Set<string>();
    const started = await jobs.start('guest-start', { ...options, input: { guest: 'web' } }, guestStart(world));
    assert.equal(started.state, 'running');
    const job = await jobs.wait(started.uid);
    assert.deepEqual([...world].toSorted(), whole);
    assert.equal(job.state, 'succeeded');
    assert.deepEqual(job.result, { pid: 7 });
    assert.deepEqual(
      job.steps.map((step) => [step.name, step.state, step.parent]),
      [
        ['disk', 'done', undefined],
        ['network', 'done', undefined],
        ['tap', 'done', 1],
        ['rules', 'done', 1],
        ['start', 'done', undefined],
      ],
    );
    assert.ok(!JSON.stringify(job).includes('made'), 'what only the engine needs is not shown');
    assert.deepEqual(await jobs.get(job.uid), job);
    assert.equal((await journal.getJob(job.uid))?.input, undefined, 'what nobody goes on with is forgotten');
    await events.flush();
    assert.deepEqual(
      (await events.list()).map((event) => [event.kind, event.job, event.object]),
      [
        ['job-started', job.uid, 'guest/gaaaaaaaaaa'],
        ['job-succeeded', job.uid, 'guest/gaaaaaaaaaa'],
      ],
    );
  });

  test('run returns what the body returned and throws what it threw', async () => {
    const { jobs } = setUp();
    assert.equal(await jobs.run('zone-check', options, () => 5), 5);
    const mine = new CaissonError('no-capacity', 'too little memory');
    assert.equal(await failure(jobs.run('zone-check', options, () => Promise.reject(mine))), mine);
    assert.deepEqual((await jobs.list())[0]?.error, { code: 'no-capacity', message: 'too little memory' });
  });

  for (const point of points) {
    test(`failing at ${point} leaves nothing over, and the job can be repeated`, async () => {
      const { jobs } = setUp();
      const world = new Set<string>();
      armFailpoint(point, 'throw');
      const error = await failure(jobs.run('guest-start', options, guestStart(world)));
      assert.equal(error.code, 'failed');
      assert.deepEqual([...world], []);
      const job = (await jobs.list())[0];
      assert.equal(job?.state, 'failed');
      assert.match(job?.error?.message ?? '', /failpoint/);
      const states = new Set(job?.steps.filter((step) => step.name !== 'network').map((step) => step.state));
      assert.ok(!states.has('done') && !states.has('running'), [...states].join());
      await jobs.run('guest-start', options, guestStart(world));
      assert.deepEqual([...world].toSorted(), whole);
    });

    test(`cancelled at ${point}, the job takes back what it did, or had done everything`, async () => {
      const { jobs } = setUp();
      const world = new Set<string>();
      let cancelled: Promise<Job> | undefined;
      const { promise: uid, resolve } = Promise.withResolvers<string>();
      armFailpoint(point, () => void (cancelled = uid.then((found) => jobs.cancel(found))));
      resolve((await jobs.start('guest-start', options, guestStart(world))).uid);
      const job = await jobs.wait(await uid);
      assert.deepEqual([...world].toSorted(), job.state === 'succeeded' ? whole : []);
      assert.equal(job.state, point.endsWith(':start') ? 'succeeded' : 'cancelled');
      assert.deepEqual(await cancelled, job);
      assert.equal(job.error?.code, job.state === 'cancelled' ? 'cancelled' : undefined);
    });
  }

  for (const point of ['job.created', ...points, 'job.end']) {
    /** What the next daemon finds when this one dies at the point. */
    const dieAt = async (): Promise<{ journal: MemoryJournal; world: Set<string> }> => {
      const { jobs, journal } = setUp();
      const world = new Set<string>();
      let left: { journal: MemoryJournal; world: Set<string> } | undefined;
      armFailpoint(point, () => {
        left = { journal: (journal as MemoryJournal).copy(), world: new Set(world) };
      });
      await jobs.run('guest-start', options, guestStart(world));
      return left ?? assert.fail(`${point} was not reached`);
    };

    test(`a daemon that died at ${point}: the next one resumes the job to its end`, async () => {
      const left = await dieAt();
      const { jobs } = setUp(left.journal, 2);
      jobs.register('guest-start', { resume: (job) => (assert.ok(job.resumed), guestStart(left.world)(job)) });
      const [found] = await jobs.recover();
      assert.ok(found);
      const job = await jobs.wait(found.uid);
      assert.equal(job.state, 'succeeded');
      assert.deepEqual([...left.world].toSorted(), whole);
      assert.deepEqual(
        job.steps.map((step) => step.state),
        Array.from({ length: 5 }, () => 'done'),
      );
      assert.deepEqual(await left.journal.listJobs({ state: 'running' }), []);
      assert.deepEqual(await jobs.recover(), []);
    });

    test(`a daemon that died at ${point}: the next one cleans up after a job that cannot be resumed`, async () => {
      const left = await dieAt();
      const { jobs, events } = setUp(left.journal, 2);
      jobs.register('guest-start', {
        clean: async (record) => {
          for (const step of record.steps) left.world.delete((step.data as { made: string } | undefined)?.made ?? '');
        },
      });
      const [found] = await jobs.recover();
      assert.ok(found);
      const job = await jobs.get(found.uid);
      assert.equal(job.state, 'failed');
      assert.match(job.error?.message ?? '', /the daemon ended in the middle.*removed/);
      assert.deepEqual([...left.world], []);
      assert.ok(job.steps.every((step) => step.state !== 'running'));
      await events.flush();
      assert.equal((await events.list({ kind: 'job-failed' })).length, 1);
    });
  }

  test('a job that nobody knows how to resume or clean up has failed', async () => {
    const { jobs, journal } = setUp();
    await journal.createJob(leftOver);
    assert.equal((await jobs.recover())[0]?.state, 'failed');
  });

  test('a cleaning that fails is told in the error of the job', async () => {
    const { jobs, journal } = setUp();
    jobs.register('image-build', { clean: () => Promise.reject(new CaissonError('failed', 'rm does not work')) });
    await journal.createJob(leftOver);
    assert.match((await jobs.recover())[0]?.error?.message ?? '', /could not be removed: rm does not work/);
  });

  test('a remembered step is not done twice, and is still undone', async () => {
    const { jobs, journal } = setUp();
    const done: string[] = [];
    const body = (fail: boolean) => async (job: JobContext) => {
      const uid = await job.step('choose', () => (done.push('chosen'), 'g1'), {
        remember: true,
        undo: (value) => void done.push(`undo ${value}`),
      });
      await job.step('use', () => {
        if (fail) throw new CaissonError('failed', 'no');
        done.push(`use ${uid}`);
      });
    };
    let left: MemoryJournal | undefined;
    armFailpoint('job.step.begun:use', () => void (left = (journal as MemoryJournal).copy()));
    await jobs.run('guest-start', options, body(false));
    assert.ok(left);
    const second = setUp(left.copy(), 2);
    second.jobs.register('guest-start', { resume: body(false) });
    const [resumed] = await second.jobs.recover();
    assert.equal((await second.jobs.wait(resumed?.uid ?? '')).state, 'succeeded');
    assert.deepEqual(done, ['chosen', 'use g1', 'use g1']);
    const third = setUp(left, 3);
    third.jobs.register('guest-start', { resume: body(true) });
    const [failing] = await third.jobs.recover();
    assert.equal((await third.jobs.wait(failing?.uid ?? '')).state, 'failed');
    assert.deepEqual(done.slice(3), ['undo g1']);
  });

  test('steps that still run are awaited before anything is undone', async () => {
    const { jobs } = setUp();
    const order: string[] = [];
    const slow = Promise.withResolvers<void>();
    const running = jobs.run('guest-start', options, (job) =>
      Promise.all([
        job.step('fast', () => Promise.reject(new CaissonError('failed', 'broken'))),
        job.step(
          'slow',
          async (step) => {
            await slow.promise;
            order.push(`made, told to give up: ${step.signal.aborted}`);
          },
          { undo: () => void order.push('undone') },
        ),
      ]),
    );
    await turn();
    slow.resolve();
    assert.equal((await failure(running)).message, 'broken');
    assert.deepEqual(order, ['made, told to give up: true', 'undone']);
  });

  test('an undo that fails is told, and the others run all the same', async () => {
    const { jobs } = setUp();
    const undone: string[] = [];
    const body = async (job: JobContext) => {
      await job.step('a', () => {}, { undo: () => void undone.push('a') });
      await job.step('b', () => {}, { undo: () => Promise.reject(new CaissonError('failed', 'stuck')) });
      await job.step('c', () => {}, { undo: () => void undone.push('c') });
      throw new CaissonError('timeout', 'too slow');
    };
    await failure(jobs.run('guest-start', options, body));
    const [job] = await jobs.list();
    assert.deepEqual(undone, ['c', 'a']);
    assert.deepEqual(job?.error, { code: 'timeout', message: 'too slow; undo b: stuck' });
    assert.deepEqual(
      job?.steps.map((step) => step.state),
      ['undone', 'done', 'undone'],
    );
  });

  test('announced steps are pending until they come; those that never come were skipped', async () => {
    const { jobs } = setUp();
    let seen: Job | undefined;
    await jobs.run('site-apply', options, async (job) => {
      await job.plan(['a', 'b', 'c']);
      await job.step('b', () => {});
      seen = await jobs.get(job.uid);
      await job.step('d', () => {});
    });
    assert.deepEqual(
      seen?.steps.map((step) => step.state),
      ['pending', 'done', 'pending'],
    );
    const [job] = await jobs.list();
    assert.deepEqual(
      job?.steps.map((step) => [step.name, step.state]),
      [
        ['a', 'skipped'],
        ['b', 'done'],
        ['c', 'skipped'],
        ['d', 'done'],
      ],
    );
  });

  test('two jobs on one object run one after the other; on different ones side by side', async () => {
    const { jobs } = setUp();
    const gate = Promise.withResolvers<void>();
    const order: string[] = [];
    const on = (name: string, keys: string[], wait?: Promise<void>) =>
      jobs.start('guest-start', { ...options, exclusive: keys }, async () => {
        order.push(`${name} begins`);
        await wait;
        order.push(`${name} ends`);
      });
    const first = await on('first', ['guest/b', 'guest/a'], gate.promise);
    const second = await on('second', ['guest/a', 'guest/b']);
    const third = await on('third', ['guest/c']);
    await jobs.wait(third.uid);
    assert.equal((await jobs.get(second.uid)).message, `waits for the job ${first.uid}`);
    gate.resolve();
    assert.equal((await jobs.wait(second.uid)).message, undefined);
    assert.deepEqual(order, ['first begins', 'third begins', 'third ends', 'first ends', 'second begins', 'second ends']);
  });

  test('a job on a busy object can be refused instead, naming the other', async () => {
    const { jobs } = setUp();
    const gate = Promise.withResolvers<void>();
    const busy = { ...options, exclusive: ['guest/a'] };
    const first = await jobs.start('guest-start', busy, () => gate.promise);
    const error = await failure(jobs.start('guest-stop', { ...busy, title: 'Stop guest web', onBusy: 'refuse' }, () => {}));
    assert.equal(error.code, 'conflict');
    assert.match(error.message, new RegExp(first.uid));
    gate.resolve();
    await jobs.wait(first.uid);
    await jobs.run('guest-stop', { ...busy, onBusy: 'refuse' }, () => {});
  });

  test('a job that waits for an object can be cancelled, and the next in the row gets it', async () => {
    const { jobs } = setUp();
    const gate = Promise.withResolvers<void>();
    const busy = { ...options, exclusive: ['guest/a'] };
    const first = await jobs.start('guest-start', busy, () => gate.promise);
    const second = await jobs.start('guest-start', busy, () => assert.fail('was cancelled'));
    const third = jobs.run('guest-start', busy, () => 'third');
    assert.equal((await jobs.cancel(second.uid)).state, 'cancelled');
    gate.resolve();
    assert.equal(await third, 'third');
    assert.equal((await jobs.get(first.uid)).state, 'succeeded');
    assert.equal((await jobs.cancel(first.uid)).state, 'succeeded', 'what has ended stays as it is');
  });

  test('the same idempotency key is the same job: running, ended, or asked for at once', async () => {
    const { jobs } = setUp();
    let count = 0;
    const gate = Promise.withResolvers<void>();
    const body = async () => {
      await gate.promise;
      return ++count;
    };
    const keyed = { ...options, idempotencyKey: 'k' };
    const started = await Promise.all([jobs.start('guest-start', keyed, body), jobs.start('guest-start', keyed, body)]);
    const waiting = jobs.run('guest-start', keyed, body);
    gate.resolve();
    assert.equal(await waiting, 1);
    assert.equal(await jobs.run('guest-start', keyed, body), 1);
    assert.equal(started[0].uid, started[1].uid);
    assert.equal((await failure(jobs.start('guest-stop', keyed, body))).code, 'conflict');
  });

  test('watchers see progress at most ten times a second, and the end at once; the journal does not', async () => {
    const { jobs, clock, journal } = setUp();
    const seen: string[] = [];
    jobs.watch((job) => seen.push(`${job.state} ${job.fraction ?? ''}`));
    const gate = Promise.withResolvers<void>();
    const { uid } = await jobs.start('image-build', options, async (job) => {
      for (let i = 1; i <= 50; i++) job.progress(i / 100, `part ${i}`);
      await gate.promise;
    });
    await turn();
    assert.deepEqual(seen, ['running ']);
    await clock.advance(99);
    assert.equal(seen.length, 1);
    await clock.advance(1);
    assert.deepEqual(seen.slice(1), ['running 0.5']);
    assert.equal((await journal.getJob(uid))?.fraction, undefined);
    assert.equal((await jobs.get(uid)).message, 'part 50');
    gate.resolve();
    await jobs.wait(uid);
    assert.deepEqual(seen.slice(2), ['succeeded ']);
  });

  test('a follower sees the job from now to its end, and lets go when told', async () => {
    const { jobs } = setUp();
    const gate = Promise.withResolvers<void>();
    const { uid } = await jobs.start('image-build', options, () => gate.promise);
    const letGo = new AbortController();
    const gone = failure(
      jobs.wait(uid, AbortSignal.any([letGo.signal])).catch(() => Promise.reject(new CaissonError('cancelled', 'let go'))),
    );
    const states: string[] = [];
    const following = (async () => {
      for await (const job of jobs.follow(uid)) states.push(job.state);
    })();
    await turn();
    letGo.abort();
    assert.equal((await gone).code, 'cancelled');
    gate.resolve();
    await following;
    assert.deepEqual([states[0], states.at(-1)], ['running', 'succeeded']);
    assert.equal((await jobs.wait(uid)).state, 'succeeded', 'one that has ended is there at once');
    assert.equal((await failure(jobs.wait('jzzzzzzzzzz'))).code, 'not-found');
  });

  test('a journal that cannot be written fails the job at any of its writes, and leaves nothing over', async () => {
    const normal = new FullJournal();
    await setUp(normal).jobs.run('guest-start', options, guestStart(new Set()));
    const count = normal.writes;
    assert.equal(count, 12, 'one to create, two for each of five steps, one to end');
    for (let at = 1; at <= count; at++) {
      const journal = new FullJournal(at);
      const { jobs } = setUp(journal);
      const world = new Set<string>();
      const outcome = jobs.run('guest-start', options, guestStart(world));
      if (at === count) await outcome;
      else assert.equal((await failure(outcome)).message, 'the disk is full');
      assert.deepEqual([...world].toSorted(), at === count ? whole : [], `write ${at}`);
      if (at === 1) continue;
      const [job] = await jobs.list();
      assert.equal(job?.state, at === count ? 'succeeded' : 'failed', 'the outcome is known although it is not written');
      journal.fullFrom = Infinity;
      await jobs.run('guest-start', options, () => {});
      assert.equal((await journal.getJob(job?.uid ?? ''))?.state, job?.state, 'it is written when the disk takes it again');
    }
  });

  test('an outcome that the journal could not take is written as soon as it can, and at the daemon’s end, without another job', async () => {
    for (const later of ['by itself', 'at the end'] as const) {
      const journal = new FullJournal();
      const { jobs, clock } = setUp(journal);
      const job = await jobs.start('guest-stop', options, () => void (journal.fullFrom = 0));
      assert.equal((await jobs.wait(job.uid)).state, 'succeeded');
      await clock.advance(60_000);
      assert.equal((await journal.getJob(job.uid))?.state, 'running');
      journal.fullFrom = Infinity;
      if (later === 'by itself') await clock.advance(10_000);
      else await jobs.close();
      assert.equal((await journal.getJob(job.uid))?.state, 'succeeded', later);
    }
  });

  test('closing cancels jobs, suspends those that can be resumed, and takes no new ones', async () => {
    const { jobs, journal } = setUp();
    jobs.register('site-apply', { resume: async () => 'resumed' });
    const undone: string[] = [];
    const body = (name: string) => async (job: JobContext) => {
      await job.step('a', () => {}, { undo: () => void undone.push(name) });
      await job.step(
        'b',
        (step) => new Promise((_, reject) => step.signal.addEventListener('abort', () => reject(step.signal.reason as Error))),
      );
    };
    const apply = await jobs.start('site-apply', options, body('apply'));
    const build = await jobs.start('image-build', options, body('build'));
    const waiting = failure(jobs.wait(apply.uid));
    await turn();
    await jobs.close();
    assert.deepEqual(undone, ['build']);
    assert.equal((await jobs.get(build.uid)).state, 'cancelled');
    assert.equal((await waiting).code, 'unavailable');
    assert.equal((await failure(jobs.start('zone-check', options, () => {}))).code, 'unavailable');
    const next: Jobs = setUp(journal, 2).jobs;
    next.register('site-apply', { resume: async () => 'resumed' });
    assert.deepEqual(
      (await next.recover()).map((job) => job.uid),
      [apply.uid],
    );
    assert.equal((await next.wait(apply.uid)).result, 'resumed');
  });
});
