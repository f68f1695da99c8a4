// Who one is and which language one reads, around everything else.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { type Client, createClient } from '../../api/client.ts';
import { type CaissonError, toCaissonError } from '../../lib/errors.ts';
import type { Me } from '../../model/me.ts';
import { createFetchTransport } from '../fetch-transport.ts';
import { Format } from '../format.ts';
import { Live } from '../live/live.ts';
import { MeContext } from '../live/me.ts';
import { LiveContext } from '../live/use-live.ts';
import { finishReturned, takeReturned } from '../provider.ts';
import { forgetToken, keepToken, readToken } from '../session.ts';
import { keepLanguage, readLanguage } from '../settings.ts';
import { Notices } from '../ui/notices.tsx';
import { Problem, Waiting } from '../ui/parts.tsx';
import { go } from '../use-route.ts';
import { english } from '../words/english.ts';
import { french } from '../words/french.ts';
import { SpeechContext } from '../words/use-words.ts';
import type { Language } from '../words/words.ts';
import { ByLink, type ComingByLink, takeLink } from './by-link.tsx';
import { Frame } from './frame.tsx';
import { Login, type LogoutReason } from './login.tsx';

const catalogues = { en: english, fr: french };

type State =
  | { kind: 'asking' }
  | { kind: 'out'; why?: LogoutReason }
  | { kind: 'by-link'; link: ComingByLink; client: Client }
  | { kind: 'in'; me: Me; live: Live }
  | { kind: 'failed'; error: CaissonError };

/** Taken before anything else looks at the address. */
let returned = takeReturned();

export function App() {
  const [language, setLanguage] = useState(readLanguage);
  const [state, setState] = useState<State>({ kind: 'asking' });
  const [asked, setAsked] = useState(0);
  const speech = useMemo(() => ({ language, words: catalogues[language], format: new Format(language) }), [language]);
  const choose = (wanted: Language) => {
    keepLanguage(wanted);
    setLanguage(wanted);
  };
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  useEffect(() => {
    const token = readToken();
    let live: Live | undefined;
    const client = createClient(
      createFetchTransport({
        headers: () => (token === undefined ? {} : { authorization: `Bearer ${token}` }),
        onUnauthorized() {
          if (!live) return;
          forgetToken();
          live.close();
          setState({ kind: 'out', why: { kind: 'ended' } });
        },
      }),
    );
    const link = takeLink();
    if (link) {
      // Whoever they were here before.
      forgetToken();
      setState({ kind: 'by-link', link, client });
      return;
    }
    const back = returned;
    returned = undefined;
    const enter = async () => {
      if (back && (await finishReturned(client, back))) go('#/settings');
      return client.call('meShow');
    };
    enter().then(
      (me) => {
        live = new Live(client);
        void live.run();
        setState({ kind: 'in', me, live });
      },
      (cause: unknown) => {
        const error = toCaissonError(cause);
        if (back) setState({ kind: 'out', why: { kind: 'refused', error } });
        else if (error.code !== 'unauthorized') setState({ kind: 'failed', error });
        else setState(token === undefined ? { kind: 'out' } : { kind: 'out', why: { kind: 'wrong-token', message: error.message } });
        forgetToken();
      },
    );
    return () => live?.close();
  }, [asked]);
  const again = () => setAsked((count) => count + 1);
  return (
    <SpeechContext.Provider value={speech}>
      {state.kind === 'asking' && <Waiting />}
      {state.kind === 'failed' && (
        <main class="login">
          <h1>Caisson</h1>
          <Problem error={state.error} />
          <div class="buttons">
            <button type="button" onClick={again}>
              {speech.words.again}
            </button>
          </div>
        </main>
      )}
      {state.kind === 'by-link' && <ByLink link={state.link} client={state.client} onDone={again} onLanguage={choose} />}
      {state.kind === 'out' && (
        <Login
          why={state.why}
          onLanguage={choose}
          onToken={(token) => {
            keepToken(token);
            again();
          }}
          onSignedIn={again}
        />
      )}
      {state.kind === 'in' && (
        <MeContext.Provider value={state.me}>
          <LiveContext.Provider value={state.live}>
            <Notices>
              <Frame
                onLanguage={choose}
                onLogout={() => {
                  const { live } = state;
                  live.close();
                  // A session ends at the daemon; a token is only forgotten.
                  const ending = state.me.session ? live.client.call('logout', {}).catch(() => undefined) : Promise.resolve(undefined);
                  void ending.then((answer) => {
                    forgetToken();
                    const alsoAt = answer?.alsoAt;
                    setState(alsoAt === undefined ? { kind: 'out' } : { kind: 'out', why: { kind: 'out', alsoAt } });
                  });
                }}
              />
            </Notices>
          </LiveContext.Provider>
        </MeContext.Provider>
      )}
    </SpeechContext.Provider>
  );
}
