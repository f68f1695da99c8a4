// How a guest is at this moment: what it uses, what it is for, who may reach it, where it is.
import { describeCheck } from '../../model/check-words.ts';
import type { Guest } from '../../model/guest-status.ts';
import { actionsFor, useMe } from '../live/me.ts';
import { visitors } from '../live/resources.ts';
import { useResource } from '../live/use-live.ts';
import { hrefOf } from '../route.ts';
import { Command, Facts, Loaded, Mark, Section, Time } from '../ui/parts.tsx';
import { useWords } from '../words/use-words.ts';
import { Plots } from './plots.tsx';
import { ScreenPicture } from './screen-picture.tsx';

export function GuestNow({ guest }: { guest: Guest }) {
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
