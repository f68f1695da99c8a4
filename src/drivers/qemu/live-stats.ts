// What a running QEMU uses. The guest's own view of its memory comes by the balloon: QEMU asks the guest only while somebody wants to know, so
// that an idle guest is not woken for figures that nobody reads.
import type { Clock } from '../../lib/clock.ts';
import { waitFor } from '../../lib/wait-for.ts';
import type { GuestMemoryView, LiveStats, StatsOptions } from '../live-stats.ts';
import type { GuestProcesses } from './guest-processes.ts';
import { readProcessorMs, residentBytes } from './process-stat.ts';
import type { RunningGuest } from './running-guest.ts';

const balloonPath = '/machine/peripheral/balloon0';
/** A guest that runs answers within milliseconds; one under emulation on a busy host takes longer. */
const guestTimeoutMs = 1500;
/** What QEMU shows for a figure that the guest has not given. */
const unknown = 2 ** 63;

export async function readStats(
  guest: RunningGuest,
  { clock, processes }: { clock: Clock; processes: GuestProcesses },
  { exact }: StatsOptions,
): Promise<LiveStats | undefined> {
  const { pid, uid } = guest.process;
  const [cpuMs, resident, usage, blocks, memory] = await Promise.all([
    readProcessorMs(pid),
    residentBytes(pid),
    processes.usage({ uid, exact }),
    guest.execute('query-blockstats').catch(() => []),
    readMemory(guest, clock).catch(() => undefined),
  ]);
  if (cpuMs === undefined || resident === undefined || usage === undefined) return undefined;
  const { pssBytes, groupBytes, swapBytes } = usage;
  return {
    cpuMs,
    hostBytes: pssBytes ?? resident,
    ...(groupBytes === undefined ? {} : { groupBytes }),
    ...(swapBytes === undefined ? {} : { swapBytes }),
    ...(memory ? { memory } : {}),
    disks: blocks.flatMap(({ qdev, stats }) => {
      const slot = /(?:^|\/)disk(\d+)(?:\/|$)/.exec(qdev ?? '')?.[1];
      if (slot === undefined) return [];
      return [
        {
          slot: Number(slot),
          readBytes: stats.rd_bytes,
          writtenBytes: stats.wr_bytes,
          reads: stats.rd_operations,
          writes: stats.wr_operations,
        },
      ];
    }),
  };
}

interface BalloonStats {
  'last-update'?: unknown;
  stats?: Record<string, unknown>;
}

const asking = new WeakMap<RunningGuest, Promise<GuestMemoryView | undefined>>();

/** Who asks while the guest is being asked gets the same answer. */
function readMemory(guest: RunningGuest, clock: Clock): Promise<GuestMemoryView | undefined> {
  const answer = asking.get(guest) ?? askMemory(guest, clock).finally(() => asking.delete(guest));
  asking.set(guest, answer);
  return answer;
}

async function askMemory(guest: RunningGuest, clock: Clock): Promise<GuestMemoryView | undefined> {
  const get = async () => (await guest.execute('qom-get', { path: balloonPath, property: 'guest-stats' })) as BalloonStats;
  const set = (value: number) => guest.execute('qom-set', { path: balloonPath, property: 'guest-stats-polling-interval', value });
  const before = Number((await get())['last-update'] ?? 0);
  await set(1);
  try {
    // Its time has whole seconds: one that is of this second is as good as a new one.
    const isNew = async () => {
      const now = Number((await get())['last-update'] ?? 0);
      return now !== before || now >= Math.floor(clock.now() / 1000);
    };
    await waitFor('the guest to tell of its memory', isNew, { timeoutMs: guestTimeoutMs, everyMs: 20, clock });
    return parseMemoryView((await get()).stats);
  } finally {
    await set(0);
  }
}

/** Undefined without the two figures that every driver gives. Pure. */
export function parseMemoryView(stats: Record<string, unknown> | undefined): GuestMemoryView | undefined {
  const bytes = (name: string) => {
    const value = stats?.[`stat-${name}`];
    return typeof value === 'number' && value >= 0 && value < unknown ? Math.round(value) : undefined;
  };
  const totalBytes = bytes('total-memory');
  const freeBytes = bytes('free-memory');
  if (totalBytes === undefined || freeBytes === undefined) return undefined;
  const more = {
    availableBytes: bytes('available-memory'),
    cacheBytes: bytes('disk-caches'),
    swappedInBytes: bytes('swap-in'),
    swappedOutBytes: bytes('swap-out'),
  };
  return { totalBytes, freeBytes, ...Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined)) };
}
