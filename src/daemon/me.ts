// What a caller is told about themselves.
import type { Engine } from '../engine/engine.ts';
import { type Caller, callerMay } from '../model/caller.ts';
import type { Me } from '../model/me.ts';
import { type Permission, permissions, type Target } from '../model/rights.ts';

export function describeCaller(caller: Caller, engine: Engine): Me {
  const allowed = (target: Target): Permission[] => permissions.filter((permission) => callerMay(caller, permission, target));
  const site = allowed({ kind: 'site' });
  // Only what is more than on the site: who may everything everywhere is not told of each guest.
  const beyond = (places: { key: string; target: Target }[]) =>
    Object.fromEntries(
      places.map(({ key, target }): [string, Permission[]] => [key, allowed(target)]).filter(([, own]) => own.length > site.length),
    );
  const { users, signIn } = engine.access;
  const user = caller.user === undefined ? undefined : users.get(caller.user);
  const session = caller.session === undefined ? undefined : signIn.endsOf(caller.session);
  return {
    actor: caller.actor,
    ...(user ? { user: user.name, secondFactor: user.secondFactor } : {}),
    ...(user?.fullName === undefined ? {} : { fullName: user.fullName }),
    ...(session ? { session } : {}),
    bindings: [...(caller.rights[0] ?? [])],
    site,
    zones: beyond(engine.zoneNames().map((name) => ({ key: name, target: { kind: 'zone', name } }))),
    guests: beyond(engine.places().map((place) => ({ key: place.uid, target: { kind: 'guest', ...place } }))),
  };
}
