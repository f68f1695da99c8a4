// What happens on a simulated site, as a value made from a seed: operations of administrators, faults, and time that passes. Every step
// carries all that it needs, so that one can be left out and the others still do the same.
import { Chance } from './chance.ts';
import type { CallFault } from './mortal-parts.ts';

type Plugged = 'in' | 'out';

/** `guest` counts the guests that there are at that moment, in order of their names. */
export type Operation =
  | { do: 'apply'; document: number; prune: boolean; deleteDisks: boolean; overwrite: boolean }
  /** Asks for what this host cannot promise. */
  | { do: 'apply-too-large'; document: number }
  /** Asks for a smaller disk. */
  | { do: 'apply-shrunk'; guest: number }
  | { do: 'start' | 'stop' | 'pause' | 'resume'; guest: number }
  | { do: 'shutdown'; guest: number; force: boolean; timeoutMs: number }
  | { do: 'reboot'; guest: number; force: boolean }
  | { do: 'rename'; guest: number; name: string }
  /** Processors, a disk of its own and a nic in that zone, of a guest that runs or does not. */
  | { do: 'set'; guest: number; cpus: number; disk?: Plugged; nic?: Plugged; zone: string }
  | { do: 'delete'; guest: number; deleteDisks: boolean }
  | { do: 'destroy'; deleteDisks: boolean }
  | { do: 'host-shutdown'; timeoutMs: number }
  | { do: 'image-build'; name: string }
  | { do: 'image-delete'; name: string }
  | { do: 'cancel' };

export type Fault =
  /** The daemon dies at the `passes`-th moment from now that a part of the world is touched, and once more at the `again`-th of the next one. */
  | { fault: 'kill'; passes: number; again?: number; downMs: number }
  /** It ends in order and comes back. */
  | { fault: 'restart' }
  | ({ fault: 'call' } & CallFault)
  | { fault: 'crash' | 'freeze' | 'thaw' | 'shut-down' | 'reboot'; guest: number }
  | { fault: 'halt'; guest: number; why: 'no-space' | 'io-error' | 'panicked' }
  | { fault: 'agent'; guest: number; agent: 'answers' | 'absent' | 'lies' }
  | { fault: 'boot'; guest: number; bootMs: number }
  | { fault: 'deaf'; guest: number }
  | { fault: 'silent-service'; guest: number }
  | { fault: 'rules-lost' }
  | { fault: 'names-lost' }
  | { fault: 'clock'; ms: number }
  | { fault: 'disk-lost'; guest: number; disk: string }
  | { fault: 'power-cut'; downMs: number };

export type Step = (Operation | Fault) & { /** Time that passes after it. */ thenMs: number };

const calls = [
  'hypervisor.start',
  'hypervisor.stop',
  'hypervisor.observe',
  'hypervisor.observeAll',
  'hypervisor.pressPowerButton',
  'hypervisor.forget',
  'hypervisor.memoryBytes',
  'hardware.read',
  'hardware.setCpus',
  'hardware.attachDisk',
  'hardware.detachDisk',
  'hardware.attachNic',
  'hardware.detachNic',
  'hardware.limit',
  'network.apply',
  'network.connect',
  'network.disconnect',
  'network.observe',
  'images.make',
  'images.find',
  'guestFiles.createRootDisk',
  'guestFiles.createDisk',
  'guestFiles.disk',
  'guestFiles.writeSeed',
  'guestFiles.prepareStart',
  'guestFiles.remove',
  'store.transaction',
  'store.put',
  'store.delete',
  'store.list',
  'journal.createJob',
  'journal.saveStep',
  'journal.endJob',
  'journal.appendEvents',
];
/** Calls that may have worked although they report a failure. */
const mayHaveWorked = new Set([
  'hardware.attachDisk',
  'hardware.detachDisk',
  'hardware.attachNic',
  'hardware.detachNic',
  'network.apply',
  'network.connect',
  'network.disconnect',
  'hypervisor.stop',
  'hypervisor.forget',
  'guestFiles.remove',
]);
const mayHang = new Set(['hypervisor.start', 'hypervisor.stop', 'network.apply', 'network.connect', 'images.make', 'hypervisor.observe']);

export function scheduleOf(seed: number): Step[] {
  const chance = new Chance(seed);
  const steps: Step[] = [{ ...applyOf(chance), thenMs: chance.pick([100, 5000, 30_000]) }];
  const count = chance.between(6, 24);
  while (steps.length < count) steps.push({ ...(chance.often(50) ? operationOf(chance) : faultOf(chance)), thenMs: pauseOf(chance) });
  return steps;
}

function pauseOf(chance: Chance): number {
  return chance.pick([0, 1, 50, 400, 2500, 10_000, 40_000, 120_000]);
}

function applyOf(chance: Chance): Operation {
  return {
    do: 'apply',
    document: chance.below(1_000_000),
    prune: chance.often(40),
    deleteDisks: chance.often(50),
    overwrite: chance.often(80),
  };
}

function operationOf(chance: Chance): Operation {
  const guest = chance.below(6);
  const kind = chance.below(100);
  if (kind < 26) return applyOf(chance);
  if (kind < 30) return { do: 'apply-too-large', document: chance.below(1_000_000) };
  if (kind < 33) return { do: 'apply-shrunk', guest };
  if (kind < 45) return { do: 'start', guest };
  if (kind < 50) return setOf(chance, guest);
  if (kind < 56) return { do: 'stop', guest };
  if (kind < 65) return { do: 'shutdown', guest, force: chance.often(50), timeoutMs: chance.pick([100, 2000, 20_000]) };
  if (kind < 68) return { do: 'pause', guest };
  if (kind < 72) return { do: 'resume', guest };
  if (kind < 76) return { do: 'reboot', guest, force: chance.often(60) };
  if (kind < 82) return { do: 'rename', guest, name: chance.pick(['guest0', 'guest3', 'other', 'another']) };
  if (kind < 87) return { do: 'delete', guest, deleteDisks: chance.often(50) };
  if (kind < 89) return { do: 'destroy', deleteDisks: chance.often(50) };
  if (kind < 94) return { do: 'host-shutdown', timeoutMs: chance.pick([1000, 20_000]) };
  if (kind < 96) return { do: 'image-build', name: 'debian-13' };
  if (kind < 97) return { do: 'image-delete', name: chance.pick(['own', 'debian-13']) };
  return { do: 'cancel' };
}

function setOf(chance: Chance, guest: number): Operation {
  return {
    do: 'set',
    guest,
    cpus: chance.between(1, 4),
    ...(chance.often(50) ? { disk: chance.pick<Plugged>(['in', 'in', 'out']) } : {}),
    ...(chance.often(50) ? { nic: chance.pick<Plugged>(['in', 'in', 'out']) } : {}),
    zone: chance.pick(['internal', 'external']),
  };
}

function faultOf(chance: Chance): Fault {
  const guest = chance.below(6);
  const kind = chance.below(100);
  if (kind < 34)
    return {
      fault: 'kill',
      passes: chance.between(1, chance.pick([10, 60, 250])),
      ...(chance.often(35) ? { again: chance.between(1, chance.pick([15, 100])) } : {}),
      downMs: chance.pick([0, 500, 20_000]),
    };
  if (kind < 38) return { fault: 'restart' };
  if (kind < 62) {
    const call = chance.pick(calls);
    const how =
      mayHaveWorked.has(call) && chance.often(40)
        ? 'fail-after'
        : mayHang.has(call) && chance.often(40)
          ? 'hang'
          : chance.often(25)
            ? 'slow'
            : 'fail';
    return { fault: 'call', call, how, times: chance.pick([1, 1, 2, 5]), ms: chance.pick([50, 3000, 30_000]) };
  }
  if (kind < 68) return { fault: 'crash', guest };
  if (kind < 72) return { fault: 'shut-down', guest };
  if (kind < 75) return { fault: 'freeze', guest };
  if (kind < 77) return { fault: 'thaw', guest };
  if (kind < 79) return { fault: 'reboot', guest };
  if (kind < 81) return { fault: 'halt', guest, why: chance.pick(['no-space', 'io-error', 'panicked']) };
  if (kind < 84) return { fault: 'agent', guest, agent: chance.pick(['absent', 'lies']) };
  if (kind < 86) return { fault: 'boot', guest, bootMs: chance.pick([0, 30_000, 90_000]) };
  if (kind < 88) return { fault: 'deaf', guest };
  if (kind < 90) return { fault: 'silent-service', guest };
  if (kind < 93) return { fault: 'rules-lost' };
  if (kind < 94) return { fault: 'names-lost' };
  if (kind < 96) return { fault: 'clock', ms: chance.pick([-3_600_000, -1000, 3_600_000, 86_400_000]) };
  if (kind < 98) return { fault: 'disk-lost', guest, disk: chance.pick(['root', 'data']) };
  return { fault: 'power-cut', downMs: chance.pick([0, 60_000]) };
}
