// Who one is and which language one reads, around everything else.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { createClient } from '../../api/client.ts';
import { createFetchTransport } from '../fetch-transport.ts';
import { Format } from '../format.ts';
import { Live } from '../live/live.ts';
import { LiveContext } from '../live/use-live.ts';
import { forgetToken, keepToken, readToken } from '../session.ts';
import { keepLanguage, readLanguage } from '../settings.ts';
import { Notices } from '../ui/notices.tsx';
import { english } from '../words/english.ts';
import { french } from '../words/french.ts';
import { SpeechContext } from '../words/use-words.ts';
import type { Language } from '../words/words.ts';
import { Frame } from './frame.tsx';
import { Login } from './login.tsx';

const catalogues = { en: english, fr: french };

export function App() {
  const [language, setLanguage] = useState(readLanguage);
  const [token, setToken] = useState(readToken);
  const [refused, setRefused] = useState(false);
  const speech = useMemo(() => ({ language, words: catalogues[language], format: new Format(language) }), [language]);
  const choose = (wanted: Language) => {
    keepLanguage(wanted);
    setLanguage(wanted);
  };
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  const live = useMemo(() => {
    if (token === undefined) return undefined;
    const transport = createFetchTransport({
      headers: () => ({ authorization: `Bearer ${token}` }),
      onUnauthorized() {
        forgetToken();
        setRefused(true);
        setToken(undefined);
      },
    });
    return new Live(createClient(transport));
  }, [token]);
  useEffect(() => {
    void live?.run();
    return () => live?.close();
  }, [live]);
  return (
    <SpeechContext.Provider value={speech}>
      {live ? (
        <LiveContext.Provider value={live}>
          <Notices>
            <Frame
              onLanguage={choose}
              onLogout={() => {
                forgetToken();
                setRefused(false);
                setToken(undefined);
              }}
            />
          </Notices>
        </LiveContext.Provider>
      ) : (
        <Login
          refused={refused}
          onLanguage={choose}
          onToken={(given) => {
            keepToken(given);
            setRefused(false);
            setToken(given);
          }}
        />
      )}
    </SpeechContext.Provider>
  );
}
