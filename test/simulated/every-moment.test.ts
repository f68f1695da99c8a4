// The daemon dies at each moment of each operation at which a part of the world is touched: before the effect, and after it. The next one
// completes the work or takes it back, and no rule is broken. `npm test` tries some of the moments, `npm run test:long` all of them, and
// those of the recovery too.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Operation, Step } from './schedule.ts';
import { play } from './simulation.ts';

const isLong = process.env['CAISSON_TEST_LONG'] === '1';
const stride = isLong ? 1 : 6;
/** Everything here is up within seconds. */
const settleMs = 70_000;
/** A site of five guests of which one requires another, and one that changes, adds and prunes. */
const [document, other] = [86, 323];

const apply = (of: number): Operation => ({ do: 'apply', document: of, prune: true, deleteDisks: true, overwrite: true });
const site: Step = { ...apply(document), thenMs: 60_000 };
/** Nobody speaks of this one. */
const guest = 4;

function changed(cpus: number, plugged: 'in' | 'out'): Operation {
  return { do: 'set', guest, cpus, disk: plugged, nic: plugged, zone: 'external' };
}

interface Trial {
  name: string;
  before: readonly Step[];
  operation: Operation;
}

const trials: readonly Trial[] = [
  { name: 'an apply of a new site', before: [], operation: apply(document) },
  { name: 'an apply that changes, adds and prunes', before: [site], operation: apply(other) },
  { name: 'a start', before: [site, { do: 'stop', guest, thenMs: 5000 }], operation: { do: 'start', guest } },
  { name: 'a stop', before: [site], operation: { do: 'stop', guest } },
  { name: 'a pause', before: [site], operation: { do: 'pause', guest } },
  { name: 'a resume', before: [site, { do: 'pause', guest, thenMs: 5000 }], operation: { do: 'resume', guest } },
  { name: 'a shutdown', before: [site], operation: { do: 'shutdown', guest, force: true, timeoutMs: 20_000 } },
  { name: 'a reboot', before: [site], operation: { do: 'reboot', guest, force: true } },
  { name: 'a rename', before: [site], operation: { do: 'rename', guest, name: 'other' } },
  { name: 'a change of sizes, with a disk and a nic more', before: [site], operation: changed(3, 'in') },
  { name: 'the way back', before: [site, { ...changed(3, 'in'), thenMs: 5000 }], operation: changed(1, 'out') },
  { name: 'a deletion', before: [site, { do: 'stop', guest, thenMs: 5000 }], operation: { do: 'delete', guest, deleteDisks: true } },
  { name: 'the site’s destruction', before: [site], operation: { do: 'destroy', deleteDisks: true } },
  { name: 'the host’s shutdown', before: [site], operation: { do: 'host-shutdown', timeoutMs: 20_000 } },
  { name: 'the making of an image', before: [site], operation: { do: 'image-build', name: 'debian-13' } },
];

/** Moments of one trial that are told in full. */
const told = 5;

/** What was broken by it; undefined: nothing was. */
async function dieAt({ before, operation }: Trial, passes: number): Promise<{ isOver: boolean; broken?: string }> {
  const again = isLong ? { again: 1 + ((passes * 7) % 40) } : {};
  const kill: Step = { fault: 'kill', passes, ...again, downMs: 500, thenMs: 0 };
  const { violation, deaths, transcript } = await play([...before, kill, { ...operation, thenMs: 4000 }], { seed: 1, settleMs });
  const isOver = deaths === 0;
  if (!violation) return { isOver };
  return { isOver, broken: `${violation.rule}: ${violation.what}\nkilled at ${JSON.stringify(kill)}\n${transcript.join('\n')}` };
}

for (const trial of trials) {
  test(`the daemon dies at any moment of ${trial.name}`, async () => {
    const broken: string[] = [];
    for (let passes = 1; ; passes += stride) {
      assert.ok(passes < 2000, 'it does not end');
      const death = await dieAt(trial, passes);
      // The others are tried all the same.
      if (death.broken !== undefined) broken.push(death.broken);
      if (!death.isOver) continue;
      assert.ok(passes > 1, 'it was over at once');
      break;
    }
    assert.equal(broken.length, 0, `${broken.length} moments:\n${broken.slice(0, told).join('\n\n')}`);
  });
}
