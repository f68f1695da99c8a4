// The host as it is shown: what it is, what it has promised, how its network is.
import type { Host } from '../model/host.ts';
import type { GuestBoard } from './guest-board.ts';
import { viewDisk } from './host-disks.ts';
import type { Guests } from './guests.ts';
import type { NetworkReconciler } from './network.ts';
import type { EngineParts } from './parts.ts';
import type { SiteStore } from './site-store.ts';

export interface HostViewParts {
  parts: Pick<EngineParts, 'host' | 'hypervisor' | 'sensors'>;
  site: SiteStore;
  board: GuestBoard;
  guests: Guests;
  network: NetworkReconciler;
  /** Of the daemon. */
  startedAt: string;
}

export async function viewHost({ parts, site, board, guests, network, startedAt }: HostViewParts): Promise<Host> {
  const { host, hypervisor, sensors } = parts;
  const [facts, topology, pressure, disks] = await Promise.all([hypervisor.facts(), sensors.topology(), sensors.memory(), sensors.disks()]);
  const statuses = [...site.guests.keys()].map((uid) => board.get(uid));
  const promisedMib = guests.sizes.promised().reduce((sum, promise) => sum + promise.memoryMib + promise.overheadMib, 0);
  const { problem } = network;
  return {
    name: host.name,
    uid: host.uid,
    version: host.version,
    accelerator: facts.accelerator,
    qemuVersion: facts.version,
    cpus: host.cpus,
    memory: {
      totalMib: host.memoryMib,
      reserveMib: host.reserveMib,
      promisedMib,
      freeMib: host.memoryMib - host.reserveMib - promisedMib,
    },
    ...(topology.threads > 0 ? { topology } : {}),
    pressure,
    disks: disks.map(viewDisk),
    guests: {
      defined: statuses.length,
      running: statuses.filter((status) => status.power === 'running').length,
      ready: statuses.filter((status) => status.ready).length,
    },
    network: {
      ...(host.netns === undefined ? {} : { namespace: host.netns }),
      rulesInForce: problem === undefined,
      ...(problem === undefined ? {} : { problem }),
      warnings: [...network.warnings],
      otherTables: [...network.otherTables],
    },
    dataDirectory: host.dataDirectory,
    startedAt,
  };
}
