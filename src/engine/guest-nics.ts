// Nics of guests that run are connected, and those of guests that do not are not: mends what a daemon that died in the middle of a start left.
import { guestNics, tapsOfProcess } from '../plan/machine.ts';
import type { GuestWiring } from './guest-wiring.ts';

const withProcess = new Set(['running', 'paused', 'halted', 'unresponsive']);
const withoutProcess = new Set(['stopped', 'crashed']);

/** Guests that somebody is working on are left to him. What fails is tried again the next time. */
export async function connectRunning({ site, board, parts, network }: GuestWiring, isBusy: (uid: string) => boolean): Promise<void> {
  const up = new Set((await parts.network.observe()).taps);
  for (const record of site.guests.values()) {
    const wished = new Set(guestNics(record).map(({ tap }) => tap));
    for (const tap of tapsOfProcess(record)) {
      const { power } = board.get(record.uid);
      if (isBusy(record.uid)) continue;
      try {
        if (withProcess.has(power) && wished.has(tap) && !up.has(tap)) await network.connect(tap);
        else if (withoutProcess.has(power) && up.has(tap)) await network.disconnect(tap);
      } catch (error) {
        parts.log.warn('the nic of a guest could not be brought to what it should be', { uid: record.uid, tap, error });
      }
    }
  }
}
