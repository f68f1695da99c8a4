// What guests use: asked of the hypervisor, and of the host for their nics, at the moment when somebody wants to know.
import type { NicCounters } from '../drivers/host-sensors.ts';
import type { StatsOptions } from '../drivers/live-stats.ts';
import type { GuestRecord } from '../model/guest-status.ts';
import type { GuestStats } from '../model/guest-stats.ts';
import type { GuestWiring } from './guest-wiring.ts';

/** QEMU processes that are asked at the same time. */
const atOnce = 8;

/** Those of the given guests that run, in their order. */
export async function readGuestStats(w: GuestWiring, records: readonly GuestRecord[], options: StatsOptions): Promise<GuestStats[]> {
  const running = records.filter(({ uid }) => w.board.get(uid).pid !== undefined);
  const nics = running.length > 0 ? await w.parts.sensors.nics() : new Map<string, NicCounters>();
  const found = new Map<string, GuestStats>();
  const waiting = running.values();
  const work = async () => {
    for (const record of waiting) {
      const stats = await readOne(w, record, nics, options);
      if (stats) found.set(record.uid, stats);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return running.flatMap(({ uid }) => found.get(uid) ?? []);
}

async function readOne(
  { board, parts }: GuestWiring,
  record: GuestRecord,
  nics: ReadonlyMap<string, NicCounters>,
  options: StatsOptions,
): Promise<GuestStats | undefined> {
  const { uid, name, hardware, spec } = record;
  const stats = await parts.hypervisor.stats(uid, options);
  if (!stats) return undefined;
  const { has } = board.get(uid);
  const { cpuMs, hostBytes, groupBytes, swapBytes, memory, disks } = stats;
  const names = new Map(Object.entries(hardware.diskSlots).map(([disk, slot]) => [slot, disk]));
  return {
    uid,
    name,
    at: board.now(),
    cpuMs,
    cpus: has?.cpus ?? spec.cpus,
    memory: {
      promisedMib: has?.promisedMib ?? spec.memoryMib,
      hostBytes,
      ...(groupBytes === undefined ? {} : { groupBytes }),
      ...(swapBytes === undefined ? {} : { swapBytes }),
      ...(memory ? { guest: memory } : {}),
    },
    disks: disks.map(({ slot, ...counters }) => ({ name: names.get(slot) ?? String(slot), ...counters })),
    // What the host has received is what the guest has sent.
    nics: board.view(record).status.nics.flatMap(({ tap }) => {
      const counters = nics.get(tap);
      if (!counters) return [];
      return [
        {
          tap,
          receivedBytes: counters.sentBytes,
          sentBytes: counters.receivedBytes,
          receivedPackets: counters.sentPackets,
          sentPackets: counters.receivedPackets,
        },
      ];
    }),
  };
}
