// Who comes by a link that stands for them: `#/password/SECRET` to choose a password, `#/sign-in/SECRET` to be signed in. A secret is used once, and
// is out of the address before anything is done by it.
import { useEffect, useId, useState } from 'preact/hooks';
import type { Client } from '../../api/client.ts';
import { type CaissonError, toCaissonError } from '../../lib/errors.ts';
import type { UserLinkKind } from '../../model/user-link.ts';
import { Problem, Waiting } from '../ui/parts.tsx';
import { useWords } from '../words/use-words.ts';
import type { Language } from '../words/words.ts';
import { LanguageButton } from './preferences.tsx';

export interface ComingByLink {
  kind: UserLinkKind;
  secret: string;
}

/** Takes it out of the address, so that neither history nor bookmark has it. */
export function takeLink(): ComingByLink | undefined {
  const found = /^#\/(password|sign-in)\/([\w-]+)$/.exec(location.hash);
  if (!found) return undefined;
  history.replaceState(undefined, '', '#/');
  return { kind: found[1] as UserLinkKind, secret: found[2] ?? '' };
}

export function ByLink(props: { link: ComingByLink; client: Client; onDone: () => void; onLanguage: (language: Language) => void }) {
  const { words } = useWords();
  return (
    <main class="login">
      <header>
        <h1>Caisson</h1>
        <LanguageButton onLanguage={props.onLanguage} />
      </header>
      {props.link.kind === 'password' ? <ChoosePassword {...props} /> : <SignInByLink {...props} />}
      <button type="button" class="link" onClick={props.onDone}>
        {words.haveAccount}
      </button>
    </main>
  );
}

interface LinkProps {
  link: ComingByLink;
  client: Client;
  onDone: () => void;
}

function SignInByLink({ link, client, onDone }: LinkProps) {
  const [error, setError] = useState<CaissonError>();
  useEffect(() => {
    client.call('loginByLink', { body: { secret: link.secret } }).then(onDone, (cause: unknown) => setError(toCaissonError(cause)));
  }, [link]);
  return error ? <Problem error={error} /> : <Waiting />;
}

function ChoosePassword({ link, client, onDone }: LinkProps) {
  const { words } = useWords();
  const [password, setPassword] = useState('');
  const [error, setError] = useState<CaissonError>();
  const [busy, setBusy] = useState(false);
  const id = useId();
  const send = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const { user } = await client.call('passwordByLink', { body: { secret: link.secret, password } });
      // Whoever has a second factor signs in as always.
      await client.call('login', { body: { user, password, as: 'cookie' } }).catch(() => undefined);
      onDone();
    } catch (cause) {
      setError(toCaissonError(cause));
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
      <p>{words.choosePasswordMeans}</p>
      <label for={id}>{words.newPassword}</label>
      <input
        id={id}
        type="password"
        autocomplete="new-password"
        required
        autofocus
        value={password}
        onInput={(event) => setPassword(event.currentTarget.value)}
      />
      <p class="quiet">{words.passwordHint}</p>
      {error && <Problem error={error} />}
      <div class="buttons">
        <button type="submit" class="primary" disabled={busy}>
          {words.choosePassword}
        </button>
      </div>
    </form>
  );
}
