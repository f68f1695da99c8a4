import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { defaultRestart } from '../model/guest-restart.ts';
import { decideRestart } from './guest-restart.ts';

const failure = { restart: defaultRestart, end: 'failure', ranMs: 5000, failures: 0 } as const;

test('pauses double to five minutes, and after its tries a guest stays down', () => {
  const restart = { ...defaultRestart, tries: 11 };
  const pauses: number[] = [];
  let failures = 0;
  for (;;) {
    const decision = decideRestart({ ...failure, restart, failures });
    failures = decision.failures;
    if (decision.kind === 'stays') {
      assert.deepEqual(decision, { kind: 'stays', failures: 12, why: 'given-up' });
      break;
    }
    pauses.push(decision.pauseMs / 1000);
  }
  assert.deepEqual(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
});

test('a stable run makes the next failure a first one, even of a guest that had used up its tries', () => {
  assert.deepEqual(decideRestart({ ...failure, failures: 5, ranMs: defaultRestart.stableAfterMs }), {
    kind: 'restart',
    failures: 1,
    pauseMs: 1000,
  });
  assert.equal(decideRestart({ ...failure, failures: 5, ranMs: defaultRestart.stableAfterMs - 1 }).kind, 'stays');
});

test('what a guest has wished itself is undone by “always” alone, and “never” undoes nothing', () => {
  const decided = (policy: 'never' | 'on-failure' | 'always', end: 'failure' | 'shut-down') =>
    decideRestart({ ...failure, end, restart: { ...defaultRestart, policy } }).kind;
  assert.deepEqual(
    (['never', 'on-failure', 'always'] as const).map((policy) => [decided(policy, 'failure'), decided(policy, 'shut-down')]),
    [
      ['stays', 'stays'],
      ['restart', 'stays'],
      ['restart', 'restart'],
    ],
  );
});

test('no guest is started more often in a row than its tries say', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), fc.array(fc.integer({ min: 0, max: 599_999 }), { maxLength: 50 }), (tries, runs) => {
      let failures = 0;
      let starts = 0;
      for (const ranMs of runs) {
        const decision = decideRestart({ ...failure, restart: { ...defaultRestart, tries }, ranMs, failures });
        if (decision.kind === 'stays') break;
        failures = decision.failures;
        starts += 1;
        assert.ok(decision.pauseMs >= 1000 && decision.pauseMs <= 300_000);
      }
      assert.ok(starts <= tries);
    }),
  );
});
