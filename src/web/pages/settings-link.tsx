// Whether one signs in by the provider of identities too.
import { loginWays, user as userResource } from '../live/resources.ts';
import { useLive, useResource } from '../live/use-live.ts';
import { goToProvider } from '../provider.ts';
import { Problem, Section } from '../ui/parts.tsx';
import { useSend } from '../ui/use-send.ts';
import { useWords } from '../words/use-words.ts';

/** Nothing where there is no provider. */
export function Link({ user }: { user: string }) {
  const { words } = useWords();
  const { client } = useLive();
  const { error, send } = useSend();
  const label = useResource(loginWays).value?.provider;
  const identity = useResource(userResource(user)).value?.value.identity;
  if (label === undefined) return null;
  return (
    <Section title={label}>
      <p class="quiet">{identity ? words.isLinked(label) : words.isNotLinked(label)}</p>
      {error && <Problem error={error} />}
      {!identity && (
        <div class="buttons">
          <button type="button" onClick={() => send(() => goToProvider(client, true))}>
            {words.linkTo(label)}
          </button>
        </div>
      )}
    </Section>
  );
}
