// Where one is signed in.
import { sessions } from '../live/resources.ts';
import { useLive, useResource } from '../live/use-live.ts';
import { Loaded, Problem, Section, Time } from '../ui/parts.tsx';
import { useSend } from '../ui/use-send.ts';
import { useWords } from '../words/use-words.ts';

export function Sessions({ user }: { user: string }) {
  const { words } = useWords();
  const live = useLive();
  const entry = useResource(sessions(user));
  const { error, send } = useSend();
  return (
    <Section title={words.sessions}>
      <Loaded entry={entry}>
        {({ items }) => (
          <ul class="plain">
            {items.map((session) => (
              <li key={session.id} class="row">
                <span class="grow">
                  {session.address} <Time at={session.createdAt} /> {session.own && <strong>{words.thisOne}</strong>}
                  {session.kind === 'token' && <strong>{words.commandLine}</strong>}{' '}
                  <span class="quiet">
                    {words.lastUsed} <Time at={session.usedAt} /> · {session.program}
                  </span>
                </span>
                <button
                  type="button"
                  class="link"
                  aria-label={`${words.endSession} ${session.address} ${session.program}`}
                  onClick={() =>
                    send(async () => {
                      await live.client.call('sessionEndOne', { params: { user, session: session.id } });
                      live.refresh('sessions');
                    })
                  }
                >
                  {words.endSession}
                </button>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
      {error && <Problem error={error} />}
      <div class="buttons">
        <button
          type="button"
          class="danger"
          onClick={() =>
            send(async () => {
              await live.client.call('sessionEnd', { params: { user } });
            })
          }
        >
          {words.endSessions}
        </button>
      </div>
    </Section>
  );
}
