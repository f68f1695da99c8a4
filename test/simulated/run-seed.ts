// One seed from its schedule to its verdict: what fails is made smaller and told so that it can be played again.
import assert from 'node:assert/strict';
import { scheduleOf, type Step } from './schedule.ts';
import { type Outcome, play } from './simulation.ts';
import type { Broken, Violation } from './watched-world.ts';

/** Fails with the schedule, made as short as leaving out steps can make it, and with how to play it again. */
export async function runSeed(seed: number): Promise<void> {
  const schedule = scheduleOf(seed);
  const outcome = await play(schedule, { seed });
  if (outcome.violation) assert.fail(await tell(seed, schedule, outcome.violation));
}

/** The first rule that is broken while `schedule` is played; undefined when all of them hold. */
export async function firstViolation(
  schedule: readonly Step[],
  options: { seed: number; broken?: readonly Broken[] },
): Promise<Violation | undefined> {
  return (await play(schedule, options)).violation;
}

/** The fewest of the steps that still break the rule, found by leaving out one after another. */
export async function shrink(
  schedule: readonly Step[],
  rule: Violation['rule'],
  options: { seed: number; broken?: readonly Broken[] },
): Promise<Step[]> {
  let steps = [...schedule];
  for (let index = steps.length - 1; index >= 0; index--) {
    const fewer = steps.toSpliced(index, 1);
    if ((await firstViolation(fewer, options))?.rule === rule) steps = fewer;
  }
  return steps;
}

async function tell(seed: number, schedule: readonly Step[], { rule, what }: Violation): Promise<string> {
  const fewer = await shrink(schedule, rule, { seed });
  const again: Outcome = await play(fewer, { seed });
  return [
    `seed ${seed}: ${rule}: ${what}`,
    `again: npm test -- simulated --seed ${seed}`,
    `the fewest steps that do it (${fewer.length} of ${schedule.length}):`,
    ...fewer.map((step) => `  ${JSON.stringify(step)},`),
    'what happened then:',
    ...again.transcript.map((line) => `  ${line}`),
    `  ${again.violation?.rule}: ${again.violation?.what}`,
  ].join('\n');
}
