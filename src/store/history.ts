// The contract of the history: what guests have used, minute by minute, and of older times by hour and by day. Local to the host, bounded, and never
// the truth about anything: losing it loses figures. Implemented by `sqlite/` and `memory/`; both pass test/contract/history.contract.ts.
import type { Resolution, Usage } from '../model/usage.ts';

/** What one guest used in one minute. */
export interface MinuteSample {
  uid: string;
  /** Beginning of the minute, milliseconds since the epoch. */
  time: number;
  /** Thousandths of a processor. */
  cpuPermille: number;
  /** Memory that its system uses, as it says; absent where it does not. */
  usedMib?: number;
  /** What it was given, in a minute in which its system had less than a tenth of its memory left. */
  shortOfMib?: number;
  /** What it costs the host. */
  costMib: number;
  readKib: number;
  writtenKib: number;
  receivedKib: number;
  sentKib: number;
}

export const slotMs: Record<Resolution, number> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/** How many slots are kept: two days of minutes, 60 days of hours, two years of days. */
export const keptSlots: Record<Resolution, number> = { minute: 2 * 1440, hour: 60 * 24, day: 2 * 366 };

export interface HistoryRange {
  uid: string;
  resolution: Resolution;
  /** Milliseconds since the epoch, inclusive; absent: all that is kept. */
  from?: number;
}

export interface History {
  /** Adds minutes, makes hours and days of those that are over, and forgets what is too old. */
  add(samples: readonly MinuteSample[], now: number): Promise<void>;
  /** Oldest first. */
  read(range: HistoryRange): Promise<Usage[]>;
  /** Of a guest that is gone. */
  forget(uid: string): Promise<void>;
  close(): Promise<void>;
}
