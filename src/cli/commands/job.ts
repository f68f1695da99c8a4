// `caisson job …`
import type { Command } from 'commander';
import { formatDuration } from '../../lib/units.ts';
import type { Job } from '../../model/job.ts';
import { type CommonOptions, connected, withOutput } from '../command.ts';
import { followJob } from '../follow-job.ts';
import { type Column, printFields, printList, printValue } from '../output.ts';
import { watchList } from '../watch.ts';

const columns: Column<Job>[] = [
  { title: 'JOB', text: (job) => job.uid },
  { title: 'STARTED', text: (job) => localTime(job.startedAt) },
  { title: 'STATE', text: (job) => job.state },
  { title: 'TOOK', text: (job) => (job.endedAt ? formatDuration(Date.parse(job.endedAt) - Date.parse(job.startedAt)) : ''), right: true },
  { title: 'BY', text: (job) => job.actor },
  { title: 'WHAT', text: (job) => (job.error ? `${job.title}: ${job.error.message}` : job.title), shrink: true },
];

export function addJobCommands(program: Command): void {
  const job = program.command('job').description('work with an end: what runs, and how it went');

  withOutput(job.command('list'))
    .description('jobs, newest first')
    .option('--limit <number>', 'at most so many', Number, 20)
    .option('--state <state>', 'only running, succeeded, failed or cancelled ones')
    .option('--watch', 'go on, printing anew at every change')
    .action(async (options: CommonOptions & { limit: number; state?: Job['state']; watch?: boolean }) => {
      await connected(options, async (connection) => {
        const query = { limit: options.limit, ...(options.state ? { state: options.state } : {}) };
        const show = async () => printList((await connection.client.call('jobList', { query })).items, options.output, columns);
        if (options.watch) await watchList(connection, show);
        else await show();
      });
    });

  withOutput(job.command('show'))
    .description('one job with its steps')
    .argument('<job>')
    .option('--watch', 'follow it to its end')
    .action((uid: string, options: CommonOptions & { watch?: boolean }) =>
      connected(options, async (connection) => {
        const found = await connection.client.call('jobShow', { params: { job: uid } });
        if (options.watch && found.state === 'running') await followJob(connection, found, { wait: true });
        else if (options.output === 'table') showJob(found);
        else await printValue(found, options.output);
      }),
    );

  withOutput(job.command('cancel'))
    .description('cancel a running job: what it did is undone as far as it can be')
    .argument('<job>')
    .action((uid: string, options: CommonOptions) =>
      connected(options, async ({ client }) => {
        const found = await client.call('jobCancel', { params: { job: uid } });
        if (options.output === 'table') process.stdout.write(`job ${found.uid} is ${found.state}\n`);
        else await printValue(found, options.output);
      }),
    );
}

function showJob(job: Job): void {
  printFields([
    ['job', job.uid],
    ['what', job.title],
    ['state', job.state],
    ['error', job.error?.message],
    ['by', job.actor],
    ['started', localTime(job.startedAt)],
    ['ended', job.endedAt && localTime(job.endedAt)],
    [
      'steps',
      job.steps
        .map((step) => `${step.parent === undefined ? '' : '  '}${step.name}: ${step.state}${step.message ? ` — ${step.message}` : ''}`)
        .join('\n'),
    ],
  ]);
}

export function localTime(iso: string): string {
  return new Date(iso).toLocaleString('sv');
}
