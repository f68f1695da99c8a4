// What a caller sees of lists: those rows of the table that are for everybody (`each`) hold what the caller has the permission on. Who may see the
// site sees everything, and nothing is looked up.
import type { Engine } from '../engine/engine.ts';
import type { Event } from '../model/event.ts';
import { type Caller, callerMay, targetOfKey } from '../model/caller.ts';
import type { FlowView, FlowVisitor } from '../model/flow-view.ts';
import type { Guest } from '../model/guest-status.ts';
import type { ImageView } from '../model/image-view.ts';
import type { Job } from '../model/job.ts';
import { siteWithoutPrivateTexts, withoutPrivateTexts } from '../model/private-texts.ts';
import type { Target } from '../model/rights.ts';
import type { Site } from '../model/site.ts';
import type { Token } from '../model/token.ts';

/** Ends that are nobody’s guest. */
const everybodysEnds = new Set(['world', 'host']);

export class Sight {
  readonly #caller: Caller;
  readonly #engine: Engine;
  /** Nothing is hidden. */
  readonly everything: boolean;
  readonly #audits: boolean;

  constructor(caller: Caller, engine: Engine) {
    this.#caller = caller;
    this.#engine = engine;
    this.everything = callerMay(caller, 'view', { kind: 'site' });
    this.#audits = callerMay(caller, 'audit', { kind: 'site' });
  }

  get seesAllEvents(): boolean {
    return this.everything && this.#audits;
  }

  /** For guests: undefined where nothing is left out. */
  get guestFilter(): ((uid: string) => boolean) | undefined {
    return this.everything ? undefined : (uid) => this.guest(uid);
  }

  /** For guests whose private texts are not for this caller: undefined where they all are. */
  get veiledFilter(): ((uid: string) => boolean) | undefined {
    return this.#mayConfigure({ kind: 'site' }) ? undefined : (uid) => !this.#configures(uid);
  }

  veil(guest: Guest): Guest {
    return this.#configures(guest.uid) ? guest : withoutPrivateTexts(guest);
  }

  veilSite(site: Site): Site {
    return this.#mayConfigure({ kind: 'site' }) ? site : siteWithoutPrivateTexts(site);
  }

  #configures(uid: string): boolean {
    const place = this.#engine.placeOf(uid);
    return this.#mayConfigure(place ? { kind: 'guest', ...place } : { kind: 'site' });
  }

  #mayConfigure(target: Target): boolean {
    return callerMay(this.#caller, 'configure', target);
  }

  guest(nameOrUid: string): boolean {
    if (this.everything) return true;
    const place = this.#engine.placeOf(nameOrUid);
    return place !== undefined && this.#sees({ kind: 'guest', ...place });
  }

  zone(name: string): boolean {
    return this.#sees({ kind: 'zone', name });
  }

  /** A flow whose guests, on both sides, are all to be seen, and one of them at least. */
  flow({ sources, targets }: FlowView): boolean {
    const guests = [...sources, ...targets];
    return this.everything || (guests.length > 0 && guests.every((name) => this.guest(name)));
  }

  /** Guests that are not to be seen do not even have a name. */
  visitor({ from }: FlowVisitor): boolean {
    return this.everything || everybodysEnds.has(from) || this.#engine.placeOf(from) === undefined || this.guest(from);
  }

  /** Images that are built in, and those that its guests are made from. */
  image(image: ImageView): ImageView | undefined {
    if (this.everything) return image;
    const guests = image.guests.filter((name) => this.guest(name));
    return image.builtIn || guests.length > 0 ? { ...image, guests } : undefined;
  }

  job({ objects }: Job): boolean {
    return this.everything || (objects.length > 0 && objects.every((key) => this.#key(key)));
  }

  /** What happened to users and tokens is for those who audit. */
  event({ object }: Event): boolean {
    if (object !== undefined && /^(?:user|token)\//.test(object)) return this.#audits;
    return this.everything || (object !== undefined && this.#key(object));
  }

  /** Also those that belong to oneself. */
  token({ owner }: Token): boolean {
    return this.#audits || (owner !== undefined && owner === this.#caller.user);
  }

  #key(key: string): boolean {
    return this.#sees(targetOfKey(key, (uid) => this.#engine.placeOf(uid)?.zones ?? []));
  }

  #sees(target: Target): boolean {
    return this.everything || callerMay(this.#caller, 'view', target);
  }
}

const page = 500;

/** The first `limit` items that are to be seen, read in pages, each after the last item of the one before. */
export async function firstSeen<T>(
  limit: number,
  read: (after: T | undefined, count: number) => Promise<T[]>,
  isSeen: (item: T) => boolean,
): Promise<T[]> {
  const seen: T[] = [];
  let last: T | undefined;
  for (;;) {
    const items = await read(last, page);
    seen.push(...items.filter(isSeen));
    last = items.at(-1);
    if (items.length < page || seen.length >= limit) return seen.slice(0, limit);
  }
}
