// e2e: limit 25 min, long 360 min
// Helper and daemon of a real host are killed at every failpoint of every operation, and again while the next ones recover; then the work
// is completed or taken back, the guests run as they are wanted, and `caisson verify` finds nothing. Failpoints are found by
// passing them: what is new in an operation is killed there without a word here. `npm test` tries some, `npm run test:long` all.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { KilledHost } from './killed-host.ts';
import { type KilledOperation, killedOperations } from './killed-operations.ts';

const isLong = process.env['CAISSON_TEST_LONG'] === '1';
/** Of each operation, without `--long`. */
const samples = 2;

// Nobody starts the next daemon while somebody waits for it.
const host = new KilledHost('killed-steps', { patienceMs: 0 });
let turn = 0;

before(() => host.start());
after(() => host.remove());

/** `store.transaction`, the second time → `store.transaction@2`. */
function numbered(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    seen.set(name, (seen.get(name) ?? 0) + 1);
    return `${name}@${seen.get(name)}`;
  });
}

async function pointsOf(operation: KilledOperation): Promise<string[]> {
  await operation.prepare(host);
  const record = host.record();
  await host.succeeded(operation.begin(host));
  return numbered(record.stop());
}

async function killAt(operation: KilledOperation, point: string): Promise<void> {
  await operation.prepare(host);
  const [name, nth] = point.split('@');
  host.arm(`${name}=kill@${nth}\n`);
  // Whether it was acknowledged before its daemon died does not matter.
  await host.done(operation.begin(host)).catch(() => undefined);
  // A point of what goes on by itself need not come again: then it dies right after its work.
  if (await host.serves()) await host.kill();
  else await host.whenDead();
  // The next one may die as well: somewhere else each time.
  host.arm(`*=kill@${1 + ((turn++ * 5) % 23)}\n`);
  if (await host.start()) await host.settle().catch(() => undefined);
  host.arm('');
  await host.recover();
  const { items } = await host.client.call('guestList', {});
  operation.check(new Map(items.map((guest) => [guest.name, guest])));
  assert.deepEqual(await host.verify(), []);
}

for (const [index, operation] of killedOperations.entries()) {
  test(`killed in the middle of: ${operation.name}`, async (t) => {
    const points = await pointsOf(operation);
    assert.ok(points.length >= 4, `it passes few failpoints: ${points.join(', ')}`);
    const stride = Math.ceil(points.length / (operation.samples ?? samples));
    for (const [position, point] of points.entries()) {
      if (isLong || position % stride === (index * 3 + 1) % stride)
        await t.test(`killed at ${point}, number ${position + 1} of ${points.length}`, () => killAt(operation, point));
    }
  });
}
