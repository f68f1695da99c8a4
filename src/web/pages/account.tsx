// One account: what it may, and what an administrator does about it. What is saved is what was seen: who was overtaken looks again.
import { useState } from 'preact/hooks';
import { staleOf } from '../../api/client.ts';
import { toCaissonError } from '../../lib/errors.ts';
import type { PartChange } from '../../model/part-change.ts';
import type { Role } from '../../model/rights.ts';
import type { UserLink } from '../../model/user-link.ts';
import type { User } from '../../model/user.ts';
import { useMe } from '../live/me.ts';
import { user as userResource } from '../live/resources.ts';
import { useLive, useResource } from '../live/use-live.ts';
import { hrefOf } from '../route.ts';
import { ConfirmDialog } from '../ui/dialog.tsx';
import { Command, Facts, Mark, Problem, Section, Time, Waiting } from '../ui/parts.tsx';
import { useSend } from '../ui/use-send.ts';
import { go } from '../use-route.ts';
import { useWords } from '../words/use-words.ts';
import { LinkToGive, rolesByGroups, UserState } from './account-parts.tsx';
import { RoleSelect, ScopeSelect, useBindingText } from './roles.tsx';
import { UserSessions } from './user-sessions.tsx';

export function AccountPage({ name }: { name: string }) {
  const { words } = useWords();
  const entry = useResource(userResource(name));
  const me = useMe();
  const user = entry.value?.value;
  return (
    <div class="page">
      <h1>{name}</h1>
      <p>
        <a href={hrefOf('accounts')}>{words.allAccounts}</a>
      </p>
      {entry.error && <Problem error={entry.error} />}
      {!user && !entry.error && <Waiting />}
      {user && (
        <>
          <Facts
            items={[
              [words.state, <UserState user={user} />],
              user.fullName !== undefined && [words.fullName, user.fullName],
              [words.secondFactor, user.secondFactor ? words.yes : words.no],
              [words.madeAt, <Time at={user.createdAt} />],
              [words.lastSignIn, user.lastSignInAt === undefined ? words.never : <Time at={user.lastSignInAt} />],
            ]}
          />
          <Roles user={user} tag={entry.value?.tag} mayChange={me.site.includes('administer')} />
          <UserSessions user={name} />
          {me.site.includes('administer') && <Doings user={user} tag={entry.value?.tag} isOwn={me.user === name} />}
        </>
      )}
    </div>
  );
}

function Roles({ user, tag, mayChange }: { user: User; tag: string | undefined; mayChange: boolean }) {
  const { words } = useWords();
  const live = useLive();
  const bindingText = useBindingText();
  const byGroups = rolesByGroups(user);
  const { error, send } = useSend();
  const [stale, setStale] = useState<PartChange[]>();
  const [role, setRole] = useState<Role>('viewer');
  const [on, setOn] = useState('site');
  const save = (bindings: { role: Role; on: string }[]) =>
    send(async () => {
      setStale(undefined);
      try {
        await live.client.call('userSet', { params: { user: user.name }, body: { bindings } }, { seen: tag });
      } catch (cause) {
        const changes = staleOf(toCaissonError(cause));
        if (!changes) throw cause;
        setStale(changes);
      }
      live.refresh('user');
    });
  return (
    <Section title={words.roles}>
      {user.bindings.length === 0 && byGroups.length === 0 && <p class="quiet">{words.noRole}</p>}
      <ul class="plain">
        {user.bindings.map((binding) => (
          <li key={`${binding.role} ${binding.on}`} class="row">
            <span class="grow">{bindingText(binding)}</span>
            {mayChange && (
              <button
                type="button"
                class="link"
                aria-label={`${words.takeAway} ${bindingText(binding)}`}
                onClick={() => save(user.bindings.filter((each) => each !== binding))}
              >
                {words.takeAway}
              </button>
            )}
          </li>
        ))}
        {byGroups.map((binding) => (
          <li key={`provider ${binding.role} ${binding.on}`}>{words.byGroups(bindingText(binding))}</li>
        ))}
      </ul>
      {stale && (
        <p class="tone-amber" role="alert">
          <Mark tone="amber" /> {words.changedSince(stale)}
        </p>
      )}
      {error && <Problem error={error} />}
      {mayChange && (
        <form
          class="filters"
          onSubmit={(event) => {
            event.preventDefault();
            save([...user.bindings, { role, on }]);
          }}
        >
          <RoleSelect value={role} onChange={setRole} />
          <ScopeSelect value={on} onChange={setOn} />
          <button type="submit">{words.giveRole}</button>
        </form>
      )}
      <p class="quiet">{words.rolesMean}</p>
      <Command text={`caisson role grant ${user.name} ${role}${on === 'site' ? '' : ` --on ${on}`}`} />
    </Section>
  );
}

function Doings({ user, tag, isOwn }: { user: User; tag: string | undefined; isOwn: boolean }) {
  const { words } = useWords();
  const live = useLive();
  const { error, send } = useSend();
  const [link, setLink] = useState<UserLink>();
  const [asked, setAsked] = useState<'delete' | 'second-factor'>();
  const params = { user: user.name };
  const done = () => live.refresh('user');
  return (
    <Section title={words.doAbout}>
      <div class="buttons">
        <button
          type="button"
          disabled={!user.enabled}
          onClick={() => send(async () => setLink(await live.client.call('userPasswordLink', { params })))}
        >
          {words.passwordLink}
        </button>
        {user.secondFactor && !isOwn && (
          <button type="button" onClick={() => setAsked('second-factor')}>
            {words.resetSecondFactor}
          </button>
        )}
        {!isOwn && (
          <>
            <button
              type="button"
              onClick={() =>
                send(async () => {
                  await live.client.call('userSet', { params, body: { enabled: !user.enabled } }, { seen: tag });
                  done();
                })
              }
            >
              {user.enabled ? words.disable : words.enable}
            </button>
            <button type="button" class="danger" onClick={() => setAsked('delete')}>
              {words.actions.delete}
            </button>
          </>
        )}
      </div>
      {isOwn && <p class="quiet">{words.ownAccount}</p>}
      {link && (
        <div role="status">
          <LinkToGive link={link} />
        </div>
      )}
      {error && <Problem error={error} />}
      {asked && (
        <ConfirmDialog
          title={words.actionOn(asked === 'delete' ? words.actions.delete : words.resetSecondFactor, user.name)}
          lost={asked === 'delete' ? words.lostWithUser : words.lostWithSecondFactor}
          name={user.name}
          action={asked === 'delete' ? words.actions.delete : words.resetSecondFactor}
          command={asked === 'delete' ? `caisson user delete ${user.name}` : `caisson user totp remove ${user.name}`}
          onClose={() => setAsked(undefined)}
          onConfirm={() => {
            setAsked(undefined);
            send(async () => {
              if (asked === 'delete') {
                await live.client.call('userDelete', { params }, { seen: tag });
                live.refresh('users');
                go(hrefOf('accounts'));
              } else {
                // All of it: an authenticator and every key.
                if (user.authenticator) await live.client.call('userTotpRemove', { params, body: {} });
                for (const { name } of user.keys) await live.client.call('userKeyRemove', { params, body: { name } });
                done();
              }
            });
          }}
        />
      )}
    </Section>
  );
}
