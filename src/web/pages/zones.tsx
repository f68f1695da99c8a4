// Zones: the map, what was chosen on it, the flows, and what the last proof found.
import { useMemo, useState } from 'preact/hooks';
import type { FlowView } from '../../model/flow-view.ts';
import { useMe } from '../live/me.ts';
import { flows, guests, zoneCheck, zones } from '../live/resources.ts';
import { useResource } from '../live/use-live.ts';
import { hrefOf } from '../route.ts';
import { useAct } from '../ui/notices.tsx';
import { Mark, NoZones, Problem, Section, Time, Waiting } from '../ui/parts.tsx';
import { Table } from '../ui/table.tsx';
import { arrowsOf, differencesOf } from '../view/flow-map.ts';
import { useWords } from '../words/use-words.ts';
import { FlowForm } from './flow-form.tsx';
import { Chosen } from './zone-choice.tsx';
import { ZoneMap } from './zone-map.tsx';

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
  // Under what one clicks; but above for who has come to see it, since a map may be many screens long.
  const choice = chosen.length > 0 && <Chosen chosen={chosen} arrows={arrows} guests={byName} onClear={() => setChosen([])} />;
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
        <NoZones />
      ) : (
        <>
          <p class="quiet">{words.mapHelp}</p>
          {node !== undefined && choice}
          <ZoneMap zones={shown} guests={byName} arrows={arrows} wrong={wrong} chosen={chosen} onChoose={choose} />
          {node === undefined && choice}
          <FlowList flows={allowed.value.items} />
          {me.site.includes('configure') && (
            <FlowForm ends={['world', 'host', ...known.value.items.map(({ name }) => `zone:${name}`), ...byName.keys()]} />
          )}
        </>
      )}
    </div>
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
        <Table label={words.flows} columns={[{ name: words.from }, { name: words.to }, { name: words.allows }, { name: words.comment }]}>
          {all.map((flow, index) => (
            <tr key={index}>
              <td>{flow.from}</td>
              <td>{flow.to}</td>
              <td>{flow.allow.join(' ')}</td>
              <td>{flow.comment}</td>
            </tr>
          ))}
        </Table>
      )}
    </Section>
  );
}
