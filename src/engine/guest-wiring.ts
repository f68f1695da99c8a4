// What everything that works on guests needs: the parts of the engine that they share.
import type { Events } from './events.ts';
import type { GuestBoard } from './guest-board.ts';
import type { ImageService } from './images.ts';
import type { NetworkReconciler } from './network.ts';
import type { EngineParts } from './parts.ts';
import type { Readiness } from './readiness.ts';
import type { SiteStore } from './site-store.ts';

export interface GuestWiring {
  parts: EngineParts;
  site: SiteStore;
  board: GuestBoard;
  events: Events;
  images: ImageService;
  network: NetworkReconciler;
  readiness: Readiness;
}
