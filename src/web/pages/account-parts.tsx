// What the list of accounts and each of them have in common.
import type { RoleBinding } from '../../model/rights.ts';
import type { UserLink } from '../../model/user-link.ts';
import type { User } from '../../model/user.ts';
import { Command, Mark, Time } from '../ui/parts.tsx';
import { useWords } from '../words/use-words.ts';

export function UserState({ user }: { user: User }) {
  const { words } = useWords();
  if (!user.enabled)
    return (
      <span class="state">
        <Mark tone="off" /> {words.userDisabled}
      </span>
    );
  if (!user.hasPassword && user.identity)
    return (
      <span class="state">
        <Mark tone="quiet" /> {words.userOfProvider}
      </span>
    );
  if (!user.hasPassword)
    return (
      <span class="state tone-amber">
        <Mark tone="amber" /> {words.userWithoutPassword}
      </span>
    );
  return (
    <span class="state">
      <Mark tone="quiet" /> {words.userEnabled}
    </span>
  );
}

/** Roles that groups of the provider give them, as long as these count. */
export function rolesByGroups({ providerRoles }: User): RoleBinding[] {
  return providerRoles && Date.parse(providerRoles.until) > Date.now() ? providerRoles.bindings : [];
}

/** A link that is shown this once, for somebody else. */
export function LinkToGive({ link }: { link: UserLink }) {
  const { words } = useWords();
  return (
    <>
      <p>{words.giveLink(link.user)}</p>
      <ul class="plain">
        {link.links.map((each) => (
          <li key={each}>
            <Command text={each} />
          </li>
        ))}
      </ul>
      <p class="quiet">
        {words.linkEnds} <Time at={link.endsAt} />
      </p>
    </>
  );
}
