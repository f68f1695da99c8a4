// The contract of who examines the host: what `caisson doctor` finds there, in the host's own network. Implemented by `helper-client/` and `fake/`.
import type { HostCheck } from '../model/host-check.ts';

export interface HostDoctor {
  /** Takes seconds, and changes nothing. */
  examine(signal: AbortSignal): Promise<HostCheck[]>;
}
