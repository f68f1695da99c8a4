// One guest: how it is and why, what can be done about it, what it has used, who may reach it, what it is made of.
import type { ComponentChildren } from 'preact';
import { describeCheck } from '../../model/check-words.ts';
import type { Guest } from '../../model/guest-status.ts';
import { actionsFor, useMe } from '../live/me.ts';
import { guest as guestResource, visitors } from '../live/resources.ts';
import { useResource } from '../live/use-live.ts';
import { hrefOf } from '../route.ts';
import { GuestActions } from '../ui/actions.tsx';
import { inSight } from '../ui/in-sight.ts';
import { Command, Empty, Facts, Loaded, Mark, Problem, Said, Section, StateAndWhy, Time, Waiting } from '../ui/parts.tsx';
import { go } from '../use-route.ts';
import { guestCommand } from '../view/command.ts';
import { stateOf } from '../view/guest-state.ts';
import { useWords } from '../words/use-words.ts';
import { Later } from '../frame/later.tsx';
import { EventList } from './events.tsx';
import { Plots } from './plots.tsx';
import { ScreenPicture } from './screen-picture.tsx';

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
      return <Now guest={guest} />;
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
      return <Hardware guest={guest} />;
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

function Now({ guest }: { guest: Guest }) {
  const { words, format } = useWords();
  const { spec, status } = guest;
  const checks = spec.service?.ready ?? [];
  const me = useMe();
  const isSeen = spec.display !== 'none' && actionsFor(me, guest).includes('console');
  return (
    <div class="columns guest-now">
      <Plots guest={guest} />
      <div>
        <Section title={words.service}>
          {spec.service ? (
            <Facts
              items={[
                [words.ports, spec.service.ports.length === 0 ? '–' : spec.service.ports.join(' ')],
                [words.readyWhen, checks.length === 0 ? words.readyWhenRuns : checks.map((check) => describeCheck(check)).join(' · ')],
                status.checkedAt !== undefined && [words.lastCheck, <Time at={status.checkedAt} />],
              ]}
            />
          ) : (
            <p class="quiet">{words.noService}</p>
          )}
        </Section>
        {isSeen && <ScreenPicture key={status.power} guest={guest.name} />}
        <Visitors guest={guest} />
        <Section title={words.nics}>
          <ul class="plain">
            {status.nics.map((nic) => (
              <li key={nic.mac}>
                <a href={hrefOf('zones', [nic.zone])}>{nic.zone}</a> <span class="addresses">{nic.addresses.join(' ')}</span>{' '}
                {nic.bridged && (
                  <span class="tone-amber">
                    <Mark tone="amber" /> {words.bridged}
                  </span>
                )}{' '}
                <span class="quiet">
                  {nic.mac} · {nic.tap}
                </span>
              </li>
            ))}
          </ul>
        </Section>
        <Section title={words.disks}>
          <table>
            <thead>
              <tr>
                <th scope="col">{words.name}</th>
                <th scope="col" class="number">
                  {words.size}
                </th>
                <th scope="col" class="number">
                  {words.taken}
                </th>
              </tr>
            </thead>
            <tbody>
              {status.disks.map((disk) => (
                <tr key={disk.name} title={disk.path}>
                  <td>{disk.name}</td>
                  <td class="number">{format.bytes(disk.sizeBytes)}</td>
                  <td class="number">{disk.allocatedBytes === undefined ? '–' : format.bytes(disk.allocatedBytes)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Section>
        {spec.after.length > 0 && (
          <Section title={words.startsAfter}>
            <ul class="plain">
              {spec.after.map((dependency) => {
                const [kind, name] =
                  'requires' in dependency ? (['requires', dependency.requires] as const) : (['wants', dependency.wants] as const);
                return (
                  <li key={name}>
                    <a href={hrefOf('guests', [name])}>{name}</a> <span class="quiet">{words[kind]}</span>
                  </li>
                );
              })}
            </ul>
          </Section>
        )}
      </div>
    </div>
  );
}

function Visitors({ guest }: { guest: Guest }) {
  const { words } = useWords();
  const entry = useResource(visitors(guest.name));
  return (
    <Section title={words.whoMayReachIt} aside={<a href={hrefOf('zones', [], { node: guest.name })}>{words.onTheMap}</a>}>
      <Loaded entry={entry}>
        {({ items }) =>
          items.length === 0 ? (
            <p class="quiet">{words.nobodyMayReachIt}</p>
          ) : (
            <table>
              <tbody>
                {items.map(({ from, ports, by }) => (
                  <tr key={`${from} ${by}`} title={by}>
                    <td>{from}</td>
                    <td>{ports.map((port) => (port === 'everything' ? words.everything : port)).join(' ')}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Loaded>
      <Command text={`caisson flow who ${guest.name}`} />
    </Section>
  );
}

function Hardware({ guest }: { guest: Guest }) {
  const { words, format } = useWords();
  const { spec, status, hardware } = guest;
  return (
    <div class="columns">
      <Section title={words.hardware}>
        <Facts
          items={[
            [words.processors, `${format.number(spec.cpus)} (${words.atMost} ${format.number(hardware.maxCpus)})`],
            spec.cpu && [
              words.share,
              [
                spec.cpu.weight === undefined ? '' : `${words.weight} ${spec.cpu.weight}`,
                spec.cpu.limit === undefined ? '' : `${words.atMost} ${format.number(spec.cpu.limit, 1)}`,
                spec.cpu.pin === undefined ? '' : `${words.pinnedTo} ${spec.cpu.pin.join(', ')}`,
              ]
                .filter(Boolean)
                .join(' · '),
            ],
            [
              words.memory,
              spec.memoryRange
                ? `${format.mib(spec.memoryRange.minMib)} – ${format.mib(spec.memoryRange.maxMib)}`
                : format.mib(spec.memoryMib),
            ],
            status.has && [words.hasNow, `${format.mib(status.has.memoryMib)} · ${words.processorsCounted(status.has.cpus)}`],
            status.memoryBytes !== undefined && [words.costs, format.bytes(status.memoryBytes)],
            [words.firmware, spec.firmware],
            [words.system, spec.os],
            [words.screen, spec.display],
            [words.image, spec.image],
            [words.machine, hardware.machineType],
            [words.model, hardware.cpuModel],
          ]}
        />
      </Section>
      <Section title={words.identity}>
        <Facts
          items={[
            ['uid', <code>{guest.uid}</code>],
            ['UUID', <code>{hardware.uuid}</code>],
            [words.madeAt, <Time at={guest.createdAt} />],
            status.pid !== undefined && [words.process, `${status.pid} · ${words.unixUser} ${guest.userId}`],
            [words.agent, words.agents[status.agent]],
            [
              words.labels,
              Object.entries(spec.labels)
                .map(([key, value]) => `${key}=${value}`)
                .join(' ') || '–',
            ],
            [words.autostart, spec.autostart ? words.yes : words.no],
          ]}
        />
      </Section>
    </div>
  );
}
