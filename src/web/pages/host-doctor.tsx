// What `caisson doctor` finds: looked at when somebody asks, and kept with when that was. What is not well comes first.
import { useState } from 'preact/hooks';
import type { HostCheck } from '../../model/host-check.ts';
import { useMe } from '../live/me.ts';
import { examination } from '../live/resources.ts';
import { useLive, useResource } from '../live/use-live.ts';
import { useAct } from '../ui/notices.tsx';
import { Command, Empty, Loaded, Mark, Said, Section, Time } from '../ui/parts.tsx';
import type { Tone } from '../view/guest-state.ts';
import { useWords } from '../words/use-words.ts';

export function Doctor() {
  const { words } = useWords();
  const live = useLive();
  const act = useAct();
  const entry = useResource(examination);
  const mayExamine = useMe().site.includes('operate');
  const [busy, setBusy] = useState(false);
  const button = mayExamine && (
    <button
      type="button"
      disabled={busy}
      onClick={() => {
        setBusy(true);
        void act((client) => client.call('hostExamine', {})).then(() => {
          setBusy(false);
          live.refresh('examination');
        });
      }}
    >
      {busy ? words.examining : words.examine}
    </button>
  );
  return (
    <Section title={words.doctor} aside={button}>
      <Loaded entry={entry}>
        {({ examinedAt, items }) =>
          examinedAt === undefined ? (
            <Empty title={words.notExamined}>
              <p>{words.notExaminedHelp}</p>
            </Empty>
          ) : (
            <>
              <p class="quiet">
                {words.examinedAt} <Time at={examinedAt} />
              </p>
              <ul class="plain checks">
                {items
                  .toSorted((a, b) => rankOf(a) - rankOf(b))
                  .map((check) => (
                    <li key={check.name}>
                      <Mark tone={toneOf(check)} /> <strong>{check.name}</strong>{' '}
                      <span class="hidden">{check.unchecked ? words.unchecked : words.verdicts[check.verdict]}</span>{' '}
                      <Said>{check.found}</Said>
                      {check.verdict !== 'ok' && (
                        <div class="mend">
                          {check.explanation !== undefined && (
                            <p class="quiet">
                              <Said>{check.explanation}</Said>
                            </p>
                          )}
                          {check.mend !== undefined && (
                            <p>
                              → <Said>{check.mend}</Said>
                            </p>
                          )}
                        </div>
                      )}
                    </li>
                  ))}
              </ul>
            </>
          )
        }
      </Loaded>
      <p class="quiet">{words.doctorMeans}</p>
      <Command text="sudo caisson doctor" />
    </Section>
  );
}

function toneOf({ verdict, unchecked }: HostCheck): Tone {
  if (unchecked) return 'unknown';
  return verdict === 'bad' ? 'red' : verdict === 'warning' ? 'amber' : 'quiet';
}

function rankOf(check: HostCheck): number {
  return ['red', 'amber', 'unknown', 'quiet'].indexOf(toneOf(check));
}
