// One’s own tokens for programs.
import { useState } from 'preact/hooks';
import type { CallResult } from '../../api/client.ts';
import type { Endpoints } from '../../api/endpoints.ts';
import { tokens } from '../live/resources.ts';
import { useLive, useResource } from '../live/use-live.ts';
import { Command, Loaded, Problem, Section, Time } from '../ui/parts.tsx';
import { useSend } from '../ui/use-send.ts';
import { useWords } from '../words/use-words.ts';

export function Tokens() {
  const { words } = useWords();
  const live = useLive();
  const entry = useResource(tokens);
  const { error, send } = useSend();
  const [name, setName] = useState('');
  const [made, setMade] = useState<CallResult<Endpoints['tokenCreate']>>();
  return (
    <Section title={words.tokens}>
      <p class="quiet">{words.tokensMean}</p>
      <Loaded entry={entry}>
        {({ items }) => (
          <ul class="plain">
            {items.map((token) => (
              <li key={token.name} class="row">
                <span class="grow">
                  {token.name}{' '}
                  <span class="quiet">
                    {words.until} <Time at={token.endsAt} />
                  </span>
                </span>
                <button
                  type="button"
                  class="link"
                  aria-label={`${words.actions.delete} ${token.name}`}
                  onClick={() =>
                    send(async () => {
                      await live.client.call('tokenDelete', { params: { token: token.name } });
                      live.refresh('tokens');
                    })
                  }
                >
                  {words.actions.delete}
                </button>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
      {made && (
        <div role="status">
          <p>{words.tokenOnce}</p>
          <Command text={made.secret} />
        </div>
      )}
      {error && <Problem error={error} />}
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          send(async () => {
            setMade(await live.client.call('tokenCreate', { body: { name } }));
            setName('');
            live.refresh('tokens');
          });
        }}
      >
        <label>
          {words.name} <input required autocapitalize="none" value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <button type="submit">{words.newToken}</button>
      </form>
    </Section>
  );
}
