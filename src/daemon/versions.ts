// The versions of the wish, as the engine has it. Made anew only after it was changed: a guest is asked for thousands of times between two changes.
import type { Engine } from '../engine/engine.ts';
import { guestVersion, objectVersion, siteVersion, type WishVersion } from '../plan/wish-version.ts';
import type { Versions } from './http/preconditions.ts';

export function createVersions(engine: Engine): Versions {
  const guests = new WeakMap<object, { name: string; version: WishVersion }>();
  return {
    site: () => siteVersion(engine.site().site),
    guest(nameOrUid) {
      const { name, spec } = engine.guestWish(nameOrUid);
      const known = guests.get(spec);
      if (known?.name === name) return known.version;
      const version = guestVersion({ name, spec });
      guests.set(spec, { name, version });
      return version;
    },
    zone: (name) => objectVersion(engine.zoneWish(name)),
    image: (name) => objectVersion(engine.imageWish(name)),
    user(name) {
      const { fullName, enabled, bindings } = engine.access.users.get(name);
      return objectVersion({ fullName, enabled, bindings });
    },
  };
}
