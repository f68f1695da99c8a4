// The nics of a guest that runs come and go. The rules of the wish are in force before a new one's tap is connected, as at a start; what
// its process may have of taps is written down before it has it, so that nothing is left of one that ends meanwhile.
import { CaissonError } from '../lib/errors.ts';
import type { LiveHardware } from '../drivers/live-hardware.ts';
import type { GuestRecord } from '../model/guest-status.ts';
import { guestNics, machineNic, tapsOfProcess } from '../plan/machine.ts';
import type { GuestWiring } from './guest-wiring.ts';

/** For a guest to let go of a nic that could not be connected. */
const undoTimeoutMs = 20_000;

/**
 * The wished nic of that index. Nothing is left of one that cannot be connected; where the guest keeps it all the same, it is connected
 * as soon as that works, as every nic of a guest that runs.
 */
export async function attachNic({ site, network }: GuestWiring, record: GuestRecord, hardware: LiveHardware, index: number): Promise<void> {
  const nic = guestNics(record)[index];
  if (!nic) throw new CaissonError('internal', `guest ${record.name} has no nic ${index}`);
  const { tap } = nic;
  await network.ensure();
  const taps = tapsOfProcess(site.guest(record.uid));
  if (!taps.includes(tap)) await site.updateGuest(record.uid, { tapsAtStart: [...taps, tap] });
  // Left by an attempt that died in the middle.
  await network.disconnect(tap);
  await hardware.attachNic(machineNic(nic), { userId: record.userId });
  try {
    await network.connect(tap);
  } catch (error) {
    if (await hardware.detachNic(nic, undoTimeoutMs)) await network.disconnect(tap);
    throw error;
  }
}

/** Once the process has no nic any more that is not wished, their taps go. */
export async function dropOldTaps(
  { site, network }: GuestWiring,
  record: GuestRecord,
  { nics }: { nics: readonly number[] },
): Promise<void> {
  if (nics.some((slot) => !record.hardware.nicSlots.includes(slot))) return;
  const wished = guestNics(record).map(({ tap }) => tap);
  const taps = tapsOfProcess(record);
  const old = taps.filter((tap) => !wished.includes(tap));
  if (old.length === 0) return;
  for (const tap of old) await network.disconnect(tap);
  await site.updateGuest(record.uid, { tapsAtStart: taps.filter((tap) => wished.includes(tap)) });
}
