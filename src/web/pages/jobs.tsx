// Work with an end: what runs, how far it is, what became of it.
import { useState } from 'preact/hooks';
import type { Job, JobStep, StepState } from '../../model/job.ts';
import { toCaissonError, type CaissonError } from '../../lib/errors.ts';
import { jobs } from '../live/resources.ts';
import { useLive, useNow, useResource } from '../live/use-live.ts';
import { hrefOf } from '../route.ts';
import { Actor } from '../ui/actor.tsx';
import { Command, Empty, Loaded, Mark, Problem, Said, Time } from '../ui/parts.tsx';
import { shellCommand } from '../view/command.ts';
import type { Tone } from '../view/guest-state.ts';
import { useSaid, useWords } from '../words/use-words.ts';

const tones: Record<Job['state'], Tone> = { running: 'amber', succeeded: 'quiet', failed: 'red', cancelled: 'off' };

export function JobsPage({ uid }: { uid: string | undefined }) {
  const { words } = useWords();
  const entry = useResource(jobs);
  return (
    <div class="page">
      <h1>{words.pages.jobs}</h1>
      <Loaded entry={entry}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={words.noJobs}>
              <p>{words.noJobsHelp}</p>
            </Empty>
          ) : (
            <ul class="jobs">
              {items.map((job) => (
                <li key={job.uid}>
                  <JobLine job={job} isOpen={job.uid === uid} />
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </div>
  );
}

/** One job; its steps on demand, and while it runs or has failed. */
export function JobLine({ job, isOpen = false }: { job: Job; isOpen?: boolean }) {
  const { words, format } = useWords();
  const live = useLive();
  const said = useSaid();
  const now = useNow(1000);
  const [open, setOpen] = useState(isOpen || job.state === 'running' || job.state === 'failed');
  const [refused, setRefused] = useState<CaissonError>();
  const took = Date.parse(job.endedAt ?? new Date(now).toISOString()) - Date.parse(job.startedAt);
  return (
    <article class="job">
      <header>
        <button type="button" class="link grow" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Mark tone={tones[job.state]} />
          <span class={`state tone-${tones[job.state]}`}>{words.jobStates[job.state]}</span>
          <Said class="grow">{job.title}</Said>
        </button>
        {job.state === 'running' && (
          <>
            <progress max={1} value={job.fraction} aria-label={said(job.title).text} />
            <button
              type="button"
              onClick={() =>
                void live.client
                  .call('jobCancel', { params: { job: job.uid } })
                  .catch((error: unknown) => setRefused(toCaissonError(error)))
              }
            >
              {words.cancelJob}
            </button>
          </>
        )}
        <span class="quiet number">{format.duration(Math.max(0, took))}</span>
        <span class="quiet">
          <Actor actor={job.actor} /> <Time at={job.startedAt} />
        </span>
      </header>
      {refused && <Problem error={refused} />}
      {job.error && (
        <p class="job-error">
          <Mark tone="red" />
          <Said>{job.error.message}</Said>
        </p>
      )}
      {open && (
        <>
          <Steps job={job} />
          {job.state === 'running' && <Command text={shellCommand(['caisson', 'job', 'follow', job.uid])} />}
        </>
      )}
    </article>
  );
}

const stepMarks: Record<StepState, string> = { pending: '·', running: '▸', done: '✓', failed: '✗', undone: '↶', skipped: '-' };

function Steps({ job }: { job: Job }) {
  const { words } = useWords();
  const said = useSaid();
  const children = (parent: number | undefined): [number, JobStep][] =>
    [...job.steps.entries()].filter(([, step]) => step.parent === parent);
  const render = (parent: number | undefined) => {
    const steps = children(parent);
    if (steps.length === 0) return null;
    return (
      <ol class="steps">
        {steps.map(([index, step]) => (
          <li key={index} class={`step step-${step.state}`}>
            <span aria-hidden="true">{stepMarks[step.state]}</span> <span class="hidden">{words.stepStates[step.state]}</span>
            <Said>{step.name}</Said>
            {step.message !== undefined && (
              <>
                {' '}
                <Said class="quiet">{step.message}</Said>
              </>
            )}
            {step.state === 'running' && step.fraction !== undefined && (
              <progress max={1} value={step.fraction} aria-label={said(step.name).text} />
            )}
            {step.state === 'running' || step.state === 'failed' || job.steps.length < 30 ? render(index) : null}
          </li>
        ))}
      </ol>
    );
  };
  return render(undefined);
}

export function jobHref(uid: string): string {
  return hrefOf('jobs', [uid]);
}
