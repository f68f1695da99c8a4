// What the HTTP side asks about callers and objects, answered by the engine.
import type { Engine } from '../engine/engine.ts';
import { CaissonError } from '../lib/errors.ts';
import type { AccessControl } from './http/access-control.ts';

/** After a change of the site, what is open is looked at once for all changes in this time. */
const siteChangeMs = 200;

export function createAccessControl(engine: Engine): AccessControl {
  const { access } = engine;
  return {
    identify: (shown, address) => access.identify(shown, address),
    tokenFile: () => access.tokenFile(),
    current: (caller) => access.current(caller),
    redeemTicket: (ticket, { guest, kind }, caller) => access.redeemTicket(ticket, { guest: engine.placeOf(guest)?.uid, kind }, caller),
    onChange(listener) {
      // A guest that moved to another zone takes rights along; of the thousand changes of an apply every one would be looked at by every stream.
      let waiting: NodeJS.Timeout | undefined;
      const later = () => {
        waiting ??= setTimeout(() => {
          waiting = undefined;
          listener();
        }, siteChangeMs);
      };
      const stops = [access.onChange(listener), engine.onSiteChange(later), () => clearTimeout(waiting)];
      return () => stops.forEach((stop) => stop());
    },
    objects: {
      guest: (nameOrUid) => engine.placeOf(nameOrUid),
      tokenOwner: (name) => access.tokens.ownerOf(name),
      jobObjects: (uid) =>
        engine.jobs.get(uid).then(
          (job) => job.objects,
          (error: unknown) => {
            if (error instanceof CaissonError && error.code === 'not-found') return undefined;
            throw error;
          },
        ),
    },
  };
}
