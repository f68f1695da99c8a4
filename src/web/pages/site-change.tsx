// A change of the site on its way: the difference, and only then the button that applies it.
import { useEffect, useState } from 'preact/hooks';
import type { CallResult } from '../../api/client.ts';
import type { Endpoints } from '../../api/endpoints.ts';
import { type CaissonError, toCaissonError } from '../../lib/errors.ts';
import type { PartChange } from '../../model/part-change.ts';
import type { ObjectDifference } from '../../model/site-difference.ts';
import type { Site } from '../../model/site.ts';
import { useMe } from '../live/me.ts';
import { useLive } from '../live/use-live.ts';
import { ConfirmDialog } from '../ui/dialog.tsx';
import { useAct } from '../ui/notices.tsx';
import { Mark, Problem, Said } from '../ui/parts.tsx';
import { useWords } from '../words/use-words.ts';

type Plan = CallResult<Endpoints['sitePlan']>;

interface Options {
  prune: boolean;
  deleteDisks: boolean;
  overwrite: boolean;
}

/**
 * The difference that a site would make, and the way to make it. `onAnew`: somebody else was faster; `site` is to be made once more, of the same wish and of the
 * site as it is now.
 */
export function SiteChange({ site, onAnew, onApplied }: { site: Site; onAnew: (now: Site) => void; onApplied?: () => void }) {
  const { words } = useWords();
  const live = useLive();
  const act = useAct();
  const mayApply = useMe().site.includes('configure');
  const [options, setOptions] = useState<Options>({ prune: false, deleteDisks: false, overwrite: false });
  const [plan, setPlan] = useState<Plan>();
  /** Of the site that the difference was made from. */
  const [seen, setSeen] = useState<string>();
  const [stale, setStale] = useState<PartChange[]>();
  const [error, setError] = useState<CaissonError>();
  const [asked, setAsked] = useState(false);
  useEffect(() => {
    const asking = new AbortController();
    live.client
      .see('sitePlan', { body: { site, ...options } }, { signal: asking.signal })
      .then(({ value, tag }) => {
        setPlan(value);
        setSeen(tag);
        setError(undefined);
      })
      .catch((cause: unknown) => {
        if (!asking.signal.aborted) setError(toCaissonError(cause));
      });
    return () => asking.abort();
  }, [site, options]);
  if (error) return <Problem error={error} />;
  if (!plan) return <p role="status">{words.loading}</p>;
  const { objects } = plan.difference;
  const removed = objects.filter(({ change }) => change === 'removed');
  const hasConflicts = objects.some(({ change, fields }) => change === 'conflict' || fields.some(({ outcome }) => outcome === 'conflict'));
  const isNothing = plan.lines.length === 0 && plan.refusals.length === 0;
  const apply = () => {
    setAsked(false);
    void act((client) => client.call('siteApply', { body: { site, ...options } }, { seen }), { onStale: setStale }).then((done) => {
      if (done) onApplied?.();
    });
  };
  const lookAnew = async () => {
    setStale(undefined);
    setPlan(undefined);
    try {
      onAnew((await live.client.call('siteShow')).site);
    } catch (cause) {
      setError(toCaissonError(cause));
    }
  };
  const check = (name: keyof Options, text: string) => (
    <label class="check">
      <input
        type="checkbox"
        checked={options[name]}
        onChange={(event) => setOptions({ ...options, [name]: event.currentTarget.checked })}
      />
      {text}
    </label>
  );
  return (
    <section class="section difference" aria-label={words.difference}>
      <header>
        <h2>{words.difference}</h2>
      </header>
      {stale && (
        <div class="problem" role="alert">
          <Mark tone="amber" />
          <div>
            <p>{words.changedSince(stale)}</p>
            <button type="button" onClick={() => void lookAnew()}>
              {words.differenceAnew}
            </button>
          </div>
        </div>
      )}
      {isNothing && <p role="status">{words.noDifference}</p>}
      <ul class="plain">
        {objects.map((object) => (
          <li key={`${object.object} ${object.name}`}>
            <ObjectLine difference={object} />
          </li>
        ))}
      </ul>
      {plan.refusals.length > 0 && (
        <div class="problem" role="alert">
          <Mark tone="red" />
          <div>
            <strong>{words.cannotApply}</strong>
            <ul class="plain">
              {plan.refusals.map((refusal) => (
                <li key={refusal}>
                  <Said>{refusal}</Said>
                </li>
              ))}
            </ul>
          </div>
        </div>
      )}
      {(removed.length > 0 || options.prune) && check('prune', words.prune)}
      {options.prune && check('deleteDisks', words.deleteDisks)}
      {(hasConflicts || options.overwrite) && check('overwrite', words.overwrite)}
      {!mayApply && <p class="tone-amber">{words.mayNotApply}</p>}
      {mayApply && !isNothing && !stale && plan.refusals.length === 0 && (
        <div class="buttons">
          <button type="button" class={options.prune ? 'danger' : 'primary'} onClick={() => (options.prune ? setAsked(true) : apply())}>
            {words.apply}
          </button>
        </div>
      )}
      {asked && (
        <ConfirmDialog
          title={words.apply}
          lost={
            options.deleteDisks
              ? words.lostByPruneWithDisks(removed.map(({ name }) => name).join(', '))
              : words.lostByPrune(removed.map(({ name }) => name).join(', '))
          }
          name={site.site}
          action={words.apply}
          onConfirm={apply}
          onClose={() => setAsked(false)}
        />
      )}
    </section>
  );
}

const marks: Record<ObjectDifference['change'], string> = { created: '+', changed: '~', removed: '−', kept: '=', conflict: '!' };

function ObjectLine({ difference: { object, name, change, fields, consequence, note } }: { difference: ObjectDifference }) {
  const { words } = useWords();
  return (
    <div class={`change change-${change}`}>
      <span class="change-mark" aria-hidden="true">
        {marks[change]}
      </span>
      <span class="hidden">{words.changes[change]}</span>
      <strong>
        {words.objects[object]} {name}
      </strong>{' '}
      {consequence && <span class={consequence === 'live' ? 'quiet' : 'tone-amber'}>{words.consequences[consequence]}</span>}
      {note !== undefined && <Said class="note">{note}</Said>}
      {fields.length > 0 && (
        <ul class="plain">
          {fields.map((field) => (
            <li key={field.field}>
              <code>{field.field}</code> {field.before !== undefined && <del>{field.before}</del>}{' '}
              {field.after !== undefined && <ins>{field.after}</ins>}{' '}
              {field.outcome !== 'changed' && <span class="tone-amber">{words.outcomes[field.outcome]}</span>}
              {field.note !== undefined && <Said class="note">{field.note}</Said>}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
