// Two looks at what guests use → rates, as people read them. Pure.
import type { GuestStats } from '../model/guest-stats.ts';

export interface GuestRates {
  uid: string;
  name: string;
  /** Of one processor: 1.5 is one and a half. */
  cpu: number;
  cpus: number;
  memory: GuestStats['memory'];
  diskReadBytesPerS: number;
  diskWrittenBytesPerS: number;
  netReceivedBytesPerS: number;
  netSentBytesPerS: number;
}

/** Of guests that are in both, the busiest first. A counter that has gone back belongs to a guest that was started anew: zero. */
export function ratesOf(before: readonly GuestStats[], after: readonly GuestStats[]): GuestRates[] {
  const earlier = new Map(before.map((stats) => [stats.uid, stats]));
  const rates = after.flatMap((now) => {
    const was = earlier.get(now.uid);
    const ms = was ? Date.parse(now.at) - Date.parse(was.at) : 0;
    if (!was || ms <= 0) return [];
    const sum = <T>(items: readonly T[], value: (item: T) => number) => items.reduce((total, item) => total + value(item), 0);
    const perSecond = (of: (stats: GuestStats) => number) => Math.round((Math.max(0, of(now) - of(was)) * 1000) / ms);
    return [
      {
        uid: now.uid,
        name: now.name,
        cpu: Math.max(0, now.cpuMs - was.cpuMs) / ms,
        cpus: now.cpus,
        memory: now.memory,
        diskReadBytesPerS: perSecond(({ disks }) => sum(disks, (disk) => disk.readBytes)),
        diskWrittenBytesPerS: perSecond(({ disks }) => sum(disks, (disk) => disk.writtenBytes)),
        netReceivedBytesPerS: perSecond(({ nics }) => sum(nics, (nic) => nic.receivedBytes)),
        netSentBytesPerS: perSecond(({ nics }) => sum(nics, (nic) => nic.sentBytes)),
      },
    ];
  });
  return rates.toSorted((a, b) => b.cpu - a.cpu || (a.name < b.name ? -1 : 1));
}
