// What every store keeps. Run by each implementation's test with a function that opens an empty one.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../../src/lib/clock.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { CaissonError } from '../../src/lib/errors.ts';
import type { ChangeLogBounds } from '../../src/store/change-log.ts';
import type { Store, WatchItem } from '../../src/store/store.ts';

export type OpenStore = (options?: { clock?: Clock; bounds?: ChangeLogBounds }) => Promise<Store>;

export function storeContract(name: string, open: OpenStore): void {
  const using = (work: (store: Store) => Promise<void>, options?: Parameters<OpenStore>[0]) => async () => {
    const store = await open(options);
    try {
      await work(store);
    } finally {
      await store.close();
    }
  };

  describe(`store: ${name}`, () => {
    test(
      'what was put is got, with the revision that the put returned',
      using(async (store) => {
        const revision = await store.put('guest/a', { name: 'wéb', n: [1, null] }, { expected: 'absent' });
        const row = await store.get('guest/a');
        assert.deepEqual(row?.value, { name: 'wéb', n: [1, null] });
        assert.equal(row?.json, '{"name":"wéb","n":[1,null]}');
        assert.equal(row?.revision, revision);
        assert.equal(await store.get('guest/b'), undefined);
      }),
    );

    test(
      'a reader cannot change what another reads',
      using(async (store) => {
        await store.put('site', { zones: ['a'] }, { expected: 'absent' });
        const { value } = (await store.get('site')) ?? {};
        (value as { zones: string[] }).zones.push('b');
        assert.deepEqual((await store.get('site'))?.value, { zones: ['a'] });
      }),
    );

    test(
      'creating what exists is a conflict that says what was found',
      using(async (store) => {
        const revision = await store.put('site', 1, { expected: 'absent' });
        await rejects(store.put('site', 2, { expected: 'absent' }), 'conflict', { key: 'site', expected: 'absent', found: revision });
        assert.equal((await store.get('site'))?.value, 1);
      }),
    );

    test(
      'a put or delete at another revision is a conflict and changes nothing',
      using(async (store) => {
        const first = await store.put('site', 1, { expected: 'absent' });
        const second = await store.put('site', 2, { expected: first });
        assert.ok(second > first);
        await rejects(store.put('site', 3, { expected: first }), 'conflict', { key: 'site', expected: first, found: second });
        await rejects(store.delete('site', { expected: first }), 'conflict', { key: 'site', expected: first, found: second });
        await rejects(store.put('zone/a', 3, { expected: first }), 'conflict', { key: 'zone/a', expected: first, found: 'absent' });
        assert.deepEqual(
          (await store.list('')).rows.map((row) => [row.key, row.value]),
          [['site', 2]],
        );
        assert.equal((await store.list('')).revision, second);
      }),
    );

    test(
      'a deleted row can be created again, at a revision never seen before',
      using(async (store) => {
        const first = await store.put('site', 1, { expected: 'absent' });
        const deleted = await store.delete('site', { expected: first });
        assert.equal(await store.get('site'), undefined);
        const again = await store.put('site', 1, { expected: 'absent' });
        assert.ok(first < deleted && deleted < again);
      }),
    );

    test(
      'deleting what is not there changes nothing with `any`, and is a conflict with a revision',
      using(async (store) => {
        const revision = await store.put('site', 1, { expected: 'absent' });
        assert.equal(await store.delete('guest/a', { expected: 'any' }), revision);
        await rejects(store.delete('guest/a', { expected: revision }), 'conflict');
      }),
    );

    test(
      'a transaction gives all its rows one revision, or writes none of them',
      using(async (store) => {
        const revision = await store.transaction({
          writes: [
            { key: 'guest/a', expected: 'absent', value: 1 },
            { key: 'guest/b', expected: 'absent', value: 2 },
          ],
        });
        assert.deepEqual(
          (await store.list('guest/')).rows.map((row) => row.revision),
          [revision, revision],
        );
        await rejects(
          store.transaction({
            checks: [{ key: 'guest/b', expected: 'absent' }],
            writes: [
              { key: 'guest/a', expected: revision, delete: true },
              { key: 'guest/c', expected: 'absent', value: 3 },
            ],
          }),
          'conflict',
          { key: 'guest/b', expected: 'absent', found: revision },
        );
        assert.deepEqual(
          (await store.list('')).rows.map((row) => row.key),
          ['guest/a', 'guest/b'],
        );
      }),
    );

    test(
      'limits: 100 keys and 1 MiB fit, one more of either does not, and nothing is written',
      using(async (store) => {
        const keys = (n: number) => Array.from({ length: n }, (_, i) => ({ key: `k/${i}`, expected: 'any' as const, value: i }));
        await store.transaction({ checks: keys(50), writes: keys(100) });
        await rejects(store.transaction({ checks: [{ key: 'other', expected: 'any' }], writes: keys(100) }), 'invalid');
        const room = 1024 * 1024 - 'big'.length - 2;
        await store.put('big', 'x'.repeat(room), { expected: 'absent' });
        await rejects(store.put('big', 'x'.repeat(room + 1), { expected: 'any' }), 'invalid');
        assert.equal((await store.get('big'))?.json.length, room + 2);
      }),
    );

    test(
      'bad keys, a key written twice, a value that is not JSON and the keys of leases are refused',
      using(async (store) => {
        for (const key of [
          '',
          '/',
          'guest/',
          'Guest/a',
          'guest//a',
          'guest/../a',
          'guest/a b',
          'guest/é',
          'a'.repeat(201),
          'a\u0000',
          'lease/x',
        ]) {
          await rejects(store.put(key, 1, { expected: 'any' }), 'invalid');
        }
        await rejects(store.get('guest/%'), 'invalid');
        await rejects(store.list('guest/%'), 'invalid');
        const write = { key: 'site', expected: 'any' as const, value: 1 };
        await rejects(store.transaction({ writes: [write, write] }), 'invalid');
        await rejects(store.put('site', undefined, { expected: 'any' }), 'invalid');
        assert.deepEqual((await store.list('')).rows, []);
      }),
    );

    test(
      'a list has every row of its prefix in order, and only those',
      using(async (store) => {
        for (const key of ['guest/b', 'guest/a', 'guest-status/a', 'guest/a.1', 'guest/Z', 'guests', 'zone/a', 'site']) {
          await store.put(key, key, { expected: 'absent', durability: 'relaxed' });
        }
        assert.deepEqual(
          (await store.list('guest/')).rows.map((row) => row.key),
          ['guest/Z', 'guest/a', 'guest/a.1', 'guest/b'],
        );
        assert.equal((await store.list('')).rows.length, 8);
        assert.deepEqual((await store.list('none/')).rows, []);
      }),
    );

    test(
      'a watch from a snapshot sees every later change of its prefix, one item for a transaction',
      using(async (store) => {
        await store.put('guest/a', 1, { expected: 'absent' });
        const { revision } = await store.list('guest/');
        const end = new AbortController();
        const items = collect(store.watch('guest/', { fromRevision: revision, signal: end.signal }), 2);
        await store.put('zone/a', 1, { expected: 'absent' });
        const second = await store.transaction({
          writes: [
            { key: 'guest/b', expected: 'absent', value: 2 },
            { key: 'zone/b', expected: 'absent', value: 2 },
            { key: 'guest/a', expected: 'any', delete: true },
          ],
        });
        const third = await store.put('guest/b', 3, { expected: second });
        assert.deepEqual((await items).map(plain), [
          { kind: 'changes', revision: second, changes: ['put guest/b 2', 'delete guest/a'] },
          { kind: 'changes', revision: third, changes: ['put guest/b 3'] },
        ]);
        end.abort();
      }),
    );

    test(
      'a watch can begin later and still sees what happened since its revision',
      using(async (store) => {
        const first = await store.put('site', 1, { expected: 'absent' });
        await store.put('site', 2, { expected: 'any' });
        await store.put('site', 3, { expected: 'any' });
        const items = await collect(store.watch('', { fromRevision: first }), 2);
        assert.deepEqual(
          items.flatMap((item) => plain(item).changes),
          ['put site 2', 'put site 3'],
        );
      }),
    );

    test(
      'a watcher that fell behind, or asks for another time, is told so and ends',
      using(
        async (store) => {
          const first = await store.put('site', 0, { expected: 'absent' });
          for (let i = 1; i <= 5; i++) await store.put('site', i, { expected: 'any', durability: 'relaxed' });
          const { revision } = await store.list('');
          assert.deepEqual(await collect(store.watch('', { fromRevision: first }), 9), [{ kind: 'compacted', revision }]);
          assert.deepEqual(await collect(store.watch('', { fromRevision: revision + 1 }), 9), [{ kind: 'compacted', revision }]);
          const kept = await collect(store.watch('', { fromRevision: revision - 3 }), 3);
          assert.deepEqual(
            kept.flatMap((item) => plain(item).changes),
            ['put site 3', 'put site 4', 'put site 5'],
          );
        },
        { bounds: { maxEntries: 3, maxBytes: 1e6 } },
      ),
    );

    test(
      'what is kept for watchers is bounded by its size too, and the newest is always kept',
      using(
        async (store) => {
          const first = await store.put('site', 'x'.repeat(900), { expected: 'absent' });
          const second = await store.put('site', 'y'.repeat(2000), { expected: 'any' });
          assert.deepEqual(await collect(store.watch('', { fromRevision: first - 1 }), 9), [{ kind: 'compacted', revision: second }]);
          assert.equal((await collect(store.watch('', { fromRevision: first }), 1)).length, 1);
        },
        { bounds: { maxEntries: 100, maxBytes: 1000 } },
      ),
    );

    test(
      'a watch ends without an error when its signal aborts or the store closes',
      using(async (store) => {
        const end = new AbortController();
        const watches = [
          store.watch('', { fromRevision: 0, signal: end.signal }),
          store.watch('', { fromRevision: 0, signal: AbortSignal.abort() }),
        ];
        const ended = Promise.all([...watches.map((watch) => collect(watch, 9)), collect(store.watch('', { fromRevision: 0 }), 9)]);
        end.abort();
        await store.close();
        assert.deepEqual(await ended, [[], [], []]);
        await rejects(store.get('site'), 'unavailable');
        await rejects(store.put('site', 1, { expected: 'any' }), 'unavailable');
      }),
    );

    const clock = new FakeClock();
    test(
      'a lease is held by one holder until it is released or its time is over',
      using(
        async (store) => {
          const mine = await store.acquireLease('apply', { holder: 'a', ttlMs: 1000 });
          assert.ok(mine);
          assert.equal(await store.acquireLease('apply', { holder: 'b', ttlMs: 1000 }), undefined);
          assert.equal((await store.acquireLease('apply', { holder: 'a', ttlMs: 1000 }))?.revision, mine.revision);
          assert.ok(await store.acquireLease('other', { holder: 'b', ttlMs: 1000 }));
          await clock.advance(900);
          assert.equal(await mine.renew(), true);
          await clock.advance(900);
          assert.equal(await store.acquireLease('apply', { holder: 'b', ttlMs: 1000 }), undefined);
          await clock.advance(100);
          assert.equal(await mine.renew(), false, 'a lease whose time is over cannot be renewed');
          const theirs = await store.acquireLease('apply', { holder: 'b', ttlMs: 1000 });
          assert.ok(theirs && theirs.revision > mine.revision);
          await mine.release();
          assert.equal(await store.acquireLease('apply', { holder: 'a', ttlMs: 1000 }), undefined, 'the old holder released nothing');
          await theirs.release();
          assert.ok(await store.acquireLease('apply', { holder: 'a', ttlMs: 1000 }));
        },
        { clock },
      ),
    );

    test(
      'a transaction that checks a lease fails once the lease was lost',
      using(
        async (store) => {
          const mine = await store.acquireLease('apply', { holder: 'a', ttlMs: 10 });
          assert.ok(mine);
          const checks = [{ key: mine.key, expected: mine.revision }];
          await store.transaction({ checks, writes: [{ key: 'site', expected: 'any', value: 1 }] });
          await clock.advance(10);
          await store.acquireLease('apply', { holder: 'b', ttlMs: 10 });
          await rejects(store.transaction({ checks, writes: [{ key: 'site', expected: 'any', value: 2 }] }), 'conflict');
        },
        { clock },
      ),
    );

    test('any sequence of transactions leaves what a map would hold, and its watch tells it', async () => {
      const key = fc.constantFrom('site', 'guest/a', 'guest/b', 'zone/a');
      const expected = fc.constantFrom('any' as const, 'absent' as const, 'current' as const, 'wrong' as const);
      const write = fc.record({ key, expected, value: fc.oneof(fc.constant(undefined), fc.jsonValue({ maxDepth: 2 })) });
      const transaction = fc.record({
        checks: fc.array(fc.record({ key, expected }), { maxLength: 2 }),
        writes: fc.uniqueArray(write, { maxLength: 3, selector: (w) => w.key }),
        relaxed: fc.boolean(),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(transaction, { maxLength: 30 }), async (transactions) => {
          const store = await open();
          const model = new Map<string, { json: string; revision: number }>();
          const seen = new Map<string, string>();
          const start = (await store.list('')).revision;
          let last = start;
          let items = 0;
          for (const { checks, writes, relaxed } of transactions) {
            const resolve = (key: string, wanted: string) => {
              const revision = model.get(key)?.revision;
              return wanted === 'current'
                ? (revision ?? 'absent')
                : wanted === 'wrong'
                  ? (revision ?? last) + 1
                  : (wanted as 'any' | 'absent');
            };
            const holds = ({ key, expected: wanted }: { key: string; expected: string }) =>
              wanted === 'any' || wanted === 'current' || (wanted === 'absent' && !model.has(key));
            const ok = [...checks, ...writes].every(holds);
            const promise = store.transaction({
              checks: checks.map((check) => ({ key: check.key, expected: resolve(check.key, check.expected) })),
              writes: writes.map((w) => {
                const base = { key: w.key, expected: resolve(w.key, w.expected) };
                return w.value === undefined ? { ...base, delete: true as const } : { ...base, value: w.value };
              }),
              durability: relaxed ? 'relaxed' : 'full',
            });
            if (!ok) {
              await rejects(promise, 'conflict');
              continue;
            }
            const revision = await promise;
            const effective = writes.filter((w) => w.value !== undefined || model.has(w.key));
            assert.equal(revision, last + (effective.length > 0 ? 1 : 0));
            last = revision;
            if (effective.length > 0) items++;
            for (const w of effective) {
              if (w.value === undefined) model.delete(w.key);
              else model.set(w.key, { json: JSON.stringify(w.value), revision });
            }
          }
          const { rows } = await store.list('');
          const expectedRows = [...model].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => [k, v.revision, v.json]);
          assert.deepEqual(
            rows.map((row) => [row.key, row.revision, row.json]),
            expectedRows,
          );
          for (const item of await collect(store.watch('', { fromRevision: start }), items)) {
            assert.equal(item.kind, 'changes');
            if (item.kind !== 'changes') continue;
            for (const change of item.changes) {
              if (change.kind === 'put') seen.set(change.row.key, change.row.json);
              else seen.delete(change.key);
            }
          }
          assert.deepEqual([...seen].toSorted(), [...model].map(([k, v]) => [k, v.json] as [string, string]).toSorted());
          await store.close();
        }),
        { numRuns: 60, seed: 1 },
      );
    });
  });
}

async function rejects(promise: Promise<unknown>, code: string, details?: Record<string, unknown>): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof CaissonError, String(error));
    assert.equal(error.code, code, error.message);
    if (details) assert.deepEqual(error.details, details);
    return true;
  });
}

async function collect(watch: AsyncIterable<WatchItem>, count: number): Promise<WatchItem[]> {
  const items: WatchItem[] = [];
  if (count === 0) return items;
  for await (const item of watch) {
    items.push(item);
    if (items.length === count) break;
  }
  return items;
}

function plain(item: WatchItem): { kind: string; revision: number; changes: string[] } {
  if (item.kind === 'compacted') return { ...item, changes: [] };
  const changes = item.changes.map((change) =>
    change.kind === 'put' ? `put ${change.row.key} ${change.row.json}` : `delete ${change.key}`,
  );
  return { ...item, changes };
}
