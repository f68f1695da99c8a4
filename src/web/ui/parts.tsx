// The small parts that every page is made of.
import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import type { CaissonError } from '../../lib/errors.ts';
import type { Guest } from '../../model/guest-status.ts';
import { useNow } from '../live/use-live.ts';
import { hrefOf } from '../route.ts';
import { stateOf, type Tone } from '../view/guest-state.ts';
import type { SaidText } from '../words/engine-words.ts';
import { useSaid, useWords } from '../words/use-words.ts';

/** A shape for each tone, so that colour never stands alone. */
export function Mark({ tone }: { tone: Tone }) {
  return <span class={`mark mark-${tone}`} aria-hidden="true" />;
}

export function State({ guest }: { guest: Guest }) {
  const { words } = useWords();
  const { word, tone } = stateOf(guest);
  return (
    <span class={`state tone-${tone}`}>
      <Mark tone={tone} />
      {words.states[word]}
    </span>
  );
}

/** The engine’s sentence about a guest, in two: the word of its state, when it begins with that, and the rest. */
function useWhy(guest: Guest): { label: string; rest: string | undefined; said: SaidText } {
  const { words } = useWords();
  const said = useSaid()(guest.status.reason);
  const label = words.states[stateOf(guest).word];
  const beginning = [`${label}:`, `${label} :`].find((each) => said.text.startsWith(each));
  return { label, rest: beginning === undefined ? undefined : said.text.slice(label.length), said };
}

/** The state, and the engine’s sentence about it, which may begin with the very word. */
export function StateAndWhy({ guest }: { guest: Guest }) {
  const { label, rest, said } = useWhy(guest);
  const { tone } = stateOf(guest);
  if (rest !== undefined)
    return (
      <span>
        <span class={`state tone-${tone}`}>
          <Mark tone={tone} /> {label}
        </span>
        <span lang={said.language}>{rest}</span>
      </span>
    );
  return (
    <>
      <State guest={guest} />
      {said.text !== '' && (
        <>
          {' – '}
          <span lang={said.language}>{said.text}</span>
        </>
      )}
    </>
  );
}

/** The engine’s sentence where the state stands beside it already; whole on hover. */
export function Why({ guest }: { guest: Guest }) {
  const { rest, said } = useWhy(guest);
  return (
    <span lang={said.language} title={said.text}>
      {rest?.replace(/^ ?: ?/, '') ?? said.text}
    </span>
  );
}

/** A sentence of the engine: in the reader’s language where it is known, else in English. */
export function Said({ children, class: name }: { children: string; class?: string | undefined }) {
  const { text, language } = useSaid()(children);
  return (
    <span lang={language} class={name}>
      {text}
    </span>
  );
}

export function Time({ at }: { at: string | number }) {
  const { format } = useWords();
  const now = useNow();
  const ms = typeof at === 'number' ? at : Date.parse(at);
  return (
    <time dateTime={new Date(ms).toISOString()} title={format.moment(ms)}>
      {format.relative(ms, now)}
    </time>
  );
}

/** A command, and a button that copies it. */
export function Command({ text }: { text: string }) {
  const { words } = useWords();
  const [copied, setCopied] = useState(false);
  const code = useRef<HTMLElement>(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      setTimeout(() => setCopied(false), 1500);
    } catch {
      // Without the clipboard (an address that is not trusted) it is at least selected.
      if (code.current) getSelection()?.selectAllChildren(code.current);
    }
  };
  return (
    <span class="command">
      <code ref={code}>{text}</code>
      <button type="button" class="link" aria-label={words.copyCommand(text)} onClick={() => void copy()}>
        {copied ? words.copied : words.copy}
      </button>
    </span>
  );
}

export function Problem({ error }: { error: CaissonError }) {
  const { words } = useWords();
  return (
    <div class="problem" role="alert">
      <Mark tone="red" />
      <div>
        <strong>{words.errors[error.code]}</strong>
        <p>
          <Said>{error.message}</Said>
        </p>
      </div>
    </div>
  );
}

/** In place of what is not there: what would be, and how it gets there. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <strong>{title}</strong>
      {children}
    </div>
  );
}

export function NoSite({ children }: { children?: ComponentChildren }) {
  const { words } = useWords();
  return (
    <Empty title={words.noSiteYet}>
      <p>{words.noSiteYetHelp}</p>
      <p>
        <a href={hrefOf('site')}>{words.writeSiteFile}</a>
      </p>
      {children}
    </Empty>
  );
}

export function NoZones() {
  const { words } = useWords();
  return (
    <Empty title={words.noZones}>
      <p>{words.noZonesHelp}</p>
      <a href={hrefOf('site')}>{words.writeSiteFile}</a>
    </Empty>
  );
}

export function Waiting() {
  const { words } = useWords();
  return (
    <p class="waiting" role="status">
      {words.loading}
    </p>
  );
}

export function Section({ title, aside, children }: { title: string; aside?: ComponentChildren; children: ComponentChildren }) {
  return (
    <section class="section">
      <header>
        <h2>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

export function Facts({ items }: { items: readonly (readonly [name: string, value: ComponentChildren] | undefined | false)[] }) {
  return (
    <dl class="facts">
      {items.map((item) =>
        item ? (
          <div key={item[0]}>
            <dt>{item[0]}</dt>
            <dd>{item[1]}</dd>
          </div>
        ) : null,
      )}
    </dl>
  );
}

/** What is loaded: its value, its failure, or that it is on its way. A failure stands above the last value. */
export function Loaded<T>({
  entry,
  children,
}: {
  entry: { value: T | undefined; error: CaissonError | undefined };
  children: (value: T) => ComponentChildren;
}) {
  return (
    <>
      {entry.error && <Problem error={entry.error} />}
      {entry.value === undefined ? entry.error ? null : <Waiting /> : children(entry.value)}
    </>
  );
}
