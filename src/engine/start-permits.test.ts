import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StartPermits } from './start-permits.ts';

const nobody = () => undefined;
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('no more than the limit at once; whoever others wait for goes first, then who came first', async () => {
  const permits = new StartPermits(() => Promise.resolve(2));
  const { signal } = new AbortController();
  const begun: string[] = [];
  const waited: string[] = [];
  const start = async (name: string, rank: number) => {
    const release = await permits.take(rank, signal, () => waited.push(name));
    begun.push(name);
    return release;
  };
  const first = await start('first', 0);
  const second = await start('second', 0);
  const others = [start('leaf', 0), start('root', 3), start('leaf too', 0), start('root too', 3)];
  await turn();
  assert.deepEqual([begun, permits.taken], [['first', 'second'], 2]);
  assert.deepEqual(waited, ['leaf', 'root', 'leaf too', 'root too']);
  first();
  first(); // gives back once
  await turn();
  assert.deepEqual(begun.slice(2), ['root']);
  second();
  for (const each of others) {
    await turn();
    void each.then((release) => release());
  }
  await Promise.all(others);
  await turn();
  assert.deepEqual(begun.slice(2), ['root', 'root too', 'leaf', 'leaf too']);
  assert.equal(permits.taken, 0);
});

test('who gives up waiting takes no permit, and loses none', async () => {
  const permits = new StartPermits(() => Promise.resolve(1));
  const release = await permits.take(0, new AbortController().signal, nobody);
  const ending = new AbortController();
  const waiting = permits.take(0, ending.signal, nobody);
  await turn();
  ending.abort(new Error('told to stay down'));
  await assert.rejects(waiting, /told to stay down/);
  await assert.rejects(permits.take(0, ending.signal, nobody), /told to stay down/);
  release();
  assert.equal(permits.taken, 0);
  (await permits.take(0, new AbortController().signal, nobody))();
});
