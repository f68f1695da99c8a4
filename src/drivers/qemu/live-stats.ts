// What a running QEMU uses. The guest's own view of its memory comes by the balloon: QEMU asks the guest only while somebody wants to know, so
// that an idle guest is not woken for figures that nobody reads.
import type { Clock } from '../../lib/clock.ts';
import type { GuestMemoryView, LiveStats, StatsOptions } from '../live-stats.ts';
import type { GuestProcesses } from './guest-processes.ts';
import { readProcessorMs, residentBytes } from './process-stat.ts';
import type { RunningGuest } from './running-guest.ts';

const balloonPath = '/machine/peripheral/balloon0';
/** A guest that runs answers within milliseconds; one under emulation on a busy host takes longer. */
const guestTimeoutMs = 1200;
/** Twice as long after each: a guest that is slow costs seven questions, one that answers one or two. */
const firstLookMs = 10;
/** Between two tries with a guest that does not answer, longer each time. */
const firstRestMs = 5000;
const longestRestMs = 300_000;
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

interface Asking {
  /** Who asks while the guest is being asked gets the same answer. */
  now?: Promise<GuestMemoryView | undefined>;
  /** Of a guest that has not answered: it is not asked again before. */
  restsUntil: number;
  vainMs: number;
}

const asked = new WeakMap<RunningGuest, Asking>();

function readMemory(guest: RunningGuest, clock: Clock): Promise<GuestMemoryView | undefined> {
  const asking = asked.get(guest) ?? { restsUntil: -Infinity, vainMs: 0 };
  asked.set(guest, asking);
  if (!asking.now && clock.monotonic() < asking.restsUntil) return Promise.resolve(undefined);
  asking.now ??= askMemory(guest, clock)
    .then((answer) => {
      asking.vainMs = answer ? 0 : Math.min(Math.max(asking.vainMs * 2, firstRestMs), longestRestMs);
      asking.restsUntil = clock.monotonic() + asking.vainMs;
      return answer;
    })
    .finally(() => delete asking.now);
  return asking.now;
}

/** Undefined when the guest does not answer: it boots, or has no driver. */
async function askMemory(guest: RunningGuest, clock: Clock): Promise<GuestMemoryView | undefined> {
  const get = async () => (await guest.execute('qom-get', { path: balloonPath, property: 'guest-stats' })) as BalloonStats;
  const set = (value: number) => guest.execute('qom-set', { path: balloonPath, property: 'guest-stats-polling-interval', value });
  const updateOf = (seen: BalloonStats) => Number(seen['last-update'] ?? 0);
  const before = updateOf(await get());
  await set(1);
  try {
    const until = clock.monotonic() + guestTimeoutMs;
    for (let pauseMs = firstLookMs; clock.monotonic() < until; pauseMs *= 2) {
      await clock.sleep(pauseMs);
      const seen = await get();
      // Its time has whole seconds: one that is of this second is as good as a new one.
      if (updateOf(seen) !== before || updateOf(seen) >= Math.floor(clock.now() / 1000)) return parseMemoryView(seen.stats);
    }
    return undefined;
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
