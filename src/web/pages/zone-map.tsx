// The map itself: world on top, zones as bands, guests as cards in them, flows as arrows. Of one that is chosen what is near it stays, the rest fades.
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Guest } from '../../model/guest-status.ts';
import type { ZoneView } from '../../model/zone-check.ts';
import { hrefOf } from '../route.ts';
import { Mark } from '../ui/parts.tsx';
import { useWidth } from '../ui/use-size.ts';
import { type Arrow, neighbours } from '../view/flow-map.ts';
import { byName as byNumberedName } from '../view/filter-guests.ts';
import { stateOf } from '../view/guest-state.ts';
import { stripeOf, zonesOf } from '../view/zone-stripes.ts';
import { useWords } from '../words/use-words.ts';

/** With more arrows than this only those of what was chosen are drawn: nobody could follow a line. */
const mostArrows = 60;

interface MapProps {
  zones: readonly ZoneView[];
  guests: ReadonlyMap<string, Guest>;
  arrows: readonly Arrow[];
  /** Where the last proof found another thing than the flows say. */
  wrong: readonly Arrow[];
  chosen: readonly string[];
  onChoose: (name: string) => void;
}

export function ZoneMap({ zones: bands, guests: byName, arrows, wrong, chosen, onChoose }: MapProps) {
  const { words } = useWords();
  const box = useRef<HTMLDivElement>(null);
  const [places, setPlaces] = useState<ReadonlyMap<string, DOMRectReadOnly>>(new Map());
  const width = useWidth(box);
  const ofGuests = useMemo(() => zonesOf(byName.values()), [byName]);
  const near = useMemo(
    () => (chosen.length === 0 ? undefined : new Set(chosen.flatMap((name) => [...neighbours(name, arrows)]))),
    [chosen, arrows],
  );
  const drawn = useMemo(
    () =>
      arrows.filter(({ from, to }) => (chosen.length === 0 ? arrows.length <= mostArrows : chosen.includes(from) || chosen.includes(to))),
    [arrows, chosen],
  );
  useLayoutEffect(() => {
    const { current } = box;
    if (!current) return;
    const origin = current.getBoundingClientRect();
    const found = new Map<string, DOMRectReadOnly>();
    for (const element of current.querySelectorAll<HTMLElement>('[data-node]')) {
      const at = element.getBoundingClientRect();
      found.set(element.dataset['node'] ?? '', new DOMRectReadOnly(at.x - origin.x, at.y - origin.y, at.width, at.height));
    }
    setPlaces(found);
  }, [width, bands, byName]);
  const faded = (name: string) => (near && !near.has(name) ? 'faded' : '');
  const card = (name: string, more: string, content: string) => (
    <button
      type="button"
      class={`card ${more} ${faded(name)}`}
      data-node={name}
      aria-pressed={chosen.includes(name)}
      onClick={() => onChoose(name)}
    >
      {content}
    </button>
  );
  return (
    <div ref={box} class="map">
      <div class="band band-outside">
        <header />
        <div class="cards">
          {card('world', 'card-world', words.world)}
          {card('host', 'card-host', words.theHost)}
        </div>
      </div>
      {bands.map((band) => (
        <section key={band.name} class="band" aria-label={`${words.zone} ${band.name}`}>
          <header>
            <span class={`stripe zone-${stripeOf(band.name, ofGuests)}`} aria-hidden="true" />
            <a href={hrefOf('zones', [band.name])}>{band.name}</a>
            <span class="quiet">
              {band.subnets.join(' ')}
              {band.uplink ? ` · ${words.uplink} ${band.uplink.interface}` : ` · ${words.noUplink}`}
              {band.masquerade ? ` · ${words.masquerade}` : ''}
            </span>
            {band.bridged && (
              <span class="tone-amber">
                <Mark tone="amber" /> {words.bridged}
              </span>
            )}
          </header>
          <div class="cards">
            {band.guests.length === 0 && <span class="quiet">{words.noGuestsInZone}</span>}
            {band.guests.toSorted(byNumberedName).map((name) => {
              const guest = byName.get(name);
              const { tone } = guest ? stateOf(guest) : { tone: 'unknown' as const };
              return (
                <div key={name} class="card-place">
                  {card(name, `tone-${tone}`, name)}
                  {tone !== 'quiet' && tone !== 'off' && <Mark tone={tone} />}
                </div>
              );
            })}
          </div>
        </section>
      ))}
      <svg class="arrows" aria-hidden="true" width="100%" height="100%">
        <defs>
          <marker id="arrow-head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse">
            <path d="M0 0l8 4-8 4z" />
          </marker>
        </defs>
        {drawn.map((arrow) => (
          <ArrowLine key={`${arrow.from} ${arrow.to}`} arrow={arrow} places={places} look={chosen.length > 0 ? 'near' : ''} />
        ))}
        {wrong.map((arrow) => (
          <ArrowLine key={`wrong ${arrow.from} ${arrow.to}`} arrow={arrow} places={places} look="near wrong" />
        ))}
      </svg>
      {arrows.length > mostArrows && chosen.length === 0 && <p class="quiet">{words.manyArrows(arrows.length)}</p>}
    </div>
  );
}

function ArrowLine({
  arrow,
  places,
  look,
}: {
  arrow: Arrow;
  places: ReadonlyMap<string, DOMRectReadOnly>;
  look: '' | 'near' | 'near wrong';
}) {
  const a = places.get(arrow.from);
  const b = places.get(arrow.to);
  if (!a || !b) return null;
  const isDown = b.top > a.top + 4;
  const isUp = b.top < a.top - 4;
  // Side by side: an arc above; else from edge to edge.
  const x1 = a.x + a.width / 2 + (isDown || isUp ? 0 : Math.sign(b.x - a.x) * 12);
  const x2 = b.x + b.width / 2 - (isDown || isUp ? Math.sign(x1 - b.x - b.width / 2) * -6 : Math.sign(b.x - a.x) * 12);
  const y1 = isDown ? a.bottom : a.top;
  const y2 = isDown ? b.top : isUp ? b.bottom : b.top;
  const bend = isDown ? Math.max(16, (y2 - y1) / 2) : isUp ? -Math.max(16, (y1 - y2) / 2) : -28;
  const path =
    isDown || isUp
      ? `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`
      : `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 + bend} ${x2} ${y2}`;
  const label = arrow.ports.length > 3 ? `${arrow.ports.slice(0, 3).join(' ')} …` : arrow.ports.join(' ');
  return (
    <g class={look}>
      <path class="arrow" d={path} marker-end="url(#arrow-head)" />
      {look !== '' && (
        <text x={(x1 + x2) / 2 + 6} y={(y1 + y2) / 2 + (isDown || isUp ? 4 : -20)}>
          {label}
        </text>
      )}
    </g>
  );
}
