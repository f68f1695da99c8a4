// Whether a caller may call an endpoint, decided from the endpoint's row before anything of the request but its path is looked at. What somebody
// may not even see is to them as if it did not exist: the answer is the same as for a name that nobody has.
import type { Access } from '../../api/endpoint.ts';
import { CaissonError } from '../../lib/errors.ts';
import { type Caller, callerMay, targetOfKey } from '../../model/caller.ts';
import { clip } from '../../model/quote.ts';
import type { Permission, Target } from '../../model/rights.ts';
import type { Objects } from './access-control.ts';

const site: Target = { kind: 'site' };

/** Throws `unauthorized` for nobody, `forbidden` for who may not, `not-found` for who may not even see it. */
export async function authorize(caller: Caller, access: Access, params: Readonly<Record<string, string>>, objects: Objects): Promise<void> {
  if (access === 'anybody') return;
  if (caller.actor === 'anonymous') throw new CaissonError('unauthorized', 'sign in first');
  if (access === 'signed-in') return;
  const { permission, on } = access;
  if (on === 'each' || callerMay(caller, permission, site)) return;
  switch (on) {
    case 'site':
      throw forbidden(permission, 'the site');
    case 'user':
      if (params['user'] !== undefined && params['user'] === caller.user && caller.token === undefined) return;
      throw forbidden(permission, 'the site');
    case 'token':
      if (caller.user !== undefined && caller.token === undefined && objects.tokenOwner(params['token'] ?? '') === caller.user) return;
      throw forbidden(permission, 'the site');
    case 'guest': {
      const name = params['guest'] ?? '';
      const place = objects.guest(name);
      return decide(caller, permission, place && [{ kind: 'guest', ...place }], {
        what: `guest “${clip(name, 63)}”`,
        missing: `no guest is called “${clip(name, 63)}”; “caisson guest list” shows all`,
      });
    }
    case 'zone': {
      const name = params['name'] ?? '';
      return decide(caller, permission, [{ kind: 'zone', name }], {
        what: `zone “${clip(name, 63)}”`,
        missing: `no zone is called “${clip(name, 63)}”; “caisson zone list” shows all`,
      });
    }
    case 'job': {
      const uid = params['job'] ?? '';
      const keys = await objects.jobObjects(uid);
      return decide(caller, permission, keys && targetsOf(keys, objects), {
        what: `job ${clip(uid, 63)}`,
        missing: `there is no job ${clip(uid, 63)}, or it is so old that it was forgotten`,
      });
    }
  }
}

/** Whether the caller may change what is named: the guest, else the site. Digests of a wish are for them alone: they would confirm a guessed password. */
export function mayConfigure(caller: Caller, params: Readonly<Record<string, string>>, objects: Objects): boolean {
  if (callerMay(caller, 'configure', site)) return true;
  const place = params['guest'] === undefined ? undefined : objects.guest(params['guest']);
  return place !== undefined && callerMay(caller, 'configure', { kind: 'guest', ...place });
}

/** What something with these keys is about; with none it is about the site. */
export function targetsOf(keys: readonly string[], objects: Objects): Target[] {
  return keys.length === 0 ? [site] : keys.map((key) => targetOfKey(key, (uid) => objects.guest(uid)?.zones ?? []));
}

function decide(caller: Caller, permission: Permission, targets: Target[] | undefined, words: { what: string; missing: string }): void {
  const isAllowed = (wanted: Permission) => targets?.every((target) => callerMay(caller, wanted, target)) ?? false;
  if (isAllowed(permission)) return;
  throw isAllowed('view') ? forbidden(permission, words.what) : new CaissonError('not-found', words.missing);
}

function forbidden(permission: Permission, on: string): CaissonError {
  return new CaissonError(
    'forbidden',
    `you may not do this: it needs the permission “${permission}” on ${on}; an administrator can give you a role`,
    {
      details: { permission },
    },
  );
}
