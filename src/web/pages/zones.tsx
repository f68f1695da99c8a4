// The map: world on top, zones as bands, guests as cards in them, flows as arrows. One click shows what something reaches and what reaches
// it; the second asks whether the two may talk, and by which rule.
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { FlowView } from '../../model/flow-view.ts';
import type { Guest } from '../../model/guest-status.ts';
import type { ZoneView } from '../../model/zone-check.ts';
import { useMe } from '../live/me.ts';
import { explanation, flows, guests, zoneCheck, zones } from '../live/resources.ts';
import { useResource } from '../live/use-live.ts';
import { hrefOf } from '../route.ts';
import { useAct } from '../ui/notices.tsx';
import { Command, Empty, Facts, Loaded, Mark, Problem, Said, Section, Time, Waiting } from '../ui/parts.tsx';
import { useWidth } from '../ui/use-size.ts';
import { shellCommand } from '../view/command.ts';
import { type Arrow, arrowsOf, differencesOf, neighbours, portToAsk } from '../view/flow-map.ts';
import { stateOf } from '../view/guest-state.ts';
import { stripeOf, zonesOf } from '../view/zone-stripes.ts';
import { useWords } from '../words/use-words.ts';
import { FlowForm } from './flow-form.tsx';

/** With more arrows than this only those of what was chosen are drawn: nobody could follow a line. */
const mostArrows = 60;

export function ZonesPage({ zone, node }: { zone: string | undefined; node: string | undefined }) {
  const { words } = useWords();
  const known = useResource(zones);
  const allowed = useResource(flows);
  const all = useResource(guests);
  const me = useMe();
  const [chosen, setChosen] = useState<string[]>(node === undefined ? [] : [node]);
  const choose = (name: string) =>
    setChosen((before) => (before.includes(name) ? before.filter((each) => each !== name) : [...before.slice(-1), name]));
  const arrows = useMemo(() => arrowsOf(allowed.value?.items ?? [], known.value?.items ?? []), [allowed.value, known.value]);
  const proof = useResource(me.site.includes('view') ? zoneCheck : undefined);
  const wrong = useMemo(() => differencesOf(proof.value), [proof.value]);
  const byName = useMemo(() => new Map((all.value?.items ?? []).map((guest) => [guest.name, guest])), [all.value]);
  const error = known.error ?? allowed.error ?? all.error;
  if (!known.value || !allowed.value || !all.value) return error ? <Problem error={error} /> : <Waiting />;
  const shown = zone === undefined ? known.value.items : known.value.items.filter(({ name }) => name === zone);
  return (
    <div class="page">
      <header class="page-head">
        <h1 class="grow">{zone ?? words.pages.zones}</h1>
        <LastProof />
      </header>
      {zone !== undefined && (
        <p>
          <a href={hrefOf('zones')}>{words.allZones}</a>
        </p>
      )}
      {known.value.items.length === 0 ? (
        <Empty title={words.noZones}>
          <p>{words.noZonesHelp}</p>
          <a href={hrefOf('site')}>{words.pages.site}</a>
        </Empty>
      ) : (
        <>
          <p class="quiet">{words.mapHelp}</p>
          <ZoneMap zones={shown} guests={byName} arrows={arrows} wrong={wrong} chosen={chosen} onChoose={choose} />
          {chosen.length > 0 && <Chosen chosen={chosen} arrows={arrows} guests={byName} onClear={() => setChosen([])} />}
          <FlowList flows={allowed.value.items} />
          {me.site.includes('configure') && (
            <FlowForm ends={['world', 'host', ...known.value.items.map(({ name }) => `zone:${name}`), ...byName.keys()]} />
          )}
        </>
      )}
    </div>
  );
}

interface MapProps {
  zones: readonly ZoneView[];
  guests: ReadonlyMap<string, Guest>;
  arrows: readonly Arrow[];
  /** Where the last proof found another thing than the flows say. */
  wrong: readonly Arrow[];
  chosen: readonly string[];
  onChoose: (name: string) => void;
}

function ZoneMap({ zones: bands, guests: byName, arrows, wrong, chosen, onChoose }: MapProps) {
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
            {band.guests.map((name) => {
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

function Chosen(props: { chosen: readonly string[]; arrows: readonly Arrow[]; guests: ReadonlyMap<string, Guest>; onClear: () => void }) {
  const { chosen, arrows, guests: byName, onClear } = props;
  const { words } = useWords();
  const [first = '', second] = chosen;
  const line = ({ from, to, ports, by }: Arrow, name: string) => (
    <li key={`${from} ${to}`} title={by.join('\n')}>
      <strong>{name}</strong> <span class="ports">{ports.join(' ')}</span>
    </li>
  );
  const clear = (
    <button type="button" class="link" onClick={onClear}>
      {words.clearChoice}
    </button>
  );
  if (second !== undefined) return <MayTalk from={first} to={second} arrows={arrows} guests={byName} aside={clear} />;
  const reaches = arrows.filter(({ from }) => from === first);
  const reached = arrows.filter(({ to }) => to === first);
  return (
    <Section title={first} aside={clear}>
      <div class="columns">
        <div>
          <h3>{words.reachedBy}</h3>
          {reached.length === 0 && <p class="quiet">{words.nobody}</p>}
          <ul class="plain">{reached.map((arrow) => line(arrow, arrow.from))}</ul>
        </div>
        <div>
          <h3>{words.reaches}</h3>
          {reaches.length === 0 && <p class="quiet">{words.nothing}</p>}
          <ul class="plain">{reaches.map((arrow) => line(arrow, arrow.to))}</ul>
        </div>
      </div>
      {byName.has(first) && <a href={hrefOf('guests', [first])}>{words.openGuest}</a>}
    </Section>
  );
}

/** Yes or no between two, by which rule, in both directions. */
function MayTalk(props: {
  from: string;
  to: string;
  arrows: readonly Arrow[];
  guests: ReadonlyMap<string, Guest>;
  aside: preact.ComponentChildren;
}) {
  const { arrows, guests: byName } = props;
  const { words } = useWords();
  const [turned, setTurned] = useState(false);
  const [from, to] = turned ? [props.to, props.from] : [props.from, props.to];
  const usual = portToAsk(from, to, arrows, byName.get(to)?.spec.service?.ports ?? []);
  const [typed, setTyped] = useState<string>();
  const port = typed ?? usual;
  const isPort = /^(?:(?:tcp|udp|protocol)\/\d{1,5}|icmp(?:\/[\w-]+)?)$/.test(port);
  return (
    <Section title={words.mayTalk(from, to)} aside={props.aside}>
      <div class="filters">
        <label>
          {words.port}{' '}
          <input value={port} spellcheck={false} autocapitalize="none" size={12} onInput={(event) => setTyped(event.currentTarget.value)} />
        </label>
        <button
          type="button"
          onClick={() => {
            setTurned(!turned);
            setTyped(undefined);
          }}
        >
          ⇄ {words.otherWay}
        </button>
      </div>
      {isPort ? (
        <Explanation key={`${from} ${to} ${port}`} from={from} to={to} port={port} />
      ) : (
        <p class="tone-amber">{words.portExample}</p>
      )}
    </Section>
  );
}

function Explanation({ from, to, port }: { from: string; to: string; port: string }) {
  const { words } = useWords();
  const entry = useResource(explanation(from, to, port));
  return (
    <Loaded entry={entry}>
      {({ ways, differs, withoutRules }) => (
        <>
          {differs && (
            <p class="tone-red">
              <Mark tone="red" /> {words.rulesDiffer}
            </p>
          )}
          <ul class="plain ways">
            {ways.map((way) => (
              <li key={`${way.fromAddress} ${way.toAddress}`}>
                <p>
                  <strong class={`decision-${way.decided}`}>{way.decided === 'open' ? `✓ ${words.yes}` : `✗ ${words.no}`}</strong>{' '}
                  <code>
                    {way.fromAddress} → {way.toAddress} {port}
                  </code>
                </p>
                <Facts
                  items={[
                    [words.because, <Said>{way.why}</Said>],
                    way.flow !== undefined && [words.inTheSiteFile, <code>{way.flow}</code>],
                    way.sharedWire !== undefined && [
                      words.zone,
                      <span class="tone-amber">
                        <Mark tone="amber" /> {way.sharedWire}: {words.bridged}
                      </span>,
                    ],
                    way.rules?.rule !== undefined && [words.inTheKernel, <code>{way.rules.rule}</code>],
                  ]}
                />
              </li>
            ))}
          </ul>
          {withoutRules !== undefined && (
            <p class="quiet">
              <Said>{withoutRules}</Said>
            </p>
          )}
          <Command text={shellCommand(['caisson', 'flow', 'explain', from, to, port])} />
        </>
      )}
    </Loaded>
  );
}

function LastProof() {
  const { words } = useWords();
  const act = useAct();
  const { site } = useMe();
  const { value, error } = useResource(site.includes('view') ? zoneCheck : undefined);
  const wrong = value?.checks.filter(({ expected, got }) => got !== 'unknown' && expected !== got) ?? [];
  return (
    <div class="proof">
      {value ? (
        <span class={value.ok ? '' : 'tone-red'}>
          <Mark tone={value.ok ? 'quiet' : 'red'} /> {value.ok ? words.proved(value.checks.length) : words.notProved(wrong.length)}{' '}
          <Time at={value.checkedAt} />
        </span>
      ) : error ? (
        <span class="quiet">{words.neverProved}</span>
      ) : null}
      {site.includes('operate') && (
        <button type="button" title="caisson zone check" onClick={() => void act((client) => client.call('zoneCheck', { body: {} }))}>
          {words.proveNow}
        </button>
      )}
      {wrong.length > 0 && (
        <ul class="plain tone-red">
          {wrong.slice(0, 10).map((line) => (
            <li key={`${line.from} ${line.to} ${line.address} ${line.port}`}>
              {line.from} → {line.to} {line.port}: {words.isBut[line.got]}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function FlowList({ flows: all }: { flows: readonly FlowView[] }) {
  const { words } = useWords();
  return (
    <Section title={words.flows}>
      {all.length === 0 ? (
        <p class="quiet">{words.noFlows}</p>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label={words.flows}>
          <table>
            <thead>
              <tr>
                <th scope="col">{words.from}</th>
                <th scope="col">{words.to}</th>
                <th scope="col">{words.allows}</th>
                <th scope="col">{words.comment}</th>
              </tr>
            </thead>
            <tbody>
              {all.map((flow, index) => (
                <tr key={index}>
                  <td>{flow.from}</td>
                  <td>{flow.to}</td>
                  <td>{flow.allow.join(' ')}</td>
                  <td>{flow.comment}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Section>
  );
}
