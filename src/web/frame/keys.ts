// The keys that work everywhere: `/`, Ctrl-K, `?`, and g with the letter of a page.
import { useEffect, useRef } from 'preact/hooks';
import { hrefOf, type ListedPage } from '../route.ts';
import { go } from '../use-route.ts';

export const pageKeys: Record<ListedPage, string> = {
  overview: 'o',
  guests: 'g',
  zones: 'z',
  jobs: 'j',
  events: 'e',
  audit: 'a',
  log: 'l',
  accounts: 'u',
  host: 'h',
  site: 's',
  settings: ',',
};

const chordMs = 1500;

export function useKeys(on: { onSearch: () => void; onActions: () => void; onHelp: () => void }): void {
  const wanted = useRef(on);
  wanted.current = on;
  useEffect(() => {
    let chordUntil = 0;
    const press = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        wanted.current.onActions();
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (performance.now() < chordUntil) {
        chordUntil = 0;
        const page = (Object.keys(pageKeys) as ListedPage[]).find((name) => pageKeys[name] === event.key);
        if (page) {
          event.preventDefault();
          go(hrefOf(page));
          return;
        }
      }
      if (event.key === 'g') chordUntil = performance.now() + chordMs;
      else if (event.key === '/') wanted.current.onSearch();
      else if (event.key === '?') wanted.current.onHelp();
      else return;
      event.preventDefault();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
}

/** Keys are text there, or belong to a window above the page. */
function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('input, textarea, select, dialog, .console .screen') !== null;
}
