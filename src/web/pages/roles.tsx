// Roles and what they are on, in words and as fields: the site, a zone, a guest.
import { useCallback } from 'preact/hooks';
import { guestUidOf, type Role, type RoleBinding, roles } from '../../model/rights.ts';
import { guests, zones } from '../live/resources.ts';
import { useResource } from '../live/use-live.ts';
import { useWords } from '../words/use-words.ts';

/** `operator: zone external`; a guest by its name, and said to be gone where there is none any more. */
export function useBindingText(): (binding: RoleBinding) => string {
  const { words } = useWords();
  const { value } = useResource(guests);
  return useCallback(
    ({ role, on }) => {
      if (on === 'site') return words.may(words.roleNames[role], words.onSite);
      const uid = guestUidOf(on);
      if (uid === undefined) return words.may(words.roleNames[role], words.onZone(on.slice('zone:'.length)));
      const guest = value?.items.find((each) => each.uid === uid);
      return words.may(words.roleNames[role], value && !guest ? words.onDeletedGuest(uid) : words.onGuest(guest?.name ?? uid));
    },
    [words, value],
  );
}

export function RoleSelect({ value, onChange }: { value: Role; onChange: (role: Role) => void }) {
  const { words } = useWords();
  return (
    <label>
      {words.role}
      <select value={value} onChange={(event) => onChange(event.currentTarget.value as Role)}>
        {roles.map((role) => (
          <option key={role} value={role}>
            {words.roleNames[role]}
          </option>
        ))}
      </select>
    </label>
  );
}

export function ScopeSelect({ value, onChange }: { value: string; onChange: (on: string) => void }) {
  const { words } = useWords();
  const { value: knownZones } = useResource(zones);
  const { value: knownGuests } = useResource(guests);
  return (
    <label>
      {words.on}
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="site">{words.onSite}</option>
        {(knownZones?.items ?? []).map(({ name }) => (
          <option key={`zone ${name}`} value={`zone:${name}`}>
            {words.onZone(name)}
          </option>
        ))}
        {(knownGuests?.items ?? []).map(({ uid, name }) => (
          <option key={`guest ${uid}`} value={`guest:${uid}`}>
            {words.onGuest(name)}
          </option>
        ))}
      </select>
    </label>
  );
}
