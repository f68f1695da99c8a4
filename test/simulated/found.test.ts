// Schedules that once broke a rule, by what was wrong, with the seed that found it. Made as short as leaving out steps makes them.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import type { Operation, Step } from './schedule.ts';
import { play } from './simulation.ts';

const apply = (document: number, options: Partial<Operation & { do: 'apply' }> = {}): Operation => ({
  do: 'apply',
  document,
  prune: true,
  deleteDisks: true,
  overwrite: true,
  ...options,
});

const found: readonly { what: string; seed: number; steps: readonly Step[] }[] = [
  {
    what: 'two guests whose zones were changed in one apply got one address',
    seed: 14,
    steps: [
      { ...apply(610399), thenMs: 120_000 },
      { ...apply(390755, { prune: false }), thenMs: 0 },
    ],
  },
  {
    what: 'an apply waited for ever for a required guest that was not wanted to run, and held up every other',
    seed: 7,
    steps: [
      { ...apply(542935, { prune: false }), thenMs: 30_000 },
      { do: 'stop', guest: 0, thenMs: 0 },
      { fault: 'crash', guest: 2, thenMs: 400 },
    ],
  },
  {
    what: 'a guest whose pause was written and not done ran on',
    seed: 17,
    steps: [
      { ...apply(127328, { prune: false }), thenMs: 5000 },
      { fault: 'kill', passes: 7, again: 45, downMs: 0, thenMs: 2500 },
      { do: 'pause', guest: 4, thenMs: 0 },
    ],
  },
  {
    what: 'a running guest whose memory was made smaller was counted as the smaller one',
    seed: 130,
    steps: [
      { ...apply(367375), thenMs: 30_000 },
      { do: 'start', guest: 2, thenMs: 400 },
      { ...apply(593504, { overwrite: false }), thenMs: 40_000 },
    ],
  },
  {
    what: 'a guest whose power could not be cut ran on and was wanted to be stopped',
    seed: 236,
    steps: [
      { ...apply(843126), thenMs: 30_000 },
      { fault: 'call', call: 'hypervisor.stop', how: 'hang', times: 2, ms: 3000, thenMs: 1 },
      { do: 'resume', guest: 2, thenMs: 10_000 },
      { do: 'stop', guest: 0, thenMs: 2500 },
    ],
  },
  {
    what: 'a guest that went down with the host, later than anybody waited, was not wanted to run any more',
    seed: 397,
    steps: [
      { ...apply(916484), thenMs: 5000 },
      { fault: 'call', call: 'journal.saveStep', how: 'fail', times: 5, ms: 50, thenMs: 40_000 },
      { ...apply(579145), thenMs: 40_000 },
      { ...apply(295073, { prune: false, overwrite: false }), thenMs: 0 },
      { do: 'host-shutdown', timeoutMs: 1000, thenMs: 1 },
    ],
  },
  {
    what: 'a guest whose daemon died between its start and its connection never had a network',
    seed: 1,
    steps: [
      { fault: 'kill', passes: 133, again: 12, downMs: 500, thenMs: 0 },
      { ...apply(86), thenMs: 4000 },
    ],
  },
  {
    what: 'a network that could not be mended was never tried again',
    seed: 1,
    steps: [
      { ...apply(86), thenMs: 30_000 },
      { fault: 'call', call: 'network.apply', how: 'fail', times: 1, ms: 0, thenMs: 0 },
      { fault: 'rules-lost', thenMs: 10_000 },
    ],
  },
  {
    what: 'an apply whose daemon died before it was written was told as done',
    seed: 1,
    steps: [
      { ...apply(86), thenMs: 60_000 },
      { fault: 'kill', passes: 5, again: 36, downMs: 500, thenMs: 0 },
      { ...apply(323), thenMs: 4000 },
    ],
  },
  {
    what: 'a guest that was told to stop in the moment of its start ran, and whoever told it waited for ever',
    seed: 1,
    steps: [
      { ...apply(86), thenMs: 60_000 },
      { do: 'stop', guest: 4, thenMs: 5000 },
      { fault: 'call', call: 'hypervisor.start', how: 'slow', times: 1, ms: 3000, thenMs: 0 },
      { do: 'start', guest: 4, thenMs: 400 },
      { do: 'stop', guest: 4, thenMs: 20_000 },
    ],
  },
  {
    what: 'the end of a job that could not be written down was not, while nobody asked for anything else',
    seed: 38,
    steps: [
      { fault: 'call', call: 'journal.endJob', how: 'fail', times: 1, ms: 0, thenMs: 10_000 },
      { do: 'apply-too-large', document: 6351, thenMs: 50 },
    ],
  },
  {
    what: 'an apply waited for a guest that went down while it was waited for, and that nobody was about to start',
    seed: 434,
    steps: [
      { ...apply(548378, { deleteDisks: false }), thenMs: 100 },
      { do: 'rename', guest: 2, name: 'guest0', thenMs: 1 },
      { fault: 'agent', guest: 0, agent: 'lies', thenMs: 1 },
      { ...apply(847462, { prune: false, deleteDisks: false }), thenMs: 10_000 },
      { fault: 'kill', passes: 99, again: 3, downMs: 20_000, thenMs: 0 },
      { do: 'start', guest: 3, thenMs: 2500 },
      { do: 'stop', guest: 3, thenMs: 2500 },
      { fault: 'shut-down', guest: 4, thenMs: 120_000 },
    ],
  },
  {
    what: 'a guest waited for ever for one that it would like to start after, which had gone down with the host',
    seed: 730,
    steps: [
      { ...apply(655829, { overwrite: false }), thenMs: 1 },
      { do: 'start', guest: 3, thenMs: 120_000 },
      { do: 'host-shutdown', timeoutMs: 1000, thenMs: 120_000 },
      { do: 'start', guest: 5, thenMs: 10_000 },
    ],
  },
  {
    what: 'an apply waited for its whole time for a guest that an error of its disk had halted',
    seed: 272,
    steps: [
      { ...apply(309425, { prune: false }), thenMs: 100 },
      { fault: 'halt', guest: 3, why: 'io-error', thenMs: 1 },
      { ...apply(390926, { overwrite: false }), thenMs: 50 },
    ],
  },
  {
    what: 'a start of a guest that was paused waited for its whole time',
    seed: 487,
    steps: [
      { ...apply(19492, { prune: false }), thenMs: 100 },
      { do: 'pause', guest: 0, thenMs: 1 },
      { ...apply(381991, { prune: false, deleteDisks: false, overwrite: false }), thenMs: 40_000 },
      { do: 'start', guest: 1, thenMs: 40_000 },
    ],
  },
  {
    what: 'a guest waited for its whole time for one that had lost for good what it required itself',
    seed: 999,
    steps: [
      { ...apply(387185, { prune: false, deleteDisks: false, overwrite: false }), thenMs: 5000 },
      { fault: 'shut-down', guest: 0, thenMs: 120_000 },
      { ...apply(692516, { prune: false, deleteDisks: false }), thenMs: 50 },
    ],
  },
  {
    what: 'a guest whose memory could not be read in the moment that it got ready was never ready',
    seed: 1323,
    steps: [
      { ...apply(489878, { prune: false, deleteDisks: false }), thenMs: 100 },
      { fault: 'call', call: 'guestFiles.prepareStart', how: 'slow', times: 5, ms: 3000, thenMs: 50 },
      { do: 'shutdown', guest: 5, force: false, timeoutMs: 20_000, thenMs: 120_000 },
      { fault: 'call', call: 'hypervisor.memoryBytes', how: 'fail', times: 1, ms: 50, thenMs: 10_000 },
      { do: 'start', guest: 3, thenMs: 2500 },
      { do: 'pause', guest: 5, thenMs: 10_000 },
    ],
  },
  {
    what: 'a guest that two had tried to stop in vain ran on, and was wanted to be stopped',
    seed: 3660,
    steps: [
      { ...apply(658989, { prune: false, deleteDisks: false }), thenMs: 30_000 },
      { fault: 'call', call: 'hypervisor.stop', how: 'hang', times: 2, ms: 3000, thenMs: 120_000 },
      { fault: 'kill', passes: 33, downMs: 500, thenMs: 40_000 },
      { do: 'stop', guest: 1, thenMs: 0 },
      { do: 'stop', guest: 1, thenMs: 120_000 },
    ],
  },
  {
    what: 'a guest whose state was on its way into the store while it was deleted left a row there for ever',
    seed: 24,
    steps: [
      { ...apply(401127, { deleteDisks: false, overwrite: false }), thenMs: 30_000 },
      { ...apply(984105, { prune: false, deleteDisks: false }), thenMs: 40_000 },
      { fault: 'call', call: 'store.put', how: 'slow', times: 5, ms: 50, thenMs: 2500 },
      { do: 'destroy', deleteDisks: false, thenMs: 120_000 },
    ],
  },
];

for (const { what, seed, steps } of found) {
  test(`never again: ${what} (seed ${seed})`, async () => {
    const { violation, transcript } = await play(steps, { seed });
    if (violation) assert.fail(`${violation.rule}: ${violation.what}\n${transcript.join('\n')}`);
  });
}
