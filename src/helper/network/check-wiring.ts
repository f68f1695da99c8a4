// Looks whether the kernel has what zones and nics were given, and changes nothing.
import { CaissonError } from '../../lib/errors.ts';
import type { WiringArgs } from '../../model/network-helper.ts';
import { checkUplinks } from './check-uplinks.ts';
import type { GuestsNamespace } from './guests-namespace.ts';
import { readKernelState } from './kernel-state.ts';
import { findMissing } from './wiring.ts';

/** Enough to see what has happened. */
const most = 20;

export async function checkWiringOf(namespace: GuestsNamespace, wanted: WiringArgs): Promise<string[]> {
  const state = await readKernelState(namespace);
  try {
    await checkUplinks(namespace, wanted.zones, state.links);
  } catch (error) {
    if (error instanceof CaissonError) return [error.message];
    throw error;
  }
  return findMissing({ ...wanted, isOwn: namespace.isOwn }, state).slice(0, most);
}
