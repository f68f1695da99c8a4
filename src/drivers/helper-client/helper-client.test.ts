import assert from 'node:assert/strict';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import { readJsonLines } from '../../lib/json-lines.ts';
import { waitFor } from '../../lib/wait-for.ts';
import type { HelperEvent } from '../../model/helper-protocol.ts';
import { connectHelper } from './helper-client.ts';

function open() {
  const [ours, theirs] = duplexPair();
  const requests: Record<string, unknown>[] = [];
  const closed: string[] = [];
  readJsonLines(theirs, { maxBytes: 1 << 20, onValue: (value) => requests.push(value as Record<string, unknown>), onBad: assert.fail });
  const client = connectHelper(ours, { onClosed: (why) => closed.push(why) });
  const say = (value: unknown) => theirs.write(`${JSON.stringify(value)}\n`);
  return { client, requests, closed, say, theirs };
}

const soon = { timeoutMs: 2000, everyMs: 1 };

test('calls find their answers in any order, with progress on the way', async () => {
  const { client, requests, say } = open();
  const progress: unknown[] = [];
  const first = client.call('imageFetch', { url: 'https://a', sha256: '', outPath: '' }, { onProgress: (value) => progress.push(value) });
  const second = client.call('guestProcesses', {});
  await waitFor('both requests', () => requests.length === 2, soon);
  say({ id: requests[1]?.id, ok: true, value: { processes: [] } });
  say({ id: requests[0]?.id, progress: { bytes: 3 } });
  say({ id: requests[0]?.id, ok: true, value: { sizeBytes: 7 } });
  assert.deepEqual(await second, { processes: [] });
  assert.deepEqual(await first, { sizeBytes: 7 });
  assert.deepEqual(progress, [{ bytes: 3 }]);
});

test('a refusal is thrown with its code and details; an unknown code is internal', async () => {
  const { client, requests, say } = open();
  const refused = client.call('guestForget', { uid: 'x' });
  const odd = client.call('guestForget', { uid: 'x' });
  await waitFor('both requests', () => requests.length === 2, soon);
  say({ id: 1, ok: false, error: { code: 'not-allowed', message: 'it runs', details: { pid: 7 } } });
  say({ id: 2, ok: false, error: { code: 'toString', message: 'odd' } });
  await assert.rejects(refused, { code: 'not-allowed', message: 'it runs', details: { pid: 7 } });
  await assert.rejects(odd, { code: 'internal', message: 'odd' });
});

test('when the channel closes every call fails, later ones too, and it is told once', async () => {
  const { client, closed, theirs } = open();
  const waiting = client.call('hello', {});
  theirs.end();
  await assert.rejects(waiting, { code: 'unavailable' });
  await assert.rejects(client.call('hello', {}), { code: 'unavailable' });
  assert.equal(closed.length, 1);
});

test('closing it ourselves is not told', async () => {
  const { client, closed } = open();
  const waiting = client.call('hello', {});
  client.close();
  await assert.rejects(waiting, { code: 'unavailable' });
  assert.deepEqual(closed, []);
});

test('an aborted call asks the helper to cancel and ends as the helper says', async () => {
  const { client, requests, say } = open();
  const abort = new AbortController();
  const call = client.call('imageBuild', { recipePath: '', outPath: '' }, { signal: abort.signal });
  abort.abort();
  await waitFor('the cancel', () => requests.length === 2, soon);
  assert.deepEqual(requests[1], { cancel: 1 });
  say({ id: 1, ok: false, error: { code: 'cancelled', message: 'cancelled' } });
  await assert.rejects(call, { code: 'cancelled' });
});

test('a helper that does not answer is a timeout, and what it says later is nobody’s', async () => {
  const { client, say } = open();
  await assert.rejects(client.call('hello', {}, { timeoutMs: 5 }), { code: 'timeout' });
  say({ id: 1, ok: true, value: {} });
});

test('events reach listeners until they stop listening', async () => {
  const { client, say } = open();
  const events: HelperEvent[] = [];
  const stop = client.onEvent((event) => events.push(event));
  const event: HelperEvent = { event: 'guest-exited', uid: 'gk3m9x4q2ab', pid: 7, startTime: 9, said: '' };
  say(event);
  await waitFor('the event', () => events.length === 1, soon);
  stop();
  const call = client.call('hello', {});
  say(event);
  say({ id: 1, ok: true, value: {} });
  await call;
  assert.deepEqual(events, [event]);
});
