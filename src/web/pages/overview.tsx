// Three questions, in this order: is everything all right, what changed, is there room.
import { useMemo } from 'preact/hooks';
import { useMe } from '../live/me.ts';
import { advice, events, guests, host, zoneCheck } from '../live/resources.ts';
import { useNow, useResource } from '../live/use-live.ts';
import { hrefOf } from '../route.ts';
import { Actor } from '../ui/actor.tsx';
import { Command, Loaded, Mark, NoSite, Problem, Said, Section, StateAndWhy, Time } from '../ui/parts.tsx';
import { changesSince } from '../view/changes.ts';
import { type Need, needsYou } from '../view/needs-you.ts';
import { useWords } from '../words/use-words.ts';
import { HostRoom } from './host-room.tsx';

export function Overview() {
  const { words } = useWords();
  const known = useResource(guests);
  const seesSite = useMe().site.includes('view');
  const here = useResource(seesSite ? host : undefined);
  const check = useResource(seesSite ? zoneCheck : undefined);
  const all = known.value?.items ?? [];
  const needs = useMemo(() => needsYou(all, here.value, check.value), [known.value, here.value, check.value]);
  if (known.error && !known.value) return <Problem error={known.error} />;
  if (known.value && here.value?.guests.defined === 0) return <FirstSteps />;
  return (
    <div class="page">
      <h1 class="hidden">{words.pages.overview}</h1>
      <div class="columns">
        <Section title={known.value ? (needs.length === 0 ? words.allIsWell : words.needYou(needs.length)) : words.loading}>
          {known.value && needs.length === 0 && <p class="quiet">{words.allIsWellMeans(all.length)}</p>}
          <ul class="needs">
            {needs.slice(0, 12).map((need) => (
              <NeedLine key={need.guest?.uid ?? `${need.about} ${need.why}`} need={need} />
            ))}
          </ul>
          {needs.length > 12 && <a href={hrefOf('guests')}>{words.andMore(needs.length - 12)}</a>}
        </Section>
        <Changes />
      </div>
      {seesSite && <Loaded entry={here}>{(value) => <HostRoom host={value} guests={all} />}</Loaded>}
      <Advice />
    </div>
  );
}

function NeedLine({ need: { tone, guest, about, why } }: { need: Need }) {
  const { words } = useWords();
  return (
    <li>
      <Mark tone={tone} />
      {guest ? (
        <a class="name" href={hrefOf('guests', [guest.name])}>
          {guest.name}
        </a>
      ) : (
        <a class="name" href={hrefOf(about === 'filtering' ? 'zones' : 'host')}>
          {words.about[about]}
        </a>
      )}
      <span class="why">
        {guest ? (
          <StateAndWhy guest={guest} />
        ) : why !== '' ? (
          <Said>{why}</Said>
        ) : about === 'filtering' ? (
          words.checkFailed
        ) : (
          words.memoryShort
        )}
      </span>
      {guest?.actions.includes('console') && <a href={hrefOf('guests', [guest.name, 'console'])}>{words.console}</a>}
    </li>
  );
}

const dayMs = 86_400_000;

function Changes() {
  const { words, format } = useWords();
  const now = useNow(60_000);
  const entry = useResource(events);
  const changes = useMemo(() => changesSince(entry.value?.items ?? [], now - dayMs), [entry.value, now]);
  return (
    <Section title={words.sinceYesterday(format.clock(now))} aside={<a href={hrefOf('events')}>{words.allEvents}</a>}>
      {entry.value && changes.length === 0 && <p class="quiet">{words.nothingChanged}</p>}
      <ul class="changes">
        {changes.slice(0, 10).map(({ event, mark, count, others }) => (
          <li key={event.id}>
            <span class={`change-mark severity-${event.severity}`} aria-hidden="true">
              {mark}
            </span>
            {event.severity !== 'info' && <span class="hidden">{words.severities[event.severity]}</span>}
            <span class="grow">
              <Said>{event.message}</Said>
              {count > 1 && <span class="quiet"> ×{count}</span>}
              {others > 0 && <span class="quiet"> {words.andMore(others)}</span>}
            </span>
            <span class="quiet">
              <Actor actor={event.actor} /> <Time at={event.time} />
            </span>
          </li>
        ))}
      </ul>
      {changes.length > 10 && <a href={hrefOf('events')}>{words.andMore(changes.length - 10)}</a>}
    </Section>
  );
}

/** Sizes that measurements speak against. */
function Advice() {
  const { words } = useWords();
  const { value } = useResource(advice);
  const worth = (value?.items ?? []).filter(({ verdict }) => verdict === 'smaller' || verdict === 'larger');
  if (worth.length === 0) return null;
  return (
    <Section title={words.sizesToThinkOf}>
      <ul class="changes">
        {worth.slice(0, 8).map(({ uid, name, message }) => (
          <li key={uid}>
            <a href={hrefOf('guests', [name])}>{name}</a>
            <Said class="grow">{message}</Said>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function FirstSteps() {
  const { words } = useWords();
  return (
    <div class="page">
      <h1>{words.pages.overview}</h1>
      <NoSite>
        <Command text="caisson apply site.yaml --dry-run" />
        <Command text="caisson apply site.yaml" />
      </NoSite>
    </div>
  );
}
