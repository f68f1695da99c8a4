// One field that finds everything: pages, guests, zones; and with Ctrl-K also what can be done with each guest now.
import { useId, useMemo, useState } from 'preact/hooks';
import { actionsFor, useMe } from '../live/me.ts';
import { guests, zones } from '../live/resources.ts';
import { useLive, useResource } from '../live/use-live.ts';
import { hrefOf } from '../route.ts';
import { callAction, ConfirmGuestAction, isDestructive, type PowerAction, powerActions } from '../ui/actions.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { useAct } from '../ui/notices.tsx';
import { State } from '../ui/parts.tsx';
import { go } from '../use-route.ts';
import { filterGuests } from '../view/filter-guests.ts';
import { useWords } from '../words/use-words.ts';
import type { Guest } from '../../model/guest-status.ts';
import { pageKeys } from './keys.ts';
import { pagesFor } from './pages-for.ts';

interface Choice {
  key: string;
  kind: string;
  text: string;
  guest?: Guest;
  hint?: string;
  choose: () => void;
}

const most = 50;

export function Palette({ withActions, onClose }: { withActions: boolean; onClose: () => void }) {
  const { words } = useWords();
  const live = useLive();
  const act = useAct();
  const me = useMe();
  const { value: known } = useResource(guests);
  const { value: knownZones } = useResource(zones);
  const [typed, setTyped] = useState('');
  const [at, setAt] = useState(0);
  const [asked, setAsked] = useState<{ action: 'stop' | 'delete'; guest: Guest }>();
  const id = useId();

  const choices = useMemo((): Choice[] => {
    const visit = (href: string) => () => {
      onClose();
      go(href);
    };
    const run = (guest: Guest, action: PowerAction) => () => {
      if (isDestructive(action)) {
        setAsked({ action, guest });
        return;
      }
      onClose();
      void act((client) => callAction(client, action, guest.uid));
    };
    const terms = typed.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (...texts: string[]) => terms.every((term) => texts.some((text) => text.toLowerCase().includes(term)));
    const found: Choice[] = [];
    for (const page of pagesFor(me)) {
      const text = words.pages[page];
      if (fits(text)) found.push({ key: `page ${page}`, kind: words.page, text, hint: `g ${pageKeys[page]}`, choose: visit(hrefOf(page)) });
    }
    const all = known?.items ?? [];
    for (const guest of filterGuests(all, typed).slice(0, most)) {
      found.push({ key: `guest ${guest.uid}`, kind: words.guest, text: guest.name, guest, choose: visit(hrefOf('guests', [guest.name])) });
    }
    for (const { name } of knownZones?.items ?? []) {
      if (fits(name)) found.push({ key: `zone ${name}`, kind: words.zone, text: name, choose: visit(hrefOf('zones', [name])) });
    }
    if (withActions && terms.length > 0) {
      for (const guest of all) {
        const allowed = actionsFor(me, guest);
        for (const action of powerActions) {
          if (found.length >= 3 * most) break;
          const text = words.actions[action];
          if (!allowed.includes(action) || !fits(text, guest.name)) continue;
          found.push({
            key: `${action} ${guest.uid}`,
            kind: words.action,
            text: words.actionOn(text, guest.name),
            choose: run(guest, action),
          });
        }
      }
    }
    return found.slice(0, 3 * most);
  }, [typed, known, knownZones, words, withActions, live]);

  if (asked) return <ConfirmGuestAction {...asked} onClose={onClose} />;
  const current = choices[Math.min(at, choices.length - 1)];
  return (
    <Dialog title={withActions ? words.anyAction : words.searchEverything} onClose={onClose} class="palette">
      <input
        role="combobox"
        aria-expanded="true"
        aria-controls={id}
        aria-activedescendant={current ? `${id}-${current.key}` : undefined}
        aria-label={words.search}
        placeholder={withActions ? words.palettePlaceholder : words.searchPlaceholder}
        autofocus
        autocomplete="off"
        spellcheck={false}
        value={typed}
        onInput={(event) => {
          setTyped(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown') setAt(Math.min(choices.length - 1, at + 1));
          else if (event.key === 'ArrowUp') setAt(Math.max(0, at - 1));
          else if (event.key === 'Enter') current?.choose();
          else return;
          event.preventDefault();
        }}
      />
      <ul id={id} role="listbox" aria-label={words.found}>
        {choices.map((choice) => (
          <li
            key={choice.key}
            id={`${id}-${choice.key}`}
            role="option"
            aria-selected={choice === current}
            ref={(element) => {
              if (choice === current) element?.scrollIntoView({ block: 'nearest' });
            }}
            onClick={choice.choose}
          >
            <span class="quiet kind">{choice.kind}</span> <span class="grow">{choice.text}</span>
            {choice.guest && <State guest={choice.guest} />}
            {choice.hint !== undefined && <kbd>{choice.hint}</kbd>}
          </li>
        ))}
      </ul>
      {choices.length === 0 && <p role="status">{words.nothingFound(typed)}</p>}
    </Dialog>
  );
}
