// What every audit log keeps. Run by each implementation's test with a function that opens an empty one.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkChain, emptyHead } from '../../src/model/log-chain.ts';
import { type LogEntry, logEntrySchema, type NewLogEntry } from '../../src/model/log-entry.ts';
import { type AuditLog, digestEntries } from '../../src/store/audit-log.ts';

export function logRequest(operation: string, more: Partial<NewLogEntry> = {}): NewLogEntry {
  return { kind: 'request', actor: 'anna', from: '192.0.2.7', operation, ...more };
}

export function auditLogContract(name: string, open: () => Promise<AuditLog>): void {
  const using = (work: (log: AuditLog) => Promise<void>) => async () => {
    const log = await open();
    try {
      await work(log);
    } finally {
      await log.close();
    }
  };

  describe(`audit log: ${name}`, () => {
    test(
      'entries are numbered, read back in order as they were written, and make a chain',
      using(async (log) => {
        const written = [
          await log.append(logRequest('guestStart', { object: 'guest/web', parameters: { '2': 1, '10': { a: ['ü\u2028'] }, b: -0 } })),
          await log.append({
            kind: 'login',
            actor: 'bob',
            from: 'unix',
            operation: 'login',
            outcome: { result: 'refused', message: 'no' },
          }),
          await log.append({ ...logRequest('guestStart'), kind: 'outcome', request: 1, outcome: { result: 'accepted' }, job: 'j1' }),
        ];
        const read = await log.read({ after: 0, limit: 10 });
        assert.equal(JSON.stringify(read), JSON.stringify(written));
        assert.deepEqual(
          read.map(({ number }) => number),
          [1, 2, 3],
        );
        for (const entry of read) logEntrySchema.parse(entry);
        const check = checkChain();
        for (const entry of read) check.take(entry);
        assert.deepEqual(check.finish((await log.head()).number), {
          entries: 3,
          begin: emptyHead,
          head: { number: 3, hash: read[2]?.hash },
          problems: [],
        });
        assert.deepEqual(await log.archived(), emptyHead);
        assert.deepEqual(
          (await log.read({ after: 1, limit: 1 })).map(({ number }) => number),
          [2],
        );
      }),
    );

    test(
      'the oldest entries are archived by who has them; what stays goes on from the last of them, and so does what is added',
      using(async (log) => {
        const written: LogEntry[] = [];
        for (const name of ['a', 'b', 'c', 'd', 'e']) written.push(await log.append(logRequest('guestStart', { object: `guest/${name}` })));
        const headOf = (number: number) => ({ number, hash: written[number - 1]?.hash ?? '' });
        const digestOf = async (through: number) => (await digestEntries(log, (await log.archived()).number, through)).sha256;
        const all = await digestOf(5);
        for (const [through, sha256] of [
          [headOf(3), all],
          [headOf(3), '0'.repeat(64)],
          [{ number: 3, hash: headOf(2).hash }, await digestOf(3)],
          [{ number: 6, hash: headOf(5).hash }, all],
          [emptyHead, await digestOf(0)],
        ] as const)
          await assert.rejects(log.archive(through, sha256), { code: 'conflict' });
        assert.equal((await log.read({ after: 0, limit: 10 })).length, 5);

        assert.equal(await log.archive(headOf(3), await digestOf(3)), 3);
        assert.deepEqual(await log.archived(), headOf(3));
        assert.deepEqual(await log.head(), headOf(5));
        const left = async () => (await log.read({ after: 0, limit: 10 })).map(({ number }) => number);
        assert.deepEqual(await left(), [4, 5]);
        assert.deepEqual(
          (await log.listActions()).map(({ number }) => number),
          [5, 4],
        );
        // Not twice, and nothing that is gone.
        await assert.rejects(log.archive(headOf(3), await digestOf(3)), { code: 'conflict' });
        await assert.rejects(log.archive(headOf(2), await digestOf(2)), { code: 'conflict' });

        const next = await log.append(logRequest('guestStop'));
        assert.deepEqual([next.number, next.previous], [6, headOf(5).hash]);
        const check = checkChain({ after: await log.archived(), known: [headOf(3), headOf(4)] });
        for (const entry of await log.read({ after: 0, limit: 10 })) check.take(entry);
        assert.deepEqual(check.finish((await log.head()).number).problems, []);
        // All that there is, and on.
        assert.equal(await log.archive({ number: 6, hash: next.hash }, await digestOf(6)), 3);
        assert.deepEqual(await left(), []);
        assert.equal((await log.append(logRequest('guestStart'))).previous, next.hash);
        assert.deepEqual(await left(), [7]);
      }),
    );

    test(
      'of two that archive at the same time one does, and nothing is lost',
      using(async (log) => {
        const written = [];
        for (let count = 0; count < 20; count++) written.push(await log.append(logRequest('guestStart')));
        const through = { number: 10, hash: written[9]?.hash ?? '' };
        const { sha256 } = await digestEntries(log, 0, 10);
        const results = await Promise.allSettled([
          log.archive(through, sha256),
          log.archive(through, sha256),
          log.append(logRequest('guestStop')),
        ]);
        assert.deepEqual(results.map(({ status }) => status).toSorted(), ['fulfilled', 'fulfilled', 'rejected']);
        assert.deepEqual(
          (await log.read({ after: 0, limit: 100 })).map(({ number }) => number),
          [11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21],
        );
      }),
    );

    test(
      'actions come newest first, each with its outcome and the end of its job',
      using(async (log) => {
        await log.append(logRequest('guestStart', { object: 'guest/web' }));
        await log.append(logRequest('guestStop', { object: 'guest/web' }));
        await log.append({ ...logRequest('guestStart'), kind: 'outcome', request: 1, outcome: { result: 'accepted' }, job: 'j1' });
        await log.append({ ...logRequest('guestStart'), kind: 'job', outcome: { result: 'failed', code: 'timeout' }, job: 'j1' });
        const [stop, start, ...rest] = await log.listActions();
        assert.deepEqual(rest, []);
        assert.equal(stop?.operation, 'guestStop');
        assert.equal(stop?.outcome, undefined);
        assert.deepEqual(
          { number: start?.number, outcome: start?.outcome, end: start?.end, job: start?.job },
          { number: 1, outcome: { result: 'accepted' }, end: { result: 'failed', code: 'timeout' }, job: 'j1' },
        );
      }),
    );

    test(
      'actions are filtered and paged',
      using(async (log) => {
        for (let index = 0; index < 10; index++) {
          await log.append(logRequest(index % 2 ? 'guestStop' : 'guestStart', { object: `guest/g${index % 3}` }));
        }
        await log.append({ kind: 'login', actor: 'bob', from: 'unix', operation: 'login', outcome: { result: 'succeeded' } });
        const numbers = async (filter: Parameters<AuditLog['listActions']>[0]) =>
          (await log.listActions(filter)).map(({ number }) => number);
        assert.deepEqual(await numbers({ limit: 3 }), [11, 10, 9]);
        assert.deepEqual(await numbers({ limit: 3, before: 9 }), [8, 7, 6]);
        assert.deepEqual(await numbers({ actor: 'bob' }), [11]);
        assert.deepEqual(await numbers({ kind: 'login' }), [11]);
        assert.deepEqual(await numbers({ operation: 'guestStop' }), [10, 8, 6, 4, 2]);
        assert.deepEqual(await numbers({ object: 'guest/g1', operation: 'guestStop' }), [8, 2]);
        assert.deepEqual(await numbers({ actor: "x' OR 1=1 --" }), []);
      }),
    );
  });
}
