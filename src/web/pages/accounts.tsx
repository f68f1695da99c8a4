// Who may sign in, and what they may: everybody in one table, whoever is new, and the tokens of all.
import { useState } from 'preact/hooks';
import type { Role } from '../../model/rights.ts';
import type { Token } from '../../model/token.ts';
import type { UserLink } from '../../model/user-link.ts';
import type { User } from '../../model/user.ts';
import { useMe } from '../live/me.ts';
import { tokens, users } from '../live/resources.ts';
import { useLive, useResource } from '../live/use-live.ts';
import { hrefOf } from '../route.ts';
import { ConfirmDialog } from '../ui/dialog.tsx';
import { Empty, Loaded, Mark, Problem, Section, Time } from '../ui/parts.tsx';
import { Table } from '../ui/table.tsx';
import { useSend } from '../ui/use-send.ts';
import { byName } from '../view/filter-guests.ts';
import { useWords } from '../words/use-words.ts';
import { AccountPage } from './account.tsx';
import { LinkToGive, rolesByGroups, UserState } from './account-parts.tsx';
import { RoleSelect, ScopeSelect, useBindingText } from './roles.tsx';

export function AccountsPage({ user }: { user: string | undefined }) {
  const { words } = useWords();
  const me = useMe();
  if (user !== undefined) return <AccountPage key={user} name={user} />;
  return (
    <div class="page">
      <h1>{words.pages.accounts}</h1>
      <Users />
      {me.site.includes('administer') && <NewUser />}
      <AllTokens />
    </div>
  );
}

function Users() {
  const { words } = useWords();
  const entry = useResource(users);
  return (
    <Section title={words.users}>
      <Loaded entry={entry}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={words.noUsers}>
              <p>{words.noUsersHelp}</p>
            </Empty>
          ) : (
            <Table
              label={words.users}
              columns={[
                { name: words.userName },
                { name: words.fullName, kind: 'on-desk' },
                { name: words.roles },
                { name: words.secondFactor, kind: 'on-desk' },
                { name: words.lastSignIn, kind: 'on-desk' },
                { name: words.state },
              ]}
            >
              {items
                .toSorted((a, b) => byName(a.name, b.name))
                .map((user) => (
                  <UserRow key={user.name} user={user} />
                ))}
            </Table>
          )
        }
      </Loaded>
    </Section>
  );
}

function UserRow({ user }: { user: User }) {
  const { words } = useWords();
  const bindingText = useBindingText();
  const byGroups = rolesByGroups(user).map((binding) => words.byGroups(bindingText(binding)));
  const all = [...user.bindings.map(bindingText), ...byGroups];
  return (
    <tr>
      <td>
        <a class="account-name" title={user.name} href={hrefOf('accounts', [user.name])}>
          {user.name}
        </a>
      </td>
      <td class="on-desk">{user.fullName ?? ''}</td>
      <td>{all.length === 0 ? <span class="quiet">{words.noRole}</span> : <RoleList roles={all} />}</td>
      <td class="on-desk">{user.secondFactor ? words.yes : words.no}</td>
      <td class="on-desk">
        {user.lastSignInAt === undefined ? <span class="quiet">{words.never}</span> : <Time at={user.lastSignInAt} />}
      </td>
      <td class="account-state">
        <UserState user={user} />
      </td>
    </tr>
  );
}

function RoleList({ roles }: { roles: readonly string[] }) {
  return (
    <ul class="plain roles">
      {roles.map((role) => (
        <li key={role}>{role}</li>
      ))}
    </ul>
  );
}

function NewUser() {
  const { words } = useWords();
  const live = useLive();
  const { error, send } = useSend();
  const [name, setName] = useState('');
  const [fullName, setFullName] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const [on, setOn] = useState('site');
  const [made, setMade] = useState<{ user: string; link?: UserLink }>();
  return (
    <Section title={words.newUser}>
      <p class="quiet">{words.newUserMeans}</p>
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          send(async () => {
            const body = { name, bindings: [{ role, on }], ...(fullName === '' ? {} : { fullName }) };
            const user = await live.client.call('userAdd', { body });
            live.refresh('users');
            setName('');
            setFullName('');
            // The account is there whatever becomes of its link.
            setMade({ user: user.name });
            setMade({ user: user.name, link: await live.client.call('userPasswordLink', { params: { user: user.name } }) });
          });
        }}
      >
        <label>
          {words.userName}
          <input
            required
            autocapitalize="none"
            autocomplete="off"
            spellcheck={false}
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <label>
          {words.fullName}
          <input autocomplete="off" value={fullName} onInput={(event) => setFullName(event.currentTarget.value)} />
        </label>
        <RoleSelect value={role} onChange={setRole} />
        <ScopeSelect value={on} onChange={setOn} />
        <button type="submit">{words.makeUser}</button>
      </form>
      {made && (
        <div role="status">
          <p>{words.userMade(made.user)}</p>
          {made.link && <LinkToGive link={made.link} />}
        </div>
      )}
      {error && <Problem error={error} />}
    </Section>
  );
}

function AllTokens() {
  const { words } = useWords();
  const live = useLive();
  const entry = useResource(tokens);
  const { error, send } = useSend();
  const bindingText = useBindingText();
  const mayRevoke = useMe().site.includes('administer');
  const [asked, setAsked] = useState<Token>();
  return (
    <Section title={words.tokens}>
      <Loaded entry={entry}>
        {({ items }) =>
          items.length === 0 ? (
            <p class="quiet">{words.noTokens}</p>
          ) : (
            <Table
              label={words.tokens}
              columns={[
                { name: words.name },
                { name: words.tokenOwner, kind: 'on-desk' },
                { name: words.roles },
                { name: words.lastUse, kind: 'on-desk' },
                { name: words.ends },
                { name: words.action, kind: 'unnamed' },
              ]}
            >
              {items.map((token) => (
                <tr key={token.name}>
                  <td>{token.name}</td>
                  <td class="on-desk">{token.owner ?? <span class="quiet">{words.ofTheHost}</span>}</td>
                  <td>
                    <RoleList roles={token.bindings.map(bindingText)} />
                  </td>
                  <td class="on-desk">
                    {token.usedAt === undefined ? <span class="quiet">{words.never}</span> : <Time at={token.usedAt} />}
                  </td>
                  <td>
                    {token.expired ? (
                      <span class="tone-amber">
                        <Mark tone="amber" /> {words.expired}
                      </span>
                    ) : (
                      <Time at={token.endsAt} />
                    )}
                  </td>
                  <td>
                    {mayRevoke && (
                      <button type="button" class="link" aria-label={`${words.revoke} ${token.name}`} onClick={() => setAsked(token)}>
                        {words.revoke}
                      </button>
                    )}
                  </td>
                </tr>
              ))}
            </Table>
          )
        }
      </Loaded>
      {error && <Problem error={error} />}
      {asked && (
        <ConfirmDialog
          title={words.actionOn(words.revoke, asked.name)}
          lost={words.lostByRevoke}
          name={asked.name}
          action={words.revoke}
          command={`caisson token delete ${asked.name}`}
          onClose={() => setAsked(undefined)}
          onConfirm={() => {
            setAsked(undefined);
            send(async () => {
              await live.client.call('tokenDelete', { params: { token: asked.name } });
              live.refresh('tokens');
            });
          }}
        />
      )}
    </Section>
  );
}
