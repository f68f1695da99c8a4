// Whether the agent of a running guest answers, as `status.agent`: asked for with patience while the guest boots, now and then later. Guests
// whose readiness is asked of their agent are not asked here.
import type { GuestBoard } from './guest-board.ts';
import type { EngineParts } from './parts.ts';

const askMs = 10_000;
const everyMs = 30_000;
/** One that is busy for a moment is not silent. */
export const missesUntilSilent = 2;

export class GuestAgents {
  readonly #parts: Pick<EngineParts, 'hypervisor' | 'clock'>;
  readonly #board: GuestBoard;

  constructor(parts: Pick<EngineParts, 'hypervisor' | 'clock'>, board: GuestBoard) {
    this.#parts = parts;
    this.#board = board;
  }

  /** Until the signal aborts; never throws. */
  async watch(uid: string, signal: AbortSignal): Promise<void> {
    const { hypervisor, clock } = this.#parts;
    let misses = 0;
    this.#board.set(uid, { agent: 'unknown' });
    while (!signal.aborted) {
      const answers = await hypervisor
        .agent(uid)
        .ping(askMs)
        .then(
          () => true,
          () => false,
        );
      if (signal.aborted) return;
      misses = answers ? 0 : misses + 1;
      if (answers) this.#board.set(uid, { agent: 'answers' });
      else if (misses >= missesUntilSilent) this.#board.set(uid, { agent: 'silent' });
      await clock.sleep(answers || misses >= missesUntilSilent ? everyMs : 250, signal).catch(() => undefined);
    }
  }
}
