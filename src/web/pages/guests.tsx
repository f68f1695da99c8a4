// Every guest: found by the filter, in one table, several at once.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Guest } from '../../model/guest-status.ts';
import { actionsFor, useMe } from '../live/me.ts';
import { guests } from '../live/resources.ts';
import { useResource } from '../live/use-live.ts';
import { hrefOf } from '../route.ts';
import { callAction } from '../ui/actions.tsx';
import { useAct } from '../ui/notices.tsx';
import { Command, Empty, Loaded } from '../ui/parts.tsx';
import { filterGuests, type GuestOrder, sortGuests } from '../view/filter-guests.ts';
import { useWords } from '../words/use-words.ts';
import { GuestTable } from './guest-table.tsx';

/** Of the filter, in the address: not at each key. */
const keptAfterMs = 300;

export function GuestsPage({ filter: first }: { filter: string }) {
  const { words } = useWords();
  const me = useMe();
  const entry = useResource(guests);
  const [filter, setFilter] = useState(first);
  const [order, setOrder] = useState<GuestOrder>({ column: 'state', descending: false });
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const keeping = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => setFilter(first), [first]);
  useEffect(() => () => clearTimeout(keeping.current), []);
  const keep = (text: string) => {
    setFilter(text);
    clearTimeout(keeping.current);
    keeping.current = setTimeout(() => history.replaceState(undefined, '', hrefOf('guests', [], { filter: text })), keptAfterMs);
  };
  // Ordered once, not at each key.
  const sorted = useMemo(() => sortGuests(entry.value?.items ?? [], order), [entry.value, order]);
  const shown = useMemo(() => filterGuests(sorted, filter), [sorted, filter]);
  return (
    <div class="page page-full">
      <header class="page-head">
        <h1>{words.pages.guests}</h1>
        <input
          type="search"
          class="grow"
          aria-label={words.filter}
          placeholder={words.filterPlaceholder}
          value={filter}
          onInput={(event) => keep(event.currentTarget.value)}
        />
        <span class="quiet" role="status">
          {entry.value ? words.shownOf(shown.length, entry.value.items.length) : ''}
        </span>
        {me.site.includes('configure') && (
          <a class="button" href={hrefOf('guests', ['+'])}>
            {words.newGuest}
          </a>
        )}
      </header>
      <Bulk guests={(entry.value?.items ?? []).filter(({ uid }) => chosen.has(uid))} onDone={() => setChosen(new Set())} />
      <Loaded entry={entry}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={words.noGuests}>
              <p>{words.noGuestsHelp}</p>
              <Command text="caisson apply site.yaml" />
            </Empty>
          ) : shown.length === 0 ? (
            <Empty title={words.nothingFound(filter)}>
              <p>{words.filterHelp}</p>
              <button type="button" onClick={() => keep('')}>
                {words.showAll}
              </button>
            </Empty>
          ) : (
            <GuestTable guests={shown} order={order} onOrder={setOrder} chosen={chosen} onChosen={setChosen} />
          )
        }
      </Loaded>
    </div>
  );
}

const bulkActions = ['start', 'shutdown', 'reboot'] as const;

function Bulk({ guests: chosen, onDone }: { guests: readonly Guest[]; onDone: () => void }) {
  const { words } = useWords();
  const act = useAct();
  const me = useMe();
  if (chosen.length === 0) return null;
  return (
    <div class="bulk" role="region" aria-label={words.chosen(chosen.length)}>
      <span>{words.chosen(chosen.length)}</span>
      {bulkActions.map((action) => {
        const able = chosen.filter((guest) => actionsFor(me, guest).includes(action));
        return able.length === 0 ? null : (
          <button
            key={action}
            type="button"
            onClick={() => {
              for (const { uid } of able) void act((client) => callAction(client, action, uid));
              onDone();
            }}
          >
            {words.actions[action]} ({able.length})
          </button>
        );
      })}
      <button type="button" class="link" onClick={onDone}>
        {words.chooseNone}
      </button>
    </div>
  );
}
