// One’s own second factor: codes of an authenticator, security keys, and the recovery codes that the first of them brings.
import { useState } from 'preact/hooks';
import type { Client } from '../../api/client.ts';
import type { SecurityKey } from '../../model/security-key.ts';
import { user as userResource } from '../live/resources.ts';
import { useLive, useResource } from '../live/use-live.ts';
import { createKey, keysArePossible } from '../security-key.ts';
import { Loaded, Problem, Section, Time } from '../ui/parts.tsx';
import { PasswordField } from '../ui/password-field.tsx';
import { useSend } from '../ui/use-send.ts';
import { useWords } from '../words/use-words.ts';

export function SecondFactor({ user }: { user: string }) {
  const { words } = useWords();
  const entry = useResource(userResource(user));
  return (
    <Section title={words.secondFactor}>
      <Loaded entry={entry}>
        {({ value: { secondFactor, authenticator, keys, recoveryCodesLeft } }) => (
          <>
            <p class="quiet">{secondFactor ? words.secondFactorOn(recoveryCodesLeft ?? 0) : words.secondFactorOff}</p>
            <Authenticator user={user} has={authenticator} />
            <Keys user={user} keys={keys} />
          </>
        )}
      </Loaded>
    </Section>
  );
}

function useAccount(): { client: Client; refresh: () => void } {
  const live = useLive();
  return { client: live.client, refresh: () => live.refresh('user') };
}

function RecoveryCodes({ codes }: { codes: readonly string[] }) {
  const { words } = useWords();
  if (codes.length === 0) return null;
  return (
    <div role="status">
      <p>{words.recoveryCodes}</p>
      <pre class="secret">{codes.join('\n')}</pre>
    </div>
  );
}

function Authenticator({ user, has }: { user: string; has: boolean }) {
  const { words } = useWords();
  const { client, refresh } = useAccount();
  const { error, send } = useSend();
  const [password, setPassword] = useState('');
  const [begun, setBegun] = useState<{ secret: string; uri: string }>();
  const [code, setCode] = useState('');
  const [recovery, setRecovery] = useState<string[]>([]);
  return (
    <>
      <h3>{words.authenticator}</h3>
      <p class="quiet">{has ? words.authenticatorOn : words.authenticatorOff}</p>
      <RecoveryCodes codes={recovery} />
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          send(async () => {
            if (begun) {
              const { recoveryCodes } = await client.call('userTotpConfirm', { params: { user }, body: { code } });
              setRecovery(recoveryCodes);
              setBegun(undefined);
              setCode('');
              refresh();
            } else if (has) {
              await client.call('userTotpRemove', { params: { user }, body: { currentPassword: password } });
              refresh();
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
          <PasswordField label={words.currentPassword} value={password} onValue={setPassword} />
        )}
        {error && <Problem error={error} />}
        <div class="buttons">
          <button type="submit" class={has && !begun ? 'danger' : ''}>
            {begun ? words.confirm : has ? words.removeAuthenticator : words.addAuthenticator}
          </button>
        </div>
      </form>
    </>
  );
}

function Keys({ user, keys }: { user: string; keys: readonly SecurityKey[] }) {
  const { words } = useWords();
  const { client, refresh } = useAccount();
  const { error, send } = useSend();
  const [password, setPassword] = useState('');
  const [name, setName] = useState('');
  const [recovery, setRecovery] = useState<string[]>([]);
  const remove = (key: string) =>
    send(async () => {
      await client.call('userKeyRemove', { params: { user }, body: { name: key, currentPassword: password } });
      setPassword('');
      refresh();
    });
  const add = () =>
    send(async () => {
      const options = await client.call('userKeyBegin', { params: { user }, body: { currentPassword: password } });
      const creation = await createKey(options);
      const { recoveryCodes } = await client.call('userKeyAdd', { params: { user }, body: { name, creation } });
      setRecovery(recoveryCodes);
      setPassword('');
      setName('');
      refresh();
    });
  return (
    <>
      <h3>{words.securityKeys}</h3>
      <p class="quiet">{keysArePossible() ? words.securityKeysMean : words.noKeysHere}</p>
      <RecoveryCodes codes={recovery} />
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          add();
        }}
      >
        {keys.length > 0 && (
          <ul class="plain">
            {keys.map((key) => (
              <li key={key.name} class="row">
                <span class="grow">
                  {key.name}{' '}
                  <span class="quiet">
                    {key.host} · <Time at={key.usedAt ?? key.createdAt} />
                  </span>
                </span>
                <button
                  type="button"
                  class="link"
                  disabled={password === ''}
                  title={password === '' ? words.needsPassword : undefined}
                  aria-label={`${words.actions.delete} ${key.name}`}
                  onClick={() => remove(key.name)}
                >
                  {words.actions.delete}
                </button>
              </li>
            ))}
          </ul>
        )}
        <PasswordField label={words.currentPassword} value={password} onValue={setPassword} />
        <label>
          {words.keyName} <input required maxLength={60} value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        {error && <Problem error={error} />}
        <div class="buttons">
          <button type="submit" disabled={!keysArePossible()}>
            {words.addKey}
          </button>
        </div>
      </form>
    </>
  );
}
