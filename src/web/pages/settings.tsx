// One’s own account: password, second factor, where one is signed in, tokens for programs.
import { useState } from 'preact/hooks';
import type { CallResult } from '../../api/client.ts';
import type { Endpoints } from '../../api/endpoints.ts';
import { type CaissonError, toCaissonError } from '../../lib/errors.ts';
import { useMe } from '../live/me.ts';
import { sessions, tokens } from '../live/resources.ts';
import { useLive, useResource } from '../live/use-live.ts';
import { Command, Empty, Facts, Loaded, Problem, Section, Time } from '../ui/parts.tsx';
import { useWords } from '../words/use-words.ts';

export function SettingsPage() {
  const { words } = useWords();
  const me = useMe();
  return (
    <div class="page">
      <h1>{words.pages.settings}</h1>
      <Facts
        items={[
          [
            words.signedInAs,
            me.fullName === undefined
              ? (me.user ?? (me.actor === 'token' ? words.tokenOfTheHost : me.actor))
              : `${me.fullName} (${me.user})`,
          ],
          [words.roles, me.bindings.length === 0 ? me.site.join(', ') : me.bindings.map(({ role, on }) => `${role}: ${on}`).join(' · ')],
          me.session && [words.sessionEnds, <Time at={me.session.endsAt} />],
        ]}
      />
      {me.user === undefined ? (
        <Empty title={words.noAccount}>
          <p>{words.noAccountHelp}</p>
        </Empty>
      ) : (
        <div class="columns">
          <div>
            <Password user={me.user} />
            <Tokens />
          </div>
          <div>
            <SecondFactor user={me.user} has={me.secondFactor === true} />
            <Sessions user={me.user} />
          </div>
        </div>
      )}
    </div>
  );
}

/** Something that is sent and may be refused: the refusal stands until the next try. */
function useSend(): { error: CaissonError | undefined; send: (work: () => Promise<void>) => void } {
  const [error, setError] = useState<CaissonError>();
  return {
    error,
    send: (work) => {
      setError(undefined);
      work().catch((cause: unknown) => setError(toCaissonError(cause)));
    },
  };
}

function Password({ user }: { user: string }) {
  const { words } = useWords();
  const { client } = useLive();
  const { error, send } = useSend();
  const [current, setCurrent] = useState('');
  const [wanted, setWanted] = useState('');
  const [done, setDone] = useState(false);
  return (
    <Section title={words.password}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          send(async () => {
            await client.call('userPassword', { params: { user }, body: { password: wanted, currentPassword: current } });
            setCurrent('');
            setWanted('');
            setDone(true);
          });
        }}
      >
        <label>
          {words.currentPassword}
          <input
            type="password"
            autocomplete="current-password"
            required
            value={current}
            onInput={(event) => setCurrent(event.currentTarget.value)}
          />
        </label>
        <label>
          {words.newPassword}
          <input
            type="password"
            autocomplete="new-password"
            required
            value={wanted}
            onInput={(event) => setWanted(event.currentTarget.value)}
          />
        </label>
        <p class="quiet">{words.passwordHint}</p>
        {error && <Problem error={error} />}
        {done && <p role="status">{words.passwordChanged}</p>}
        <div class="buttons">
          <button type="submit">{words.changePassword}</button>
        </div>
      </form>
    </Section>
  );
}

function SecondFactor({ user, has }: { user: string; has: boolean }) {
  const { words } = useWords();
  const { client } = useLive();
  const { error, send } = useSend();
  const [password, setPassword] = useState('');
  const [begun, setBegun] = useState<{ secret: string; uri: string }>();
  const [code, setCode] = useState('');
  const [recovery, setRecovery] = useState<string[]>();
  const [isOn, setIsOn] = useState(has);
  if (recovery)
    return (
      <Section title={words.secondFactor}>
        <p>{words.recoveryCodes}</p>
        <pre class="secret">{recovery.join('\n')}</pre>
      </Section>
    );
  return (
    <Section title={words.secondFactor}>
      <p class="quiet">{isOn ? words.secondFactorOn : words.secondFactorOff}</p>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          send(async () => {
            if (begun) {
              const { recoveryCodes } = await client.call('userTotpConfirm', { params: { user }, body: { code } });
              setRecovery(recoveryCodes);
              setIsOn(true);
            } else if (isOn) {
              await client.call('userTotpRemove', { params: { user }, body: { currentPassword: password } });
              setIsOn(false);
            } else setBegun(await client.call('userTotpBegin', { params: { user }, body: { currentPassword: password } }));
            setPassword('');
          });
        }}
      >
        {begun ? (
          <>
            <p>{words.enterSecret}</p>
            <pre class="secret">{begun.secret}</pre>
            <p>
              <a href={begun.uri}>{words.openAuthenticator}</a>
            </p>
            <label>
              {words.codeOfAuthenticator}
              <input
                inputMode="numeric"
                autocomplete="one-time-code"
                required
                value={code}
                onInput={(event) => setCode(event.currentTarget.value)}
              />
            </label>
          </>
        ) : (
          <label>
            {words.currentPassword}
            <input
              type="password"
              autocomplete="current-password"
              required
              value={password}
              onInput={(event) => setPassword(event.currentTarget.value)}
            />
          </label>
        )}
        {error && <Problem error={error} />}
        <div class="buttons">
          <button type="submit" class={isOn && !begun ? 'danger' : ''}>
            {begun ? words.confirm : isOn ? words.removeSecondFactor : words.addSecondFactor}
          </button>
        </div>
      </form>
    </Section>
  );
}

function Sessions({ user }: { user: string }) {
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
              <li key={session.id}>
                {session.address} <Time at={session.createdAt} /> {session.own && <strong>{words.thisOne}</strong>}{' '}
                <span class="quiet">{session.program}</span>
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

function Tokens() {
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
