// The table of guests: order, choice, keys. Only the rows in sight exist, so that a thousand cost no more than forty.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Guest } from '../../model/guest-status.ts';
import { useLive } from '../live/use-live.ts';
import { hrefOf } from '../route.ts';
import { Mark, State, Why } from '../ui/parts.tsx';
import { go } from '../use-route.ts';
import type { GuestColumn, GuestOrder } from '../view/filter-guests.ts';
import { useWords } from '../words/use-words.ts';

/** Of a row, in pixels; the style sheet says the same. */
const rowHeight = 32;
const spare = 8;

export function GuestTable(props: {
  guests: readonly Guest[];
  order: GuestOrder;
  onOrder: (order: GuestOrder) => void;
  chosen: ReadonlySet<string>;
  onChosen: (chosen: ReadonlySet<string>) => void;
}) {
  const { guests: all, order, chosen } = props;
  const { words, format } = useWords();
  const live = useLive();
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(800);
  const [at, setAt] = useState(0);
  const wantsFocus = useRef(false);
  const current = Math.min(at, all.length - 1);
  useLayoutEffect(() => {
    const { current: element } = box;
    if (!element) return;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const from = Math.max(0, Math.floor(top / rowHeight) - spare);
  const to = Math.min(all.length, Math.ceil((top + height) / rowHeight) + spare);
  useLayoutEffect(() => {
    if (!wantsFocus.current) return;
    wantsFocus.current = false;
    box.current?.querySelector<HTMLElement>(`[data-row="${current}"]`)?.focus({ preventScroll: true });
  });
  const move = (next: number) => {
    const row = Math.max(0, Math.min(all.length - 1, next));
    const element = box.current;
    if (element) {
      const head = rowHeight;
      if (row * rowHeight < element.scrollTop) element.scrollTop = row * rowHeight;
      else if ((row + 1) * rowHeight + head > element.scrollTop + element.clientHeight)
        element.scrollTop = (row + 1) * rowHeight + head - element.clientHeight;
    }
    wantsFocus.current = true;
    setAt(row);
  };
  const toggle = (uid: string) => {
    const next = new Set(chosen);
    if (!next.delete(uid)) next.add(uid);
    props.onChosen(next);
  };
  const press = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor(height / rowHeight) - 2);
    const guest = all[current];
    const steps: Record<string, () => void> = {
      ArrowDown: () => move(current + 1),
      ArrowUp: () => move(current - 1),
      PageDown: () => move(current + page),
      PageUp: () => move(current - page),
      Home: () => move(0),
      End: () => move(all.length - 1),
      Enter: () => guest && go(hrefOf('guests', [guest.name])),
      ' ': () => guest && toggle(guest.uid),
    };
    const isOfRow = event.target instanceof HTMLElement && event.target.dataset['row'] !== undefined;
    if (!isOfRow || !steps[event.key]) return;
    event.preventDefault();
    steps[event.key]?.();
  };
  const allChosen = all.every(({ uid }) => chosen.has(uid));
  const head = (column: GuestColumn, name: string, more = '') => (
    <th
      scope="col"
      class={`col-${column} ${more}`}
      aria-sort={order.column === column ? (order.descending ? 'descending' : 'ascending') : undefined}
    >
      <button
        type="button"
        class="link"
        onClick={() => props.onOrder({ column, descending: order.column === column ? !order.descending : false })}
      >
        {name}
        {order.column === column && <span aria-hidden="true">{order.descending ? ' ↓' : ' ↑'}</span>}
      </button>
    </th>
  );
  return (
    <div ref={box} class="table-box" onScroll={(event) => setTop(event.currentTarget.scrollTop)} onKeyDown={press}>
      <table aria-rowcount={all.length + 1} class="guests" data-live={live.connection}>
        <thead>
          <tr aria-rowindex={1}>
            <th scope="col" class="col-check">
              <input
                type="checkbox"
                aria-label={words.chooseAll}
                checked={allChosen}
                onChange={() => props.onChosen(allChosen ? new Set() : new Set(all.map(({ uid }) => uid)))}
              />
            </th>
            {head('state', words.state)}
            {head('name', words.name)}
            {head('zone', words.zone)}
            <th scope="col" class="col-addresses">
              {words.addresses}
            </th>
            <th scope="col" class="col-service">
              {words.service}
            </th>
            {head('cpus', words.processors, 'number')}
            {head('memory', words.memory, 'number')}
            {head('cost', words.costs, 'number')}
            <th scope="col" class="col-why">
              {words.why}
            </th>
          </tr>
        </thead>
        <tbody>
          {from > 0 && <tr class="spacer" aria-hidden="true" style={{ height: `${from * rowHeight}px` }} />}
          {all.slice(from, to).map((guest, index) => {
            const row = from + index;
            const { spec, status } = guest;
            return (
              <tr
                key={row}
                data-row={row}
                aria-rowindex={row + 2}
                aria-selected={chosen.has(guest.uid)}
                tabIndex={row === current ? 0 : -1}
                onFocus={() => setAt(row)}
              >
                <td class="col-check">
                  <input
                    type="checkbox"
                    tabIndex={-1}
                    aria-label={words.choose(guest.name)}
                    checked={chosen.has(guest.uid)}
                    onChange={() => toggle(guest.uid)}
                  />
                </td>
                <td class="col-state">
                  <State guest={guest} />
                </td>
                <td class="col-name">
                  <a href={hrefOf('guests', [guest.name])} tabIndex={-1} title={guest.name}>
                    {guest.name}
                  </a>
                </td>
                <td class="col-zone" title={spec.nics.map(({ zone }) => zone).join(' ')}>
                  {spec.nics.map(({ zone }) => zone).join(' ')}
                  {status.nics.some(({ bridged }) => bridged) && (
                    <span title={words.bridged}>
                      {' '}
                      <Mark tone="amber" />
                    </span>
                  )}
                </td>
                <td class="col-addresses">{status.nics.flatMap(({ addresses }) => addresses).join(' ')}</td>
                <td class="col-service">{(spec.service?.ports ?? []).join(' ')}</td>
                <td class="col-cpus number">{format.number(spec.cpus)}</td>
                <td class="col-memory number">{format.mib(spec.memoryMib)}</td>
                <td class="col-cost number">{status.memoryBytes === undefined ? '–' : format.bytes(status.memoryBytes)}</td>
                <td class="col-why">
                  <Why guest={guest} />
                </td>
              </tr>
            );
          })}
          {to < all.length && <tr class="spacer" aria-hidden="true" style={{ height: `${(all.length - to) * rowHeight}px` }} />}
        </tbody>
      </table>
    </div>
  );
}
