// Does the host itself run short of memory, or of space on its disks? Guests are admitted so that it does not; but other programs use memory too. Told before it hurts: when
// programs begin to wait for memory, when little is left, when something was swapped out. Told once, until it is over.
import type { MemoryPressure } from '../drivers/host-sensors.ts';
import type { Events } from './events.ts';
import { HostDisks } from './host-disks.ts';
import type { EngineParts } from './parts.ts';

const everyMs = 30_000;
/** Of ten seconds, the part in which some program waited. */
const waitingPart = 0.1;
/** Of the reserve, what should at least be left. */
const leastPart = 0.25;

export class HostPressure {
  readonly #parts: EngineParts;
  readonly #events: Events;
  readonly #disks: HostDisks;
  #isLow = false;

  constructor(options: { parts: EngineParts; events: Events }) {
    this.#parts = options.parts;
    this.#events = options.events;
    this.#disks = new HostDisks(options);
  }

  async watch(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts;
    while (!signal.aborted) {
      try {
        await clock.sleep(everyMs, signal);
        await this.look();
        await this.#disks.look();
      } catch (error) {
        if (!signal.aborted) log.warn('memory and disks of the host could not be looked at', { error });
      }
    }
  }

  async look(): Promise<void> {
    const { sensors, host } = this.#parts;
    const why = shortOf(await sensors.memory(), host.reserveMib);
    if (why !== undefined && !this.#isLow)
      this.#events.emit({ kind: 'host-memory-low', severity: 'warning', message: `the host runs short of memory: ${why}` });
    if (why === undefined && this.#isLow) this.#events.emit({ kind: 'host-memory-low', message: 'the host has enough memory again' });
    this.#isLow = why !== undefined;
  }
}

/** Why the host runs short of memory; undefined when it does not. Pure. */
export function shortOf({ availableMib, swapUsedMib, waiting }: MemoryPressure, reserveMib: number): string | undefined {
  const figure = (mib: number) => mib.toLocaleString('en');
  if (waiting && waiting.some >= waitingPart)
    return `programs have waited for memory in ${Math.round(waiting.some * 100)} % of the last ten seconds; ${figure(availableMib)} MiB are available`;
  if (availableMib < reserveMib * leastPart)
    return `${figure(availableMib)} MiB are available, of ${figure(reserveMib)} that are kept for the host itself; end programs beside the guests, or give guests less`;
  if (waiting && waiting.full > 0 && swapUsedMib > 0) return `${figure(swapUsedMib)} MiB are in its swap, and programs wait for them`;
  return undefined;
}
