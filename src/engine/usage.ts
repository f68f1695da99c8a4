// The history of what guests use: a look a minute at those that run, kept on this host, and what it says about their sizes.
//
// A look costs a question to QEMU and one to the helper for each guest, and the guest one interrupt; so it is slow, and nobody waits for it.
import type { GuestRecord } from '../model/guest-status.ts';
import type { GuestStats } from '../model/guest-stats.ts';
import type { Advice, GuestHistory, Resolution } from '../model/usage.ts';
import { advise } from '../plan/advice.ts';
import type { MinuteSample } from '../store/history.ts';
import { readGuestStats } from './guest-stats.ts';
import type { GuestWiring } from './guest-wiring.ts';

const minuteMs = 60_000;
/** Two looks that are further apart say little about one minute. */
const longestGapMs = 3 * minuteMs;
/** A system with less left than this part of its memory would use more if it had it. */
const shortPart = 0.1;
const advisedDays = 30;
const dayMs = 86_400_000;

export class UsageHistory {
  readonly #w: GuestWiring;
  #last = new Map<string, GuestStats>();

  constructor(wiring: GuestWiring) {
    this.#w = wiring;
  }

  async watch(signal: AbortSignal): Promise<void> {
    const { parts } = this.#w;
    while (!signal.aborted) {
      try {
        await parts.clock.sleep(minuteMs, signal);
        await this.look();
      } catch (error) {
        if (!signal.aborted) parts.log.warn('what guests use could not be noted', { error });
      }
    }
  }

  /** One look: what has been used since the last one becomes a minute of the history. */
  async look(): Promise<void> {
    const { parts, site } = this.#w;
    const now = parts.clock.now();
    const stats = await readGuestStats(this.#w, [...site.guests.values()], { exact: false });
    // One that was deleted while the others were asked leaves nothing.
    const samples = stats.filter(({ uid }) => site.guests.has(uid)).flatMap((one) => sampleOf(this.#last.get(one.uid), one) ?? []);
    this.#last = new Map(stats.map((one) => [one.uid, one]));
    if (samples.length > 0) await parts.history.add(samples, now);
  }

  async read({ uid, name }: GuestRecord, resolution: Resolution): Promise<GuestHistory> {
    return { uid, name, resolution, items: await this.#w.parts.history.read({ uid, resolution }) };
  }

  async advise({ uid, name, spec }: GuestRecord): Promise<Advice> {
    const { clock, history } = this.#w.parts;
    const now = clock.now();
    const hours = await history.read({ uid, resolution: 'hour', from: now - advisedDays * dayMs });
    const { memoryMib, memoryRange, cpus } = spec;
    return advise({ uid, name, memoryMib, memoryRange, cpus }, hours, now);
  }
}

/** Undefined when the two looks are not of one life of the guest, or too far apart. Pure. */
export function sampleOf(before: GuestStats | undefined, now: GuestStats): MinuteSample | undefined {
  if (!before) return undefined;
  const at = Date.parse(now.at);
  const ms = at - Date.parse(before.at);
  if (ms <= 0 || ms > longestGapMs || now.cpuMs < before.cpuMs) return undefined;
  const sum = (stats: GuestStats, kind: 'disks' | 'nics', field: string) =>
    (stats[kind] as readonly object[]).reduce((total, one) => total + Number((one as Record<string, unknown>)[field] ?? 0), 0);
  const kib = (kind: 'disks' | 'nics', field: string) => Math.max(0, Math.round((sum(now, kind, field) - sum(before, kind, field)) / 1024));
  const { guest, groupBytes, hostBytes, promisedMib } = now.memory;
  const mib = (bytes: number) => Math.round(bytes / 1024 / 1024);
  const leftBytes = guest && (guest.availableBytes ?? guest.freeBytes);
  const isShort = guest !== undefined && leftBytes !== undefined && leftBytes < guest.totalBytes * shortPart;
  return {
    uid: now.uid,
    time: Math.floor(Date.parse(before.at) / minuteMs) * minuteMs,
    cpuPermille: Math.round(((now.cpuMs - before.cpuMs) * 1000) / ms),
    ...(guest && leftBytes !== undefined ? { usedMib: mib(guest.totalBytes - leftBytes) } : {}),
    ...(isShort ? { shortOfMib: promisedMib } : {}),
    costMib: mib(groupBytes ?? hostBytes),
    readKib: kib('disks', 'readBytes'),
    writtenKib: kib('disks', 'writtenBytes'),
    receivedKib: kib('nics', 'receivedBytes'),
    sentKib: kib('nics', 'sentBytes'),
  };
}
