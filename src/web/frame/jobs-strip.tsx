// The jobs that run, on one thin line that opens.
import { useState } from 'preact/hooks';
import { jobs } from '../live/resources.ts';
import { useResource } from '../live/use-live.ts';
import { JobLine } from '../pages/jobs.tsx';
import { Said } from '../ui/parts.tsx';
import { useSaid, useWords } from '../words/use-words.ts';

export function JobsStrip() {
  const { words } = useWords();
  const { value } = useResource(jobs);
  const [open, setOpen] = useState(false);
  const said = useSaid();
  const running = (value?.items ?? []).filter(({ state }) => state === 'running');
  const [first] = running;
  if (!first) return null;
  return (
    <aside class="jobs-strip" aria-label={words.pages.jobs}>
      {open && (
        <ul>
          {running.map((job) => (
            <li key={job.uid}>
              <JobLine job={job} />
            </li>
          ))}
        </ul>
      )}
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
        <progress max={1} value={first.fraction} aria-label={said(first.title).text} />
        <Said class="grow">{first.title}</Said>
        <span class="quiet">{running.length > 1 ? words.moreJobs(running.length - 1) : ''}</span>
      </button>
    </aside>
  );
}
