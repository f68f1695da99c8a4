// What happened, newest first, live.
import { useMemo, useState } from 'preact/hooks';
import type { Event } from '../../model/event.ts';
import { events, eventsOf, guests } from '../live/resources.ts';
import { useResource } from '../live/use-live.ts';
import { Actor, actorName } from '../ui/actor.tsx';
import { Empty, Loaded, Mark, Said, Time } from '../ui/parts.tsx';
import type { Tone } from '../view/guest-state.ts';
import { useSaid, useWords } from '../words/use-words.ts';
import { jobHref } from './jobs.tsx';

const tones: Record<Event['severity'], Tone> = { info: 'off', warning: 'amber', error: 'red' };
const severities = ['info', 'warning', 'error'] as const;
const most = 200;

export function EventsPage() {
  const { words } = useWords();
  return (
    <div class="page">
      <h1>{words.pages.events}</h1>
      <EventList />
    </div>
  );
}

/** Of one object, by its key in the store, or of all. */
export function EventList({ object }: { object?: string }) {
  const { words } = useWords();
  const [about, setAbout] = useState('');
  const wantedObject = object ?? (about === '' ? undefined : about);
  const entry = useResource(wantedObject === undefined ? events : eventsOf(wantedObject));
  const said = useSaid();
  const [text, setText] = useState('');
  const [least, setLeast] = useState<Event['severity']>('info');
  const shown = useMemo(() => {
    const wanted = text.toLowerCase();
    return (entry.value?.items ?? [])
      .filter(
        (event) =>
          severities.indexOf(event.severity) >= severities.indexOf(least) &&
          (wanted === '' ||
            `${event.message} ${said(event.message).text} ${event.kind} ${event.actor ?? ''} ${actorName(event.actor ?? '', words)}`
              .toLowerCase()
              .includes(wanted)),
      )
      .toReversed();
  }, [entry.value, text, least, said, words]);
  return (
    <>
      <div class="filters">
        <input
          type="search"
          class="grow"
          aria-label={words.filter}
          placeholder={words.filterEvents}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        {object === undefined && <AboutSelect value={about} onChange={setAbout} />}
        <select aria-label={words.severity} value={least} onChange={(event) => setLeast(event.currentTarget.value as Event['severity'])}>
          {severities.map((severity) => (
            <option key={severity} value={severity}>
              {words.atLeast[severity]}
            </option>
          ))}
        </select>
      </div>
      <Loaded entry={entry}>
        {() =>
          shown.length === 0 ? (
            <Empty title={words.noEvents}>
              <p>{words.noEventsHelp}</p>
            </Empty>
          ) : (
            <>
              <ol class="events">
                {shown.slice(0, most).map((event) => (
                  <li key={event.id}>
                    <span class="quiet when">
                      <Time at={event.time} />
                    </span>
                    <span class="mark-cell">
                      {event.severity !== 'info' && <Mark tone={tones[event.severity]} />}
                      {event.severity !== 'info' && <span class="hidden">{words.severities[event.severity]}</span>}
                    </span>
                    <Said class="grow">{event.message}</Said>
                    <span class="quiet actor">
                      <Actor actor={event.actor} />
                    </span>
                    {event.job === undefined ? null : (
                      <a href={jobHref(event.job)} aria-label={`${words.job} ${event.job}`}>
                        {words.job}
                      </a>
                    )}
                  </li>
                ))}
              </ol>
              {shown.length > most && <p class="quiet">{words.olderEvents(shown.length - most)}</p>}
            </>
          )
        }
      </Loaded>
    </>
  );
}

/** What they are about: all, or one guest, the site, the network, the host. */
function AboutSelect({ value, onChange }: { value: string; onChange: (object: string) => void }) {
  const { words } = useWords();
  const { value: knownGuests } = useResource(guests);
  return (
    <select aria-label={words.eventsOf} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
      <option value="">{words.ofEverything}</option>
      <option value="site">{words.pages.site}</option>
      <option value="network">{words.network}</option>
      <option value="host">{words.pages.host}</option>
      {(knownGuests?.items ?? []).map(({ uid, name }) => (
        <option key={uid} value={`guest/${uid}`}>
          {words.onGuest(name)}
        </option>
      ))}
    </select>
  );
}
