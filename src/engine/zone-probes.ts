// Probes for the filtering check: one plugged into each zone, filtered as a guest there would be that no flow names.
import { CaissonError, describeError } from '../lib/errors.ts';
import { newMac, newUid } from '../lib/ids.ts';
import type { Probe } from '../drivers/prober.ts';
import type { NetworkNic, NetworkState, NetworkZone } from '../model/network-state.ts';
import { planProbe } from '../plan/zone-probe.ts';
import type { NetworkReconciler } from './network.ts';
import type { EngineParts } from './parts.ts';

export interface PluggedProbe {
  zone: string;
  nic: NetworkNic;
  probe: Probe;
}

export interface Plugged {
  probes: PluggedProbe[];
  /** Zones that have none, and why. */
  without: { zone: string; why: string }[];
}

/** Machines on an uplink's wire may have one address after the other that is free for us. */
const mostTries = 5;
const mtu = 1500;

interface Wiring {
  parts: Pick<EngineParts, 'prober' | 'random' | 'log'>;
  network: NetworkReconciler;
}

/** Runs `work` with probes connected to the network in force, and takes them away again whatever happens. */
export async function withProbes<T>(wiring: Wiring, state: NetworkState, work: (plugged: Plugged) => Promise<T>): Promise<T> {
  const { network, parts } = wiring;
  const opened = await Promise.all(state.zones.map(async (zone) => openOne(wiring, state, zone)));
  const probes = opened.flatMap((one) => ('probe' in one ? [one] : []));
  const without = opened.flatMap((one) => ('why' in one ? [one] : []));
  try {
    return await network.withMore({ nics: probes.map(({ nic }) => nic), flows: [] }, async () => {
      for (const { nic } of probes) await network.connect(nic.tap);
      try {
        return await work({ probes, without });
      } finally {
        for (const { nic } of probes) await tell(parts, () => network.disconnect(nic.tap));
      }
    });
  } finally {
    for (const { probe } of probes) await tell(parts, () => probe.close());
  }
}

async function openOne({ parts }: Wiring, state: NetworkState, zone: NetworkZone): Promise<PluggedProbe | Plugged['without'][number]> {
  const taken = new Set<string>();
  for (let tries = 1; ; tries++) {
    const plan = planProbe(state, zone, { uid: newUid('g', parts.random), mac: newMac(parts.random) }, taken);
    if (!plan) return { zone: zone.name, why: 'the zone has no free address for a probe' };
    const { nic, addresses, routers, uplink } = plan;
    try {
      const probe = await parts.prober.openProbe({
        uid: nic.guest,
        tap: nic.tap,
        mac: nic.mac,
        mtu,
        addresses,
        routers,
        ...(uplink === undefined ? {} : { uplink }),
      });
      return { zone: zone.name, nic, probe };
    } catch (error) {
      const isTaken = error instanceof CaissonError && error.code === 'conflict';
      if (!isTaken || tries === mostTries) return { zone: zone.name, why: describeError(error) };
      for (const address of nic.addresses) taken.add(address);
    }
  }
}

/** Taking away goes on past failures; what stays is told. */
async function tell({ log }: Wiring['parts'], step: () => Promise<unknown>): Promise<void> {
  await step().catch((error: unknown) => log.error('a probe could not be taken away', { error }));
}
