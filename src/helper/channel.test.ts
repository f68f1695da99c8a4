import assert from 'node:assert/strict';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { CaissonError } from '../lib/errors.ts';
import { readJsonLines } from '../lib/json-lines.ts';
import { silentLog } from '../lib/log.ts';
import { waitFor } from '../lib/wait-for.ts';
import { serveChannel, type VerbTable } from './channel.ts';

function open(verbs: Partial<VerbTable>) {
  const [ours, theirs] = duplexPair();
  const answers: Record<string, unknown>[] = [];
  const closed: string[] = [];
  readJsonLines(theirs, { maxBytes: 1 << 20, onValue: (value) => answers.push(value as Record<string, unknown>), onBad: assert.fail });
  const channel = serveChannel(ours, verbs as VerbTable, { log: silentLog, onClosed: (why) => closed.push(why) });
  const ask = (value: unknown) => theirs.write(`${JSON.stringify(value)}\n`);
  return { channel, answers, closed, ask, raw: (text: string) => theirs.write(text), theirs };
}

const soon = { timeoutMs: 2000, everyMs: 1 };

test('a verb is answered under the request’s number, progress before it', async () => {
  const { answers, ask } = open({
    hostFacts: async (args, context) => {
      context.progress({ half: true });
      return args;
    },
  });
  ask({ id: 7, verb: 'hostFacts', args: { a: 1 } });
  await waitFor('the answer', () => answers.length === 2, soon);
  assert.deepEqual(answers, [
    { id: 7, progress: { half: true } },
    { id: 7, ok: true, value: { a: 1 } },
  ]);
});

test('an error travels with its code, message and details; a defect is internal', async () => {
  const { answers, ask } = open({
    guestForget: async () => {
      throw new CaissonError('not-allowed', 'it runs', { details: { pid: 7 } });
    },
    hello: async () => {
      throw new TypeError('oops');
    },
  });
  ask({ id: 1, verb: 'guestForget', args: {} });
  ask({ id: 2, verb: 'hello', args: {} });
  await waitFor('the answers', () => answers.length === 2, soon);
  assert.deepEqual(answers, [
    { id: 1, ok: false, error: { code: 'not-allowed', message: 'it runs', details: { pid: 7 } } },
    { id: 2, ok: false, error: { code: 'internal', message: 'oops' } },
  ]);
});

test('a verb that there is not, and those that every object has, are refused', async () => {
  const { answers, ask } = open({});
  for (const verb of ['format', 'toString', 'constructor', 'hasOwnProperty']) ask({ id: 1, verb, args: {} });
  await waitFor('the answers', () => answers.length === 4, soon);
  assert.ok(answers.every((answer) => (answer.error as { code: string }).code === 'invalid'));
});

test('what is cancelled ends, and says so', async () => {
  const { answers, ask } = open({
    imageBuild: (_args, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
  });
  ask({ id: 3, verb: 'imageBuild', args: {} });
  ask({ cancel: 3 });
  ask({ cancel: 99 });
  await waitFor('the answer', () => answers.length === 1, soon);
  assert.deepEqual(answers[0]?.error, { code: 'cancelled', message: 'the daemon cancelled it' });
});

test('a number in use is refused, and the first goes on', async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const { answers, ask } = open({ hello: () => promise });
  ask({ id: 1, verb: 'hello', args: {} });
  ask({ id: 1, verb: 'hello', args: {} });
  await waitFor('the refusal', () => answers.length === 1, soon);
  resolve('done');
  await waitFor('the answer', () => answers.length === 2, soon);
  assert.deepEqual(answers[1], { id: 1, ok: true, value: 'done' });
});

test('closing waits for what was begun', async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const { channel, ask } = open({ hello: () => promise });
  ask({ id: 1, verb: 'hello', args: {} });
  await new Promise((next) => setImmediate(next));
  let isClosed = false;
  const closing = channel.close().then(() => (isClosed = true));
  await new Promise((next) => setImmediate(next));
  assert.equal(isClosed, false);
  resolve('done');
  await closing;
});

test('the daemon’s end is noticed, and so is a line that is no JSON', async () => {
  const ended = open({});
  ended.theirs.end();
  await waitFor('the end', () => ended.closed.length > 0, soon);
  const broken = open({});
  broken.raw('hello\n');
  await waitFor('the end', () => broken.closed.length > 0, soon);
});

test('whatever JSON comes, each line is answered or is a cancel, and nothing is called', async () => {
  const { answers, ask } = open({ hello: () => assert.fail('called') });
  const values = fc.sample(
    fc.oneof(
      fc.jsonValue(),
      fc.record({ id: fc.jsonValue(), verb: fc.jsonValue(), args: fc.jsonValue() }),
      fc.record({ id: fc.nat(), verb: fc.string(), args: fc.jsonValue(), more: fc.jsonValue() }),
    ),
    { numRuns: 1000, seed: 20_260_103 },
  );
  for (const value of values) ask(value);
  await waitFor('all answers', () => answers.length >= values.length, soon);
  assert.ok(answers.every((answer) => answer.ok === false && (answer.error as { code: string }).code === 'invalid'));
});
