// Who may do what: roles, what they are bound to, and the one function that decides. Pure and without schemas: the server asks it for every request,
// faces ask it to show only what will be allowed.
//
// | | view | operate | configure | audit | administer |
// | --- | --- | --- | --- | --- | --- |
// | viewer | ✓ | | | | |
// | operator | ✓ | ✓ | | | |
// | administrator | ✓ | ✓ | ✓ | ✓ | ✓ |
// | auditor | ✓ | | | ✓ | |

export const roles = ['viewer', 'operator', 'administrator', 'auditor'] as const;
export type Role = (typeof roles)[number];

/**
 * `view`: see it. `operate`: start, stop, its consoles; nothing that stays. `configure`: change what is wanted. `audit`: read who did what, and the
 * evidence of the security rules. `administer`: users and what they may.
 */
export const permissions = ['view', 'operate', 'configure', 'audit', 'administer'] as const;
export type Permission = (typeof permissions)[number];

/** What a role is bound to: `site`, `zone:NAME`, `guest:UID`. A guest's uid, so that the binding follows a new name and never fits another guest. */
export type Scope = 'site' | `zone:${string}` | `guest:${string}`;

/** Of the guest that it is bound to. */
export function guestUidOf(scope: string): string | undefined {
  return /^guest:(g[a-hjkmnp-z2-9]{10})$/.exec(scope)?.[1];
}

/** As people name it: a guest by its name, and by its uid once it is gone. What is no scope stays as it is. */
export function scopeText(scope: string, guestName: (uid: string) => string | undefined): string {
  const uid = guestUidOf(scope);
  return uid === undefined ? scope : `guest:${guestName(uid) ?? `${uid} (deleted)`}`;
}

export interface RoleBinding {
  role: Role;
  on: Scope;
}

const granted: Readonly<Record<Role, readonly Permission[]>> = {
  viewer: ['view'],
  operator: ['view', 'operate'],
  administrator: permissions,
  auditor: ['view', 'audit'],
};

/** What somebody wants to do something to. A guest belongs to the zones of all its nics. */
export type Target = { kind: 'site' } | { kind: 'zone'; name: string } | { kind: 'guest'; uid: string; zones: readonly string[] };

/**
 * Whether these bindings allow it. A binding to the site counts for everything in it; one to a zone for a guest only if every zone that the
 * guest has a nic in is bound so too, since what is done to the guest is done to all of them.
 */
export function may(bindings: readonly RoleBinding[], permission: Permission, target: Target): boolean {
  const isGranted = (scope: Scope) => bindings.some((binding) => binding.on === scope && granted[binding.role].includes(permission));
  if (isGranted('site')) return true;
  switch (target.kind) {
    case 'site':
      return false;
    case 'zone':
      return isGranted(`zone:${target.name}`);
    case 'guest':
      return isGranted(`guest:${target.uid}`) || (target.zones.length > 0 && target.zones.every((zone) => isGranted(`zone:${zone}`)));
  }
}
