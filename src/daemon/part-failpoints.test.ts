import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { FakeHypervisor } from '../drivers/fake/hypervisor.ts';
import { createFakeProber } from '../drivers/fake/prober.ts';
import type { EngineParts } from '../engine/parts.ts';
import { armFailpoint, disarmFailpoints } from '../lib/failpoint.ts';
import { silentLog } from '../lib/log.ts';
import { kinds, withFailpoints } from './part-failpoints.ts';
import { createSimulatedWorld } from './simulate.ts';

const world = createSimulatedWorld();
const parts: EngineParts = {
  ...world,
  host: world.identity,
  hypervisor: new FakeHypervisor(world.host),
  prober: createFakeProber({ isUp: () => false, mayReach: () => false }),
  log: silentLog,
};

afterEach(disarmFailpoints);

test('unless a test arms one, the parts are what they were', () => {
  assert.equal(withFailpoints(parts), parts);
});

test('after what changes something a test may let the daemon die; it is done by then', async () => {
  armFailpoint('store.put', 'throw');
  const { store } = withFailpoints(parts);
  await assert.rejects(store.put('site', { name: 'lab' }, { expected: 'absent' }), /failpoint store\.put/);
  assert.deepEqual((await store.get('site'))?.value, { name: 'lab' });
});

test('a running guest’s hardware has them too', async () => {
  armFailpoint('hardware.setCpus', 'throw');
  const hardware = withFailpoints(parts).hypervisor.hardware('gaaaaaaaaaa');
  // Without a process it fails by itself: what asks passes through.
  await assert.rejects(hardware.read(), { code: 'not-allowed' });
});

test('every method of the watched parts is there under the name that the table has', () => {
  for (const [name, methods] of Object.entries(kinds)) {
    if (name === 'hardware') continue;
    const part = parts[name as 'store'];
    for (const method of Object.keys(methods)) assert.equal(typeof Reflect.get(part, method), 'function', `${name}.${method}`);
  }
});
