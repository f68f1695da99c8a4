import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSameObservation, observationOf } from './observe-status.ts';

const process = { pid: 7, startedAt: 1000 };

test('each run state of QEMU is one observation, and an unknown one is never called running', () => {
  assert.deepEqual(observationOf('running', process, false), { state: 'running', ...process });
  assert.deepEqual(observationOf('suspended', process, false), { state: 'running', ...process });
  assert.deepEqual(observationOf('paused', process, false), { state: 'paused', ...process });
  assert.deepEqual(observationOf('shutdown', process, false), { state: 'halted', why: 'shut-down', ...process });
  assert.deepEqual(observationOf('io-error', process, false), { state: 'halted', why: 'io-error', ...process });
  assert.deepEqual(observationOf('io-error', process, true), { state: 'halted', why: 'no-space', ...process });
  assert.deepEqual(observationOf('guest-panicked', process, false), { state: 'halted', why: 'panicked', ...process });
  assert.deepEqual(observationOf('internal-error', process, false), { state: 'halted', why: 'internal-error', ...process });
  assert.deepEqual(observationOf('a-state-of-the-future' as 'running', process, false), { state: 'paused', ...process });
});

test('an observation is the same when state, reason and process are', () => {
  const halted = observationOf('io-error', process, false);
  assert.ok(isSameObservation(halted, { ...halted }));
  assert.ok(!isSameObservation(halted, observationOf('io-error', process, true)));
  assert.ok(!isSameObservation(observationOf('running', process, false), observationOf('running', { pid: 8, startedAt: 1000 }, false)));
  assert.ok(!isSameObservation(undefined, { state: 'stopped' }));
  assert.ok(isSameObservation({ state: 'stopped' }, { state: 'stopped' }));
});
