// The history of tests and simulated hosts.
import { CaissonError } from '../../lib/errors.ts';
import { resolutions, type Usage } from '../../model/usage.ts';
import { type History, type HistoryRange, keptSlots, type MinuteSample, slotMs } from '../history.ts';
import { rollUp, usageOfMinute } from '../roll-up.ts';

export class MemoryHistory implements History {
  /** `RESOLUTION/uid` → usage by time. */
  readonly #slots = new Map<string, Map<number, Usage>>();
  #closed = false;

  async add(samples: readonly MinuteSample[], now: number): Promise<void> {
    this.#use();
    const uids = new Set(samples.map(({ uid }) => uid));
    for (const sample of samples) this.#of('minute', sample.uid).set(sample.time, usageOfMinute(sample));
    for (const uid of uids) {
      this.#roll(uid, 'minute', 'hour', now);
      this.#roll(uid, 'hour', 'day', now);
    }
    for (const [key, slots] of this.#slots) {
      const resolution = resolutions.find((one) => key.startsWith(`${one}/`)) ?? 'minute';
      const oldest = now - keptSlots[resolution] * slotMs[resolution];
      for (const time of slots.keys()) if (time < oldest) slots.delete(time);
    }
  }

  async read({ uid, resolution, from = 0 }: HistoryRange): Promise<Usage[]> {
    this.#use();
    const slots = [...this.#of(resolution, uid).values()].filter(({ time }) => time >= from);
    return structuredClone(slots.toSorted((a, b) => a.time - b.time));
  }

  async forget(uid: string): Promise<void> {
    this.#use();
    for (const resolution of resolutions) this.#slots.delete(`${resolution}/${uid}`);
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #of(resolution: string, uid: string): Map<number, Usage> {
    const key = `${resolution}/${uid}`;
    const slots = this.#slots.get(key) ?? new Map<number, Usage>();
    this.#slots.set(key, slots);
    return slots;
  }

  /** What is over and not there yet. */
  #roll(uid: string, from: 'minute' | 'hour', to: 'hour' | 'day', now: number): void {
    const target = this.#of(to, uid);
    const groups = Map.groupBy(this.#of(from, uid).values(), ({ time }) => Math.floor(time / slotMs[to]) * slotMs[to]);
    for (const [time, parts] of groups) if (time + slotMs[to] <= now && !target.has(time)) target.set(time, rollUp(time, parts));
  }

  #use(): void {
    if (this.#closed) throw new CaissonError('unavailable', 'the history is closed');
  }
}
