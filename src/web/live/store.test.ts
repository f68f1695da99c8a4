import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { CaissonError } from '../../lib/errors.ts';
import { Store } from './store.ts';

test('a question is asked once for all who watch, and again when it is refreshed', async () => {
  const store = new Store();
  let asked = 0;
  let told = 0;
  const ask = () => Promise.resolve(++asked);
  const stops = [store.watch('a', ask, () => told++), store.watch('a', ask, () => told++)];
  await turn();
  assert.deepEqual([store.read('a').value, asked, told], [1, 1, 2]);
  store.refresh('a');
  await turn();
  assert.equal(store.read('a').value, 2);
  for (const stop of stops) stop();
  store.refresh('a');
  await turn();
  assert.equal(asked, 2, 'nobody watches');
});

test('what is refreshed while an answer is under way is asked once more', async () => {
  const store = new Store();
  const answers: ((value: string) => void)[] = [];
  const stop = store.watch(
    'a',
    () => new Promise<string>((resolve) => answers.push(resolve)),
    () => {},
  );
  store.refresh('a');
  store.refresh('a');
  answers[0]?.('old');
  await turn();
  assert.equal(answers.length, 2);
  answers[1]?.('new');
  await turn();
  assert.equal(store.read('a').value, 'new');
  assert.equal(answers.length, 2);
  stop();
});

test('a failure leaves the last answer in sight', async () => {
  const store = new Store();
  let fails = false;
  const stop = store.watch(
    'a',
    () => (fails ? Promise.reject(new CaissonError('unavailable', 'gone')) : Promise.resolve(1)),
    () => {},
  );
  await turn();
  fails = true;
  store.refresh('');
  await turn();
  const { value, error } = store.read('a');
  assert.equal(value, 1);
  assert.equal(error?.message, 'gone');
  stop();
});
