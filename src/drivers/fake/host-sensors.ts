// A host whose figures tests and simulations set.
import type { DiskSpace, HostSensors, HostSocket, HostTopology, MemoryPressure, NicCounters } from '../host-sensors.ts';

export interface FakeHostSensors extends HostSensors {
  counters: Map<string, NicCounters>;
  pressure: MemoryPressure;
  structure: HostTopology;
  space: DiskSpace[];
  heard: { addresses: string[]; sockets: HostSocket[] };
}

export function createFakeHostSensors(): FakeHostSensors {
  const sensors: FakeHostSensors = {
    counters: new Map(),
    pressure: { availableMib: 1024 * 1024, swapUsedMib: 0, waiting: { some: 0, full: 0 } },
    structure: { sockets: 1, cores: 8, threads: 16, model: 'Simulated', numaNodes: [], hugePages: [] },
    space: [{ path: '/simulated', sizeBytes: 1024 ** 4, freeBytes: 800 * 1024 ** 3 }],
    heard: { addresses: [], sockets: [] },
    nics: async () => new Map(sensors.counters),
    memory: async () => ({ ...sensors.pressure }),
    topology: async () => structuredClone(sensors.structure),
    disks: async () => structuredClone(sensors.space),
    listeners: async () => structuredClone(sensors.heard),
  };
  return sensors;
}
