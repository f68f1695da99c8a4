// What one attack is: frames that must come out nowhere, and the guard without which they would.
import type { Mark } from './wire.ts';

export interface Scene {
  mark: Mark;
  /** Whom the frames are addressed to on the wire: the victim, the host, or everybody. */
  to: string;
}

export interface Attack {
  name: string;
  /** The attacker: a guest, or a machine beyond the uplink. */
  from: 'mallory' | 'trudy' | 'web' | 'world';
  frames(scene: Scene): Uint8Array[];
  /** The host itself must listen to such frames, and believe none of them: neighbour discovery, and what comes by its uplink. */
  hostListens?: true;
  /** These come out too when the rules are gone: the names of who hears them then. Absent: the routed network itself has no way for them. */
  withoutRules?: string[];
}
