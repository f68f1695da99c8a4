// What stands around every page: the nouns, the search, who and how one is connected, and the jobs that run.
import { useEffect, useRef, useState } from 'preact/hooks';
import { useMe } from '../live/me.ts';
import { site } from '../live/resources.ts';
import { useConnection, useResource } from '../live/use-live.ts';
import { inSight } from '../ui/in-sight.ts';
import { hrefOf, type PageName } from '../route.ts';
import { useRoute } from '../use-route.ts';
import { useWords } from '../words/use-words.ts';
import type { Language } from '../words/words.ts';
import { pagesFor } from './pages-for.ts';
import { JobsStrip } from './jobs-strip.tsx';
import { useKeys } from './keys.ts';
import { Page } from './page.tsx';
import { Palette } from './palette.tsx';
import { LanguageButton, ThemeButton } from './preferences.tsx';
import { Shortcuts } from './shortcuts.tsx';

type Above = 'search' | 'actions' | 'shortcuts';

export function Frame(props: { onLanguage: (language: Language) => void; onLogout: () => void }) {
  const { words } = useWords();
  const route = useRoute();
  const [above, setAbove] = useState<Above>();
  const main = useRef<HTMLElement>(null);
  useKeys({ onSearch: () => setAbove('search'), onActions: () => setAbove('actions'), onHelp: () => setAbove('shortcuts') });
  const me = useMe();
  const { value } = useResource(me.site.includes('view') ? site : undefined);
  const name = value?.site.site;
  const title = route.rest[0] === undefined ? words.pages[route.page] : route.rest[0];
  useEffect(() => {
    document.title = `${title} – ${name ?? 'Caisson'}`;
  }, [title, name]);
  useEffect(() => main.current?.scrollTo(0, 0), [route.page, route.rest[0]]);
  return (
    <div class="frame">
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        {words.skip}
      </a>
      <header class="top">
        <a class="site" href={hrefOf('overview')}>
          {name ?? 'Caisson'}
        </a>
        <button type="button" class="search" onClick={() => setAbove('search')}>
          <kbd>/</kbd> {words.search}
        </button>
        <ConnectionState />
        <LanguageButton onLanguage={props.onLanguage} />
        <ThemeButton />
        <button type="button" class="link" onClick={() => setAbove('shortcuts')} aria-label={words.shortcuts} title={words.shortcuts}>
          ?
        </button>
        {me.user !== undefined && <span class="wide quiet">{me.fullName ?? me.user}</span>}
        <button type="button" class="link" onClick={props.onLogout}>
          {words.logout}
        </button>
      </header>
      <Rail current={route.page} />
      <main ref={main} id="main" tabIndex={-1}>
        <Page route={route} />
      </main>
      <JobsStrip />
      {(above === 'search' || above === 'actions') && <Palette withActions={above === 'actions'} onClose={() => setAbove(undefined)} />}
      {above === 'shortcuts' && <Shortcuts onClose={() => setAbove(undefined)} />}
    </div>
  );
}

function Rail({ current }: { current: PageName }) {
  const { words } = useWords();
  return (
    <nav class="rail" aria-label={words.navigation}>
      <ul>
        {pagesFor(useMe()).map((page) => (
          <li key={page}>
            <a href={hrefOf(page)} aria-current={page === current ? 'page' : undefined} ref={page === current ? inSight : null}>
              {words.pages[page]}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function ConnectionState() {
  const { words } = useWords();
  const connection = useConnection();
  return (
    <span class={`connection connection-${connection}`} role="status">
      <span aria-hidden="true">{connection === 'connected' ? '●' : '○'}</span> <span class="wide">{words.connection[connection]}</span>
    </span>
  );
}
