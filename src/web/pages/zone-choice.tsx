// What was chosen on the map: of one, what it reaches and what reaches it; of two, whether they may talk, and by which rule.
import { useState } from 'preact/hooks';
import type { Guest } from '../../model/guest-status.ts';
import { explanation } from '../live/resources.ts';
import { useResource } from '../live/use-live.ts';
import { hrefOf } from '../route.ts';
import { Command, Facts, Loaded, Mark, Said, Section } from '../ui/parts.tsx';
import { shellCommand } from '../view/command.ts';
import { type Arrow, portToAsk } from '../view/flow-map.ts';
import { useWords } from '../words/use-words.ts';

export function Chosen(props: {
  chosen: readonly string[];
  arrows: readonly Arrow[];
  guests: ReadonlyMap<string, Guest>;
  onClear: () => void;
}) {
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
