import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSimulatedWorld } from './simulate.ts';
import { FakeHypervisor } from '../drivers/fake/hypervisor.ts';
import { changes } from './part-failpoints.ts';

/** They ask, watch or let go, and change nothing that a death in the middle could leave half done. */
const questions: Record<keyof typeof changes, readonly string[]> = {
  hypervisor: ['facts', 'overheadMib', 'observeAll', 'observe', 'agent', 'openConsole', 'memoryBytes', 'isolation', 'watch', 'close'],
  network: ['observe', 'onChange', 'loseRules', 'loseNames', 'loseWiring', 'addOthers', 'silence', 'failNext'],
  images: ['digest', 'find', 'list', 'failNext'],
  guestFiles: ['folders', 'disk', 'freeBytes', 'loseDisk', 'setFree'],
  store: ['get', 'list', 'watch', 'acquireLease', 'close'],
  journal: ['copy', 'getJob', 'findJob', 'listJobs', 'listEvents', 'appendEvents', 'close'],
};

const world = createSimulatedWorld();
const parts = { ...world, hypervisor: new FakeHypervisor(world.host) };

function methodsOf(part: object): string[] {
  const names = new Set<string>();
  for (let at: object = part; at !== Object.prototype; at = Object.getPrototypeOf(at) as object)
    for (const name of Object.getOwnPropertyNames(at)) if (typeof Reflect.get(part, name) === 'function') names.add(name);
  names.delete('constructor');
  return [...names].toSorted();
}

for (const [name, methods] of Object.entries(changes)) {
  test(`every method of ${name} has a failpoint after it, or changes nothing`, () => {
    const known: readonly string[] = [...methods, ...questions[name as keyof typeof changes]];
    const unknown = methodsOf(parts[name as keyof typeof changes]).filter((method) => !known.includes(method));
    assert.deepEqual(unknown, [], 'a method that changes something belongs into `changes` of part-failpoints.ts');
  });
}
