import { useId, useState } from 'preact/hooks';
import { Command, Mark } from '../ui/parts.tsx';
import { useWords } from '../words/use-words.ts';
import type { Language } from '../words/words.ts';
import { LanguageButton } from './preferences.tsx';

export function Login(props: { refused: boolean; onToken: (token: string) => void; onLanguage: (language: Language) => void }) {
  const { words } = useWords();
  const [token, setToken] = useState('');
  const id = useId();
  return (
    <main class="login">
      <header>
        <h1>Caisson</h1>
        <LanguageButton onLanguage={props.onLanguage} />
      </header>
      <p>{words.loginIntroduction}</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (token.trim() !== '') props.onToken(token.trim());
        }}
      >
        <label for={id}>{words.token}</label>
        <input
          id={id}
          type="password"
          autocomplete="off"
          autofocus
          value={token}
          aria-describedby={`${id}-why`}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
        <div id={`${id}-why`}>
          {props.refused && (
            <p class="problem" role="alert">
              <Mark tone="red" />
              {words.tokenRefused}
            </p>
          )}
        </div>
        <div class="buttons">
          <button type="submit" class="primary">
            {words.login}
          </button>
        </div>
      </form>
      <p class="quiet">{words.whereTheToken}</p>
      <Command text="sudo cat /var/lib/caisson/api-token" />
    </main>
  );
}
