// The audit log: who did what, from where, and how it went. Read page by page, newest first.
import { useEffect, useState } from 'preact/hooks';
import { type CaissonError, toCaissonError } from '../../lib/errors.ts';
import type { LoggedAction, LogOutcome } from '../../model/log-entry.ts';
import { useLive } from '../live/use-live.ts';
import { Actor } from '../ui/actor.tsx';
import { Command, Empty, Mark, Problem, Said, Time, Waiting } from '../ui/parts.tsx';
import { Table } from '../ui/table.tsx';
import type { Tone } from '../view/guest-state.ts';
import { useWords } from '../words/use-words.ts';
import { jobHref } from './jobs.tsx';

const pageSize = 100;
const tones: Record<LogOutcome['result'], Tone> = {
  succeeded: 'quiet',
  accepted: 'quiet',
  refused: 'amber',
  failed: 'red',
  cancelled: 'off',
};

export function LogPage() {
  const { words } = useWords();
  const live = useLive();
  const [items, setItems] = useState<LoggedAction[]>();
  const [hasMore, setHasMore] = useState(false);
  const [error, setError] = useState<CaissonError>();
  const read = (before: number | undefined) => {
    live.client
      .call('logList', { query: { limit: pageSize, ...(before === undefined ? {} : { before }) } })
      .then(({ items: found }) => {
        setItems((known) => (before === undefined ? found : [...(known ?? []), ...found]));
        setHasMore(found.length === pageSize);
        setError(undefined);
      })
      .catch((cause: unknown) => setError(toCaissonError(cause)));
  };
  useEffect(() => read(undefined), [live]);
  return (
    <div class="page">
      <header class="page-head">
        <h1 class="grow">{words.pages.log}</h1>
        <button type="button" onClick={() => read(undefined)}>
          {words.lookAgain}
        </button>
      </header>
      <p class="quiet">{words.logMeans}</p>
      {error && <Problem error={error} />}
      {!items && !error && <Waiting />}
      {items?.length === 0 && (
        <Empty title={words.noLog}>
          <p>{words.noLogHelp}</p>
        </Empty>
      )}
      {items && items.length > 0 && (
        <Table
          label={words.pages.log}
          columns={[
            { name: words.when },
            { name: words.who },
            { name: words.fromWhere, kind: 'on-desk' },
            { name: words.did },
            { name: words.outcome },
            { name: words.job, kind: 'unnamed' },
          ]}
        >
          {items.map((action) => (
            <LogRow key={action.number} action={action} />
          ))}
        </Table>
      )}
      {hasMore && (
        <div class="buttons">
          <button type="button" onClick={() => read(items?.at(-1)?.number)}>
            {words.older}
          </button>
        </div>
      )}
      <Command text="caisson log verify" />
    </div>
  );
}

/** What it was done to. What was only coming to be is known by the name that it was to get. */
function objectOf({ operation, object, parameters }: LoggedAction): string {
  if (object === undefined || object === operation) return '';
  const name = parameters?.['name'];
  return object.includes('/') || typeof name !== 'string' ? object : `${object}/${name}`;
}

function LogRow({ action }: { action: LoggedAction }) {
  const { words } = useWords();
  const outcome = action.end ?? action.outcome;
  return (
    <tr>
      <td>
        <Time at={action.time} />
      </td>
      <td>
        <Actor actor={action.actor} />
      </td>
      <td class="on-desk">{action.from}</td>
      <td>
        <code class="operation">
          {action.operation} {objectOf(action)}
        </code>
      </td>
      <td>
        <span class="state">
          <Mark tone={outcome ? tones[outcome.result] : 'unknown'} /> {outcome ? words.results[outcome.result] : words.noOutcome}
        </span>
        {outcome?.message !== undefined && outcome.result !== 'succeeded' && (
          <>
            {': '}
            <Said>{outcome.message}</Said>
          </>
        )}
      </td>
      <td>{action.job !== undefined && <a href={jobHref(action.job)}>{words.job}</a>}</td>
    </tr>
  );
}
