// A further flow: three fields, the difference that it makes, and only then the button.
import { useId, useState } from 'preact/hooks';
import type { Site } from '../../model/site.ts';
import { site } from '../live/resources.ts';
import { useResource } from '../live/use-live.ts';
import { readSite, writeSite } from '../site-text.ts';
import { Mark, Section } from '../ui/parts.tsx';
import { useWords } from '../words/use-words.ts';
import { ProblemText } from './problem-text.tsx';
import { SiteChange } from './site-change.tsx';

export function FlowForm({ ends }: { ends: readonly string[] }) {
  const { words } = useWords();
  const { value } = useResource(site);
  const [flow, setFlow] = useState({ from: '', to: '', allow: 'tcp/80', comment: '' });
  const [wanted, setWanted] = useState<Site>();
  const [problems, setProblems] = useState<string[]>([]);
  const id = useId();
  const field = (name: keyof typeof flow, label: string, list = false) => (
    <label>
      {label}
      <input
        type="text"
        value={flow[name]}
        spellcheck={false}
        autocapitalize="none"
        {...(list ? { list: `${id}-ends` } : {})}
        onInput={(event) => {
          setFlow({ ...flow, [name]: event.currentTarget.value });
          setWanted(undefined);
        }}
      />
    </label>
  );
  const show = (now: Site | undefined) => {
    if (!now) return;
    const { comment, allow, ...ends } = flow;
    const more = { ...ends, allow: allow.split(/[\s,]+/).filter(Boolean), ...(comment === '' ? {} : { comment }) };
    const changed = { ...now, flows: [...now.flows, more] } as Site;
    // By the site file’s own reader, which says what is wrong with an end or a port.
    const read = readSite(writeSite(changed));
    setProblems('problems' in read ? read.problems.map(({ message }) => message) : []);
    setWanted('site' in read ? read.site : undefined);
  };
  return (
    <Section title={words.newFlow}>
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          show(value?.site);
        }}
      >
        {field('from', words.from, true)}
        {field('to', words.to, true)}
        {field('allow', words.allows)}
        {field('comment', words.comment)}
        <button type="submit" disabled={!value || flow.from === '' || flow.to === ''}>
          {words.showDifference}
        </button>
        <datalist id={`${id}-ends`}>
          {ends.map((end) => (
            <option key={end} value={end} />
          ))}
        </datalist>
      </form>
      {problems.length > 0 && (
        <ul class="plain" role="alert">
          {problems.map((message) => (
            <li key={message}>
              <Mark tone="red" /> <ProblemText message={message} />
            </li>
          ))}
        </ul>
      )}
      {wanted && <SiteChange site={wanted} onAnew={show} onApplied={() => setWanted(undefined)} />}
    </Section>
  );
}
