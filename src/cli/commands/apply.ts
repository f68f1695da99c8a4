// `caisson apply FILE`: the plan, then the job, then a line for each guest.
import type { Command } from 'commander';
import { CaissonError } from '../../lib/errors.ts';
import { formatDuration } from '../../lib/units.ts';
import type { SiteDifference } from '../../model/site-difference.ts';
import { type JobOptions, withJob } from '../command.ts';
import { connected } from '../connection.ts';
import { followJob, throwUnlessSucceeded } from '../follow-job.ts';
import type { Io } from '../io.ts';
import { renderValue } from '../output.ts';
import { readSiteFile } from '../read-site-file.ts';
import { harmless } from '../../lib/harmless.ts';
import { painter, type Style } from '../style.ts';

interface ApplyOptions extends JobOptions {
  dryRun?: boolean;
  prune?: boolean;
  deleteDisks?: boolean;
  overwrite?: boolean;
}

export function addApply(command: Command, io: Io): void {
  withJob(command)
    .argument('<file>', 'the site file, - for standard input')
    .option('--dry-run', 'only show what would change')
    .option('--prune', 'delete guests that the file no longer has; their disks stay')
    .option('--delete-disks', 'with --prune: delete their disks too')
    .option('--overwrite', 'overwrite what was changed elsewhere since the last apply')
    .action((file: string, options: ApplyOptions) => apply(io, file, options));
}

async function apply(io: Io, file: string, options: ApplyOptions): Promise<void> {
  const { dryRun = false, prune = false, deleteDisks = false, overwrite = false, output, wait } = options;
  if (deleteDisks && !prune) throw new CaissonError('invalid', '--delete-disks deletes disks of guests that --prune deletes: give both');
  const body = { site: await readSiteFile(io, file), prune, deleteDisks, overwrite };
  await connected(io, options, async (connection) => {
    const { client } = connection;
    const { value: plan, tag: seen } = await client.see('sitePlan', { body });
    const isEmpty = plan.lines.length === 0 || changesNothing(plan.difference);
    if (output === 'table') io.stdout.write(renderPlan(io, plan.lines, isEmpty));
    else if (dryRun || plan.refusals.length > 0) io.stdout.write(await renderValue(plan, output));
    if (plan.refusals.length > 0) {
      const isDispute = hasConflict(plan.difference) && !overwrite;
      throw new CaissonError(isDispute ? 'conflict' : 'invalid', ['nothing was changed', ...plan.refusals].join('\n  '));
    }
    if (dryRun) return;
    // Where nothing changes, usually nothing is to be waited for either.
    const begun = await client.call('siteApply', { body }, { seen });
    const job = await followJob(io, connection, begun, { wait, quietMs: isEmpty ? 1000 : 0 });
    if (output !== 'table') io.stdout.write(await renderValue(job, output));
    if (!wait) return;
    throwUnlessSucceeded(job);
    if (output === 'table') io.stdout.write(renderGuests(job.result));
  });
}

function changesNothing(difference: SiteDifference): boolean {
  return difference.objects.every((object) => object.change === 'kept');
}

function hasConflict(difference: SiteDifference): boolean {
  return difference.objects.some((object) => object.change === 'conflict');
}

const styles: Record<string, Style> = { '-': 'red', '!': 'red', '~': 'amber', '=': 'dim' };

function renderPlan({ stdout, env }: Io, lines: readonly string[], isEmpty: boolean): string {
  const paint = painter(stdout, env);
  return [...lines.map((line) => paint(harmless(line), styles[line.charAt(0)])), ...(isEmpty ? ['nothing to change'] : [])]
    .map((line) => `${line}\n`)
    .join('');
}

function renderGuests(result: unknown): string {
  const { guests = [] } = (result ?? {}) as { guests?: { name: string; ready: boolean; readyAfterMs?: number }[] };
  return guests
    .map(({ name, ready, readyAfterMs }) => {
      const after = readyAfterMs === undefined ? '' : `, ${formatDuration(readyAfterMs)} after its start`;
      return `${name} is ${ready ? `ready${after}` : 'not ready'}\n`;
    })
    .join('');
}
