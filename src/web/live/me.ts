// Who looks at the page, and what they may: what they may not is not shown.
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Guest } from '../../model/guest-status.ts';
import type { Me } from '../../model/me.ts';
import type { Permission } from '../../model/rights.ts';
import { CaissonError } from '../../lib/errors.ts';

export const MeContext = createContext<Me | undefined>(undefined);

export function useMe(): Me {
  const me = useContext(MeContext);
  if (!me) throw new CaissonError('internal', 'nobody is signed in above this component');
  return me;
}

/** On a guest: by the site, one of its zones, or the guest itself. */
export function mayOnGuest(me: Me, permission: Permission, { uid, spec }: Pick<Guest, 'uid' | 'spec'>): boolean {
  const allowed = [me.site, me.guests[uid] ?? [], ...spec.nics.map(({ zone }) => me.zones[zone] ?? [])];
  return allowed.some((permissions) => permissions.includes(permission));
}

const configures: ReadonlySet<string> = new Set(['delete', 'rename']);

/** The actions of a guest that are legal now and that this person may do. */
export function actionsFor(me: Me, guest: Pick<Guest, 'uid' | 'spec' | 'actions'>): string[] {
  return guest.actions.filter((action) => mayOnGuest(me, configures.has(action) ? 'configure' : 'operate', guest));
}
