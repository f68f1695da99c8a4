// Before one is known: signing in, the first administrator by the set-up link, and the token of the data directory for who has no account.
import { useEffect, useId, useState } from 'preact/hooks';
import { createClient } from '../../api/client.ts';
import { type CaissonError, toCaissonError } from '../../lib/errors.ts';
import type { KeyRequest } from '../../model/security-key.ts';
import { createFetchTransport } from '../fetch-transport.ts';
import { goToProvider } from '../provider.ts';
import { parseRoute } from '../route.ts';
import { signWithKey } from '../security-key.ts';
import { Command, Mark, Problem, Said } from '../ui/parts.tsx';
import { useSend } from '../ui/use-send.ts';
import { go } from '../use-route.ts';
import { useWords } from '../words/use-words.ts';
import type { Language } from '../words/words.ts';
import { LanguageButton } from './preferences.tsx';

/** Why one has to sign in again; of a token that is not taken, in the daemon’s words. */
export type LogoutReason =
  | { kind: 'ended' }
  | { kind: 'wrong-token'; message: string }
  | { kind: 'refused'; error: CaissonError }
  /** Somebody else remembers the session too. */
  | { kind: 'out'; alsoAt: string };

export interface LoginProps {
  why: LogoutReason | undefined;
  onSignedIn: () => void;
  onToken: (token: string) => void;
  onLanguage: (language: Language) => void;
}

const client = createClient(createFetchTransport({ headers: () => ({}), onUnauthorized: () => {} }));

/** The secret of the set-up link, which is `#/set-up/SECRET`. */
function setUpSecret(): string | undefined {
  return /^#\/set-up\/([\w-]+)$/.exec(location.hash)?.[1];
}

export function Login(props: LoginProps) {
  const { words } = useWords();
  const [secret, setSecret] = useState(setUpSecret);
  return (
    <main class="login">
      <header>
        <h1>Caisson</h1>
        <LanguageButton onLanguage={props.onLanguage} />
      </header>
      <p>{secret === undefined ? words.loginIntroduction : words.setUpIntroduction}</p>
      {props.why?.kind === 'ended' && (
        <p class="problem" role="alert">
          <Mark tone="amber" />
          {words.sessionEnded}
        </p>
      )}
      {props.why?.kind === 'refused' && <Problem error={props.why.error} />}
      {props.why?.kind === 'out' && (
        <p role="status">
          <a href={props.why.alsoAt}>{words.logOutThereToo}</a>
        </p>
      )}
      {secret === undefined && <ProviderButton />}
      <AccountForm
        secret={secret}
        onSignedIn={() => {
          if (parseRoute(location.hash).page === 'overview') go('#/');
          props.onSignedIn();
        }}
      />
      {secret === undefined ? (
        <TokenForm refusal={props.why?.kind === 'wrong-token' ? props.why.message : undefined} onToken={props.onToken} />
      ) : (
        <button
          type="button"
          class="link"
          onClick={() => {
            go('#/');
            setSecret(undefined);
          }}
        >
          {words.haveAccount}
        </button>
      )}
    </main>
  );
}

/** Nothing where there is no provider, or it cannot be asked whether there is: a password is enough. */
function ProviderButton() {
  const { words } = useWords();
  const { error, send } = useSend();
  const [label, setLabel] = useState<string>();
  useEffect(() => {
    client.call('loginShow').then(
      ({ provider }) => setLabel(provider),
      () => undefined,
    );
  }, []);
  if (label === undefined) return null;
  return (
    <>
      <div class="buttons">
        <button type="button" onClick={() => send(() => goToProvider(client, false))}>
          {words.loginBy(label)}
        </button>
      </div>
      {error && <Problem error={error} />}
    </>
  );
}

/** With a secret it makes the account first. */
function AccountForm({ secret, onSignedIn }: { secret: string | undefined; onSignedIn: () => void }) {
  const { words } = useWords();
  const [user, setUser] = useState('');
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const [wantsCode, setWantsCode] = useState(false);
  const [keyRequest, setKeyRequest] = useState<KeyRequest>();
  const [error, setError] = useState<CaissonError>();
  const [busy, setBusy] = useState(false);
  const id = useId();
  const send = async (byKey?: KeyRequest) => {
    setBusy(true);
    setError(undefined);
    try {
      if (secret !== undefined) await client.call('setUp', { body: { secret, user, password } });
      const factor = byKey ? { key: await signWithKey(byKey) } : code === '' ? {} : { code };
      await client.call('login', { body: { user, password, ...factor, as: 'cookie' } });
      onSignedIn();
    } catch (cause) {
      const refused = toCaissonError(cause);
      const asks = refused.details?.['secondFactor'] !== undefined;
      // The first time it is no error that the code is missing.
      if (!asks || wantsCode) setError(refused);
      setWantsCode((before) => before || asks);
      // What was signed or refused is used up.
      if (asks) setKeyRequest(refused.details?.['key'] as KeyRequest | undefined);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <label for={`${id}-user`}>{words.userName}</label>
      <input
        id={`${id}-user`}
        name="username"
        autocomplete="username"
        autocapitalize="none"
        spellcheck={false}
        required
        autofocus
        value={user}
        onInput={(event) => setUser(event.currentTarget.value)}
      />
      <label for={`${id}-password`}>{words.password}</label>
      <input
        id={`${id}-password`}
        name="password"
        type="password"
        autocomplete={secret === undefined ? 'current-password' : 'new-password'}
        required
        value={password}
        onInput={(event) => setPassword(event.currentTarget.value)}
      />
      {secret !== undefined && <p class="quiet">{words.passwordHint}</p>}
      {wantsCode && (
        <>
          {keyRequest && (
            <div class="buttons">
              <button
                type="button"
                class="primary"
                disabled={busy}
                ref={(element) => {
                  if (code === '') element?.focus();
                }}
                onClick={() => void send(keyRequest)}
              >
                {words.useKey}
              </button>
            </div>
          )}
          <label for={`${id}-code`}>{words.secondFactorCode}</label>
          <input
            id={`${id}-code`}
            name="code"
            inputMode="numeric"
            autocomplete="one-time-code"
            required
            ref={(element) => {
              if (code === '' && !keyRequest) element?.focus();
            }}
            value={code}
            onInput={(event) => setCode(event.currentTarget.value)}
          />
        </>
      )}
      {error && <Problem error={error} />}
      <div class="buttons">
        <button type="submit" class="primary" disabled={busy}>
          {secret === undefined ? words.login : words.setUp}
        </button>
      </div>
    </form>
  );
}

function TokenForm({ refusal, onToken }: { refusal: string | undefined; onToken: (token: string) => void }) {
  const { words } = useWords();
  const [token, setToken] = useState('');
  const id = useId();
  return (
    <details open={refusal !== undefined}>
      <summary>{words.loginByToken}</summary>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (token.trim() !== '') onToken(token.trim());
        }}
      >
        <p class="quiet">{words.whereTheToken}</p>
        <Command text="sudo cat /var/lib/caisson/api-token" />
        <label for={id}>{words.token}</label>
        <input id={id} type="password" autocomplete="off" value={token} onInput={(event) => setToken(event.currentTarget.value)} />
        {refusal !== undefined && (
          <p class="problem" role="alert">
            <Mark tone="red" />
            <span>
              {words.tokenRefused} <Said>{refusal}</Said>
            </span>
          </p>
        )}
        <div class="buttons">
          <button type="submit">{words.useToken}</button>
        </div>
      </form>
    </details>
  );
}
