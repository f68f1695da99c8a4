// What the engine is made of: the world, the store, time and chance, each behind its contract.
import type { Clock } from '../lib/clock.ts';
import type { RandomSource } from '../lib/ids.ts';
import type { Log } from '../lib/log.ts';
import type { GuestFiles } from '../drivers/guest-files.ts';
import type { HostDoctor } from '../drivers/host-doctor.ts';
import type { HostSensors } from '../drivers/host-sensors.ts';
import type { Hypervisor } from '../drivers/hypervisor.ts';
import type { IdentityProvider } from '../drivers/identity-provider.ts';
import type { Images } from '../drivers/images.ts';
import type { Network } from '../drivers/network.ts';
import type { Prober } from '../drivers/prober.ts';
import type { History } from '../store/history.ts';
import type { Journal } from '../store/journal.ts';
import type { Store } from '../store/store.ts';

export interface HostIdentity {
  uid: string;
  name: string;
  version: string;
  dataDirectory: string;
  /** Another after each start of the host. */
  bootId: string;
  /** Network namespace of the guests; absent: the host's own. */
  netns?: string;
  /** Unix user ids that guests may have. */
  userIds: { base: number; count: number };
  cpus: number;
  memoryMib: number;
  /** Memory kept for the host itself. */
  reserveMib: number;
  /** Guests that may boot at the same time; absent: as many as the processors suggest. */
  startsAtOnce?: number;
}

export interface EngineParts {
  host: HostIdentity;
  store: Store;
  journal: Journal;
  history: History;
  hypervisor: Hypervisor;
  network: Network;
  images: Images;
  guestFiles: GuestFiles;
  prober: Prober;
  sensors: HostSensors;
  doctor: HostDoctor;
  identityProvider: IdentityProvider;
  clock: Clock;
  random: RandomSource;
  log: Log;
}
