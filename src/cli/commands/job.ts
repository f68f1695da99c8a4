// `caisson job …`
import { type Command, Option } from 'commander';
import { formatDuration } from '../../lib/units.ts';
import type { Job, JobState } from '../../model/job.ts';
import { type OutputOptions, showDetail, showList, type ViewOptions, wholeNumber, withOutput, withWatch } from '../command.ts';
import { connected } from '../connection.ts';
import { followJob, throwUnlessSucceeded } from '../follow-job.ts';
import type { Io } from '../io.ts';
import { renderJobTree } from '../job-view.ts';
import { renderValue } from '../output.ts';
import { plain, type Style } from '../style.ts';
import type { Column, Field } from '../table.ts';
import { localTime } from '../times.ts';

const states: readonly JobState[] = ['running', 'succeeded', 'failed', 'cancelled'];
const styles: Partial<Record<JobState, Style>> = { running: 'amber', failed: 'red', cancelled: 'amber' };

const columns: Column<Job>[] = [
  { title: 'JOB', text: (job) => job.uid },
  { title: 'STARTED', text: (job) => localTime(job.startedAt) },
  { title: 'STATE', text: (job) => job.state, style: (job) => styles[job.state] },
  { title: 'TOOK', text: (job) => (job.endedAt ? formatDuration(Date.parse(job.endedAt) - Date.parse(job.startedAt)) : ''), right: true },
  { title: 'BY', text: (job) => job.actor },
  { title: 'WHAT', text: (job) => (job.error ? `${job.title}: ${job.error.message}` : job.title), shrink: true },
];

interface ListOptions extends ViewOptions {
  limit: number;
  state?: JobState;
}

export function addJob(job: Command, io: Io): void {
  withWatch(job.command('list'))
    .description('jobs, newest first')
    .option('--limit <number>', 'at most so many', wholeNumber(1, 500), 20)
    .addOption(new Option('--state <state>', 'only those').choices(states))
    .action(({ limit, state, ...options }: ListOptions) =>
      showList(io, options, {
        columns,
        none: 'there are no jobs',
        fetch: (client) => client.call('jobList', { query: { limit, ...(state ? { state } : {}) } }),
      }),
    );

  withOutput(job.command('show'))
    .description('one job with its steps')
    .argument('<job>', 'uid')
    .option('--watch', 'follow it to its end; exit 0 only if it succeeds')
    .action((uid: string, options: ViewOptions) => (options.watch ? watchJob(io, uid, options) : showJob(io, uid, options)));

  withOutput(job.command('cancel'))
    .description('cancel a running job: what it did is undone as far as it can be')
    .argument('<job>', 'uid')
    .action((uid: string, options: OutputOptions) =>
      connected(io, options, async ({ client }) => {
        const found = await client.call('jobCancel', { params: { job: uid } });
        io.stdout.write(options.output === 'table' ? `job ${found.uid} is ${found.state}\n` : await renderValue(found, options.output));
      }),
    );
}

function showJob(io: Io, uid: string, options: OutputOptions): Promise<void> {
  return showDetail(io, options, { fields, fetch: (client) => client.call('jobShow', { params: { job: uid } }) });
}

async function watchJob(io: Io, uid: string, options: OutputOptions): Promise<void> {
  await connected(io, options, async (connection) => {
    const found = await connection.client.call('jobShow', { params: { job: uid } });
    const job = found.state === 'running' ? await followJob(io, connection, found, { wait: true }) : found;
    if (options.output !== 'table') io.stdout.write(await renderValue(job, options.output));
    else io.stdout.write(`job ${job.uid} is ${job.state}\n`);
    throwUnlessSucceeded(job);
  });
}

function fields(job: Job): Field[] {
  const [, ...steps] = renderJobTree(job, { columns: Infinity, now: Date.now(), paint: plain });
  return [
    ['job', job.uid],
    ['what', job.title],
    ['state', job.state, styles[job.state]],
    ['error', job.error?.message],
    ['by', job.actor],
    ['started', localTime(job.startedAt)],
    ['ended', job.endedAt && localTime(job.endedAt)],
    ['steps', steps.map((line) => line.replace(/^ {2}/, '')).join('\n')],
  ];
}
