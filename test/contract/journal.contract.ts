// What every journal keeps. Run by each implementation's test with a function that opens an empty one.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CaissonError } from '../../src/lib/errors.ts';
import type { Event } from '../../src/model/event.ts';
import type { JobRecord, Journal } from '../../src/store/journal.ts';

export type OpenJournal = (bounds?: { maxJobs?: number; maxEvents?: number }) => Promise<Journal>;

const time = '2026-01-01T00:00:00.000Z';

function job(number: number, more: Partial<JobRecord> = {}): JobRecord {
  const uid = `j${String(number).padStart(10, '2').replaceAll('0', 'a').replaceAll('1', 'b')}`;
  return {
    uid,
    kind: 'guest-start',
    title: `job ${number}`,
    state: 'running',
    steps: [],
    startedAt: time,
    actor: 'local',
    objects: [],
    ...more,
  };
}

function event(message: string, more: Partial<Event> = {}): Omit<Event, 'id'> {
  return { time, kind: 'guest-started', severity: 'info', message, ...more };
}

export function journalContract(name: string, open: OpenJournal): void {
  const using = (work: (journal: Journal) => Promise<void>, bounds?: Parameters<OpenJournal>[0]) => async () => {
    const journal = await open(bounds);
    try {
      await work(journal);
    } finally {
      await journal.close();
    }
  };

  describe(`journal: ${name}`, () => {
    test(
      'a key is claimed once by each actor, remembers its job for a day, and is free again when nothing was begun',
      using(async (journal) => {
        const claim = { actor: 'anna', key: 'k', fingerprint: 'f', time: 1_000_000 };
        assert.equal(await journal.claimKey(claim), undefined);
        assert.deepEqual(await journal.claimKey({ ...claim, fingerprint: 'other' }), claim);
        assert.equal(await journal.claimKey({ ...claim, actor: 'bob' }), undefined);
        await journal.settleKey(claim, 'j1');
        assert.deepEqual(await journal.claimKey(claim), { ...claim, job: 'j1' });
        await journal.settleKey({ actor: 'bob', key: 'k' }, undefined);
        assert.equal(await journal.claimKey({ ...claim, actor: 'bob' }), undefined);
        assert.deepEqual(await journal.claimKey({ ...claim, time: claim.time + 86_399_999 }), { ...claim, job: 'j1' });
        assert.equal(await journal.claimKey({ ...claim, time: claim.time + 86_400_000 }), undefined);
      }),
    );

    test(
      'a job is read as it was written, with its steps in place',
      using(async (journal) => {
        const record = job(1, {
          objects: ['guest/a'],
          input: { file: 'x' },
          exclusive: ['guest/a'],
          idempotencyKey: 'k',
          steps: [{ name: 'a', state: 'pending' }],
        });
        await journal.createJob(record);
        assert.deepEqual(await journal.getJob(record.uid), record);
        await journal.saveStep(record.uid, 1, { name: 'b', state: 'running', startedAt: time, data: { path: '/x' }, parent: 0 });
        await journal.saveStep(record.uid, 0, { name: 'a', state: 'done', startedAt: time, endedAt: time, value: [1] });
        const steps = [
          { name: 'a', state: 'done', startedAt: time, endedAt: time, value: [1] },
          { name: 'b', state: 'running', startedAt: time, data: { path: '/x' }, parent: 0 },
        ];
        assert.deepEqual(await journal.getJob(record.uid), { ...record, steps });
        assert.equal(await journal.getJob('jbbbbbbbbbb'), undefined);
      }),
    );

    test(
      'a job ends with a result or an error',
      using(async (journal) => {
        await journal.createJob(job(1));
        await journal.createJob(job(2));
        await journal.endJob(job(1).uid, { state: 'succeeded', endedAt: time, result: { n: 1 } });
        await journal.endJob(job(2).uid, { state: 'failed', endedAt: time, error: { code: 'timeout', message: 'too slow' } });
        assert.deepEqual(await journal.getJob(job(1).uid), job(1, { state: 'succeeded', endedAt: time, result: { n: 1 } }));
        assert.deepEqual((await journal.getJob(job(2).uid))?.error, { code: 'timeout', message: 'too slow' });
      }),
    );

    test(
      'of a job that has ended stays what people see, and of its input what is said',
      using(async (journal) => {
        const steps = [{ name: 'a', state: 'done' as const, data: { path: '/x' }, value: 'x'.repeat(100) }];
        for (const n of [1, 2]) await journal.createJob(job(n, { input: { site: 'x'.repeat(1000), options: { prune: true } }, steps }));
        await journal.endJob(job(1).uid, { state: 'succeeded', endedAt: time }, { options: { prune: true } });
        await journal.endJob(job(2).uid, { state: 'succeeded', endedAt: time });
        const [second, first] = await journal.listJobs();
        assert.deepEqual([first?.input, second?.input], [{ options: { prune: true } }, undefined]);
        assert.deepEqual([first?.steps, second?.steps], [[{ name: 'a', state: 'done' }], [{ name: 'a', state: 'done' }]]);
      }),
    );

    test(
      'a uid or an idempotency key is taken once',
      using(async (journal) => {
        await journal.createJob(job(1, { idempotencyKey: 'k' }));
        await rejects(journal.createJob(job(1)), 'conflict');
        await rejects(journal.createJob(job(2, { idempotencyKey: 'k' })), 'conflict');
        assert.equal((await journal.findJob('k'))?.uid, job(1).uid);
        assert.equal(await journal.findJob('other'), undefined);
        await journal.createJob(job(3));
        await journal.createJob(job(4));
      }),
    );

    test(
      'steps and ends of unknown jobs are refused',
      using(async (journal) => {
        await rejects(journal.saveStep(job(1).uid, 0, { name: 'a', state: 'done' }), 'not-found');
        await rejects(journal.endJob(job(1).uid, { state: 'succeeded', endedAt: time }), 'not-found');
      }),
    );

    test(
      'jobs are listed newest first, by page, state, kind and object',
      using(async (journal) => {
        for (let i = 1; i <= 5; i++) {
          await journal.createJob(
            job(i, { objects: i % 2 ? ['guest/a', 'guest/b'] : ['guest/b'], kind: i === 4 ? 'image-build' : 'guest-start' }),
          );
        }
        await journal.endJob(job(3).uid, { state: 'cancelled', endedAt: time });
        const titles = async (filter: Parameters<Journal['listJobs']>[0]) =>
          (await journal.listJobs(filter)).map((found) => found.title.slice(4)).join('');
        assert.equal(await titles({}), '54321');
        assert.equal(await titles({ limit: 2 }), '54');
        assert.equal(await titles({ before: job(4).uid, limit: 2 }), '32');
        assert.equal(await titles({ before: job(1).uid }), '');
        assert.equal(await titles({ before: job(9).uid }), '');
        assert.equal(await titles({ state: 'running' }), '5421');
        assert.equal(await titles({ kind: 'image-build' }), '4');
        assert.equal(await titles({ object: 'guest/a' }), '531');
        assert.equal(await titles({ object: 'guest/a', state: 'running', before: job(5).uid }), '1');
      }),
    );

    test(
      'ended jobs beyond the bound are forgotten, oldest first; running ones never',
      using(
        async (journal) => {
          for (let i = 1; i <= 5; i++)
            await journal.createJob(job(i, { steps: [{ name: 'a', state: 'done' }], objects: ['guest/a'], idempotencyKey: `k${i}` }));
          for (const i of [5, 2, 3, 4]) await journal.endJob(job(i).uid, { state: 'succeeded', endedAt: time });
          assert.deepEqual(
            (await journal.listJobs()).map((found) => found.title),
            ['job 5', 'job 4', 'job 1'],
          );
          assert.equal(await journal.findJob('k3'), undefined);
          assert.equal((await journal.listJobs({ object: 'guest/a' })).length, 3);
        },
        { maxJobs: 2 },
      ),
    );

    test(
      'events get growing ids and are listed after an id or from the end',
      using(async (journal) => {
        const [a, b] = await journal.appendEvents([
          event('a', { object: 'guest/a', actor: 'local', job: 'j1' }),
          event('b', { kind: 'guest-crashed', severity: 'error' }),
        ]);
        const [c] = await journal.appendEvents([event('c', { object: 'guest/a' })]);
        assert.ok(a && b && c && a.id < b.id && b.id < c.id);
        assert.deepEqual(await journal.appendEvents([]), []);
        assert.deepEqual(await journal.listEvents(), [a, b, c]);
        assert.deepEqual(await journal.listEvents({ limit: 2 }), [b, c]);
        assert.deepEqual(await journal.listEvents({ after: a.id }), [b, c]);
        assert.deepEqual(await journal.listEvents({ after: 0, limit: 2 }), [a, b]);
        assert.deepEqual(await journal.listEvents({ after: c.id }), []);
        assert.deepEqual(await journal.listEvents({ object: 'guest/a' }), [a, c]);
        assert.deepEqual(await journal.listEvents({ kind: 'guest-crashed' }), [b]);
        assert.deepEqual(await journal.listEvents({ job: 'j1', after: 0 }), [a]);
      }),
    );

    test(
      'old events are forgotten and their ids never given again',
      using(
        async (journal) => {
          for (let i = 1; i <= 7; i++) await journal.appendEvents([event(`event ${i}`)]);
          const kept = await journal.listEvents({ after: 0 });
          assert.deepEqual(
            kept.map((found) => found.message),
            ['event 5', 'event 6', 'event 7'],
          );
          assert.equal(kept[0]?.id, 5);
        },
        { maxEvents: 3 },
      ),
    );
  });
}

async function rejects(promise: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(promise, (error) => error instanceof CaissonError && error.code === code);
}
