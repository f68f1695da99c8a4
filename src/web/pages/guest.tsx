// One guest: how it is and why, what can be done about it, and behind the tabs the rest.
import type { ComponentChildren } from 'preact';
import type { Guest } from '../../model/guest-status.ts';
import { actionsFor, useMe } from '../live/me.ts';
import { guest as guestResource } from '../live/resources.ts';
import { useResource } from '../live/use-live.ts';
import { hrefOf } from '../route.ts';
import { GuestActions } from '../ui/actions.tsx';
import { inSight } from '../ui/in-sight.ts';
import { Command, Empty, Mark, Problem, Said, StateAndWhy, Time, Waiting } from '../ui/parts.tsx';
import { go } from '../use-route.ts';
import { guestCommand } from '../view/command.ts';
import { stateOf } from '../view/guest-state.ts';
import { useWords } from '../words/use-words.ts';
import { Later } from '../frame/later.tsx';
import { EventList } from './events.tsx';
import { GuestHardware } from './guest-hardware.tsx';
import { GuestNow } from './guest-now.tsx';

const tabs = ['now', 'screen', 'console', 'events', 'file', 'hardware'] as const;
type Tab = (typeof tabs)[number];

const isConsole = (tab: Tab) => tab === 'screen' || tab === 'console';

export function GuestPage({ name, tab: wanted }: { name: string; tab: string | undefined }) {
  const { words } = useWords();
  const entry = useResource(guestResource(name));
  const tab = tabs.find((each) => each === wanted) ?? 'now';
  const guest = entry.value;
  const me = useMe();
  if (!guest) {
    if (!entry.error) return <Waiting />;
    return (
      <div class="page">
        <h1>{name}</h1>
        <Problem error={entry.error} />
        <p>
          <a href={hrefOf('guests')}>{words.allGuests}</a>
        </p>
      </div>
    );
  }
  return (
    <div class="page">
      <header class="guest-head">
        <h1>{guest.name}</h1>
        <Sentence guest={guest} />
        {guest.spec.description !== undefined && <p class="quiet">{guest.spec.description}</p>}
        <GuestActions guest={guest} onDeleted={() => go(hrefOf('guests'))} />
      </header>
      <nav class="tabs" aria-label={guest.name}>
        {tabs
          .filter(
            (each) => (!isConsole(each) || actionsFor(me, guest).includes('console')) && (each !== 'file' || me.site.includes('view')),
          )
          .map((each) => (
            <a
              key={each}
              href={hrefOf('guests', [name, ...(each === 'now' ? [] : [each])])}
              aria-current={each === tab ? 'page' : undefined}
              ref={each === tab ? inSight : null}
            >
              {words.tabs[each]}
            </a>
          ))}
      </nav>
      <TabContent tab={tab} guest={guest} />
    </div>
  );
}

/** The state, and the engine’s sentence about it. */
function Sentence({ guest }: { guest: Guest }) {
  const { words, format } = useWords();
  const { status } = guest;
  const { tone } = stateOf(guest);
  return (
    <div class={`sentence tone-${tone}`}>
      <StateAndWhy guest={guest} />
      {status.ready && status.readyAfterMs !== undefined && (
        <span class="quiet"> {words.readyAfter(format.duration(status.readyAfterMs))}</span>
      )}
      {status.startedAt !== undefined && (
        <span class="quiet">
          {' · '}
          {words.startedAt} <Time at={status.startedAt} />
        </span>
      )}
      {status.pending.map((text) => (
        <p key={text}>
          <Mark tone="amber" /> <Said>{text}</Said>
        </p>
      ))}
    </div>
  );
}

function TabContent({ tab, guest }: { tab: Tab; guest: Guest }): ComponentChildren {
  const { words } = useWords();
  switch (tab) {
    case 'now':
      return <GuestNow guest={guest} />;
    case 'screen':
      if (guest.spec.display === 'none')
        return (
          <Empty title={words.noDisplay}>
            <p>{words.noDisplayHelp}</p>
            <p>
              <code>display: vga</code>
            </p>
          </Empty>
        );
      if (!guest.actions.includes('console')) return <NoConsole />;
      return (
        <>
          <Later key="screen" load={async () => (await import('./guest-screen.tsx')).GuestScreen} props={{ guest: guest.name }} />
          <Command text={guestCommand('screen', guest.name)} />
        </>
      );
    case 'console':
      if (!guest.actions.includes('console')) return <NoConsole />;
      return (
        <>
          <Later key="console" load={async () => (await import('./guest-console.tsx')).GuestConsole} props={{ guest: guest.name }} />
          <Command text={guestCommand('console', guest.name)} />
        </>
      );
    case 'events':
      return <EventList object={`guest/${guest.uid}`} />;
    case 'file':
      return <Later key="file" load={async () => (await import('./guest-file.tsx')).GuestFile} props={{ name: guest.name }} />;
    case 'hardware':
      return <GuestHardware guest={guest} />;
  }
}

function NoConsole() {
  const { words } = useWords();
  return (
    <Empty title={words.noConsole}>
      <p>{words.noConsoleHelp}</p>
    </Empty>
  );
}
