// The runner finds what it looks for: with each guard taken away, the rule that it guards is broken within a few seeds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstViolation } from './run-seed.ts';
import { scheduleOf } from './schedule.ts';
import type { Broken, Rule } from './watched-world.ts';

/** So many seeds may go by before it is noticed. */
const seeds = 40;

const guards: Record<Broken, Rule> = {
  'a second process is allowed': 'a guest runs at most once',
  'guests share a folder': 'a disk has at most one writer',
  'admission is ignored': 'promised memory fits',
  'the store forgets': 'what was acknowledged exists',
  'rules are not applied': 'nothing runs without its rules',
  'disks are made again': 'nothing is recreated empty',
  'a refused site is written': 'failed input changes nothing',
  'what is known of a guest is kept for ever': 'nothing stays of what is deleted',
  'starts are forgotten': 'the site becomes what is wanted',
};

for (const [broken, rule] of Object.entries(guards) as [Broken, Rule][]) {
  test(`when ${broken}, it is noticed that ${rule.startsWith('a ') ? rule : `“${rule}”`} does not hold`, async () => {
    const found = new Set<string>();
    for (let seed = 1; seed <= seeds && !found.has(rule); seed++) {
      const violation = await firstViolation(scheduleOf(seed), { seed, broken: [broken] });
      if (violation) found.add(violation.rule);
    }
    assert.ok(found.has(rule), `not noticed in ${seeds} seeds; only ${[...found].join(', ') || 'nothing'}`);
  });
}
