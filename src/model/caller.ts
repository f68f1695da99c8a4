// Who makes a request, and what they may: found once for each request, asked again while a stream of theirs is open.
import type { Actor } from './actor.ts';
import { may, type Permission, type RoleBinding, type Target } from './rights.ts';

export interface Caller {
  actor: Actor;
  /** Allowed is what every one of these lists allows: a token's own, and those of the user whom it belongs to. None: nothing. */
  rights: readonly (readonly RoleBinding[])[];
  /** The user behind it; none behind the socket, the token file and tokens that belong to nobody. */
  user?: string;
  /** The session, by the digest of its secret. */
  session?: string;
  /** A browser showed it by itself, whoever made it send the request. */
  byCookie?: true;
  /** The name of the API token. */
  token?: string;
}

const everything: Caller['rights'] = [[{ role: 'administrator', on: 'site' }]];

/** Who can open the unix socket: the host's administrator. */
export const localCaller: Caller = { actor: 'local', rights: everything };

/** Who shows the token of the file `api-token`. */
export const tokenFileCaller: Caller = { actor: 'token', rights: everything };

/** Nobody that is known. */
export const anonymousCaller: Caller = { actor: 'anonymous', rights: [] };

export function callerMay({ rights }: Caller, permission: Permission, target: Target): boolean {
  return rights.length > 0 && rights.every((bindings) => may(bindings, permission, target));
}

/** What store keys (`guest/UID`, `zone/NAME`, `network`, …) stand for; of a guest that is gone only its uid is known. */
export function targetOfKey(key: string, zonesOf: (uid: string) => readonly string[]): Target {
  const [kind, name = ''] = key.split('/');
  if (kind === 'guest') return { kind: 'guest', uid: name, zones: zonesOf(name) };
  return kind === 'zone' && name !== '' ? { kind: 'zone', name } : { kind: 'site' };
}
