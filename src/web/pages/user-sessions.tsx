// Where somebody is signed in: oneself in the settings, another on the page of their account. That a session is used, or has ended unused, is no event: it is
// asked for again each half minute.
import { useEffect } from 'preact/hooks';
import type { Session } from '../../model/session.ts';
import { useMe } from '../live/me.ts';
import { sessions } from '../live/resources.ts';
import { useLive, useResource } from '../live/use-live.ts';
import { Command, Loaded, Problem, Section, Time } from '../ui/parts.tsx';
import { Table } from '../ui/table.tsx';
import { useSend } from '../ui/use-send.ts';
import { shellCommand } from '../view/command.ts';
import { programName } from '../view/program-name.ts';
import { useWords } from '../words/use-words.ts';

const askedEveryMs = 30_000;

export function UserSessions({ user }: { user: string }) {
  const { words } = useWords();
  const live = useLive();
  const me = useMe();
  const entry = useResource(sessions(user));
  const { error, send } = useSend();
  useEffect(() => {
    const timer = setInterval(() => live.refresh('sessions'), askedEveryMs);
    return () => clearInterval(timer);
  }, [live]);
  const isOwn = me.user === user;
  const mayEnd = isOwn || me.site.includes('administer');
  const title = isOwn ? words.sessions : words.sessionsOf(user);
  /** Also what could not be ended is looked at again: it may have ended by itself. */
  const end = (ending: Promise<unknown>) => send(() => ending.then(() => undefined).finally(() => live.refresh('sessions')));
  return (
    <Section title={title}>
      <Loaded entry={entry}>
        {({ items }) =>
          items.length === 0 ? (
            <p class="quiet">{words.signedInNowhere}</p>
          ) : (
            <>
              <Table
                label={title}
                columns={[
                  { name: words.withWhat },
                  { name: words.fromWhere },
                  { name: words.since, kind: 'on-desk' },
                  { name: words.lastUse },
                  { name: words.action, kind: 'unnamed' },
                ]}
              >
                {items.map((session) => (
                  <tr key={session.id}>
                    <td title={session.program}>
                      <Program session={session} /> {session.own && <strong>{words.thisOne}</strong>}
                    </td>
                    <td>{session.address}</td>
                    <td class="on-desk">
                      <Time at={session.createdAt} />
                    </td>
                    <td>
                      <Time at={session.usedAt} />
                    </td>
                    <td>
                      {mayEnd && (
                        <button
                          type="button"
                          class="link"
                          aria-label={`${words.endSession} ${session.address} ${session.id}`}
                          onClick={() => end(live.client.call('sessionEndOne', { params: { user, session: session.id } }))}
                        >
                          {words.endSession}
                        </button>
                      )}
                    </td>
                  </tr>
                ))}
              </Table>
              {mayEnd && (
                <div class="buttons">
                  <button type="button" class="danger" onClick={() => end(live.client.call('sessionEnd', { params: { user } }))}>
                    {words.endSessions}
                  </button>
                  <Command text={shellCommand(['caisson', 'user', 'sessions', user, '--end'])} />
                </div>
              )}
            </>
          )
        }
      </Loaded>
      {error && <Problem error={error} />}
    </Section>
  );
}

function Program({ session: { kind, program } }: { session: Session }) {
  const { words } = useWords();
  if (kind === 'token')
    return (
      <>
        {words.commandLine} <span class="quiet">{program.slice(0, 60)}</span>
      </>
    );
  const name = programName(program);
  return <>{name ? words.browserOn(name.browser, name.system) : program === '' ? words.aBrowser : program.slice(0, 40)}</>;
}
