// What the HTTP side asks about callers and objects, answered by the engine.
import type { Engine } from '../engine/engine.ts';
import { CaissonError } from '../lib/errors.ts';
import { tokenFileCaller } from '../model/caller.ts';
import type { AccessControl } from './http/access-control.ts';

export function createAccessControl(engine: Engine): AccessControl {
  return {
    identify: () => undefined,
    tokenFile: () => tokenFileCaller,
    current: (caller) => caller,
    onChange: (listener) => engine.onSiteChange(listener),
    objects: {
      guest: (nameOrUid) => engine.placeOf(nameOrUid),
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
