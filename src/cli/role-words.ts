// Roles as they are typed and shown: `operator`, `operator@zone:external`, `viewer@guest:web`.
import type { Client } from '../api/client.ts';
import { CaissonError } from '../lib/errors.ts';
import { type Role, type RoleBinding, roles, scopeText } from '../model/rights.ts';

/** Throws `invalid`. Whether there is such a zone or guest, the daemon says. */
export function readBinding(text: string): { role: Role; on: string } {
  const [role = '', ...rest] = text.split('@');
  if (!(roles as readonly string[]).includes(role) || rest.length > 1 || rest[0] === '')
    throw new CaissonError(
      'invalid',
      `“${text}” is not a role: expected is one of ${roles.join(', ')}, alone or with @zone:NAME or @guest:NAME`,
    );
  return { role: role as Role, on: rest[0] ?? 'site' };
}

export function bindingText({ role, on }: RoleBinding, names: ReadonlyMap<string, string>): string {
  return on === 'site' ? role : `${role}@${scopeText(on, (uid) => names.get(uid))}`;
}

/** The name of each guest by its uid, as far as the caller may see them. */
export async function guestNames(client: Client): Promise<ReadonlyMap<string, string>> {
  const { items } = await client.call('guestList');
  return new Map(items.map(({ uid, name }) => [uid, name]));
}
