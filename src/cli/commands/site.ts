// `caisson apply`, `caisson site …`
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { CaissonError } from '../../lib/errors.ts';
import { formatDuration } from '../../lib/units.ts';
import type { Site } from '../../model/site.ts';
import { type CommonOptions, connected, runJob, withJob, withOutput } from '../command.ts';
import { followJob } from '../follow-job.ts';
import { printValue } from '../output.ts';

interface ApplyOptions extends CommonOptions {
  dryRun?: boolean;
  prune?: boolean;
  deleteDisks?: boolean;
  overwrite?: boolean;
}

export function addSiteCommands(program: Command): void {
  withJob(program.command('apply'))
    .description('show what a site file changes, make it so, and wait until every service answers')
    .argument('<file>', 'the site file, - for standard input')
    .option('--dry-run', 'only show what would change')
    .option('--prune', 'delete guests that the file no longer has')
    .option('--delete-disks', 'with --prune: delete their disks too')
    .option('--overwrite', 'overwrite what was changed elsewhere since the last apply')
    .action(apply);

  const site = program.command('site').description('the site as a whole');
  withOutput(site.command('show'))
    .description('the site as it is wanted')
    .action((options: CommonOptions) =>
      connected(options, async ({ client }) => {
        const answer = await client.call('siteShow');
        if (options.output === 'table') await printYaml(answer.site);
        else await printValue(answer, options.output);
      }),
    );
  withOutput(site.command('export'))
    .description('the site as a canonical site file')
    .action((options: CommonOptions) => connected(options, async ({ client }) => printYaml((await client.call('siteShow')).site)));
  withJob(site.command('destroy'))
    .description('shut down and delete every guest, zone and image of the site')
    .option('--yes', 'do it without asking')
    .option('--delete-disks', 'delete the disks too')
    .action(async (options: CommonOptions & { yes?: boolean; deleteDisks?: boolean }) => {
      if (!options.yes) await confirm(options);
      await runJob(options, ({ client }) => client.call('siteDestroy', { query: { deleteDisks: options.deleteDisks ? 'true' : 'false' } }));
    });
}

async function apply(file: string, options: ApplyOptions): Promise<void> {
  const site = await readSiteFile(file);
  const body = { site, prune: options.prune ?? false, deleteDisks: options.deleteDisks ?? false, overwrite: options.overwrite ?? false };
  await connected(options, async (connection) => {
    const { client } = connection;
    const plan = await client.call('sitePlan', { body });
    if (options.output === 'table') process.stdout.write(plan.lines.length === 0 ? 'nothing to change\n' : `${plan.lines.join('\n')}\n`);
    else if (options.dryRun) await printValue(plan, options.output);
    if (plan.refusals.length > 0) throw new CaissonError('invalid', `nothing was changed: ${plan.refusals.join('\n')}`);
    if (options.dryRun) return;
    const job = await followJob(connection, await client.call('siteApply', { body }), { wait: options.wait });
    if (options.output !== 'table') await printValue(job, options.output);
    else if (options.wait) report(job.result);
  });
}

function report(result: unknown): void {
  const { guests = [] } = (result ?? {}) as { guests?: { name: string; ready: boolean; readyAfterMs?: number }[] };
  for (const guest of guests)
    process.stdout.write(
      `${guest.name} is ${guest.ready ? 'ready' : 'not ready'}${guest.readyAfterMs === undefined ? '' : `, ${formatDuration(guest.readyAfterMs)} after its start`}\n`,
    );
}

/** Reads a site file with everything that it refers to. Throws `invalid` with every problem, one a line. */
async function readSiteFile(file: string): Promise<Site> {
  const { formatProblems, parseSiteFile } = await import('../../model/site-file.ts');
  const folder = file === '-' ? process.cwd() : dirname(resolve(file));
  const text = readInput(file);
  const parsed = parseSiteFile(text, (path) => {
    try {
      return readFileSync(resolve(folder, path));
    } catch {
      return undefined;
    }
  });
  if ('problems' in parsed) throw new CaissonError('invalid', formatProblems(file === '-' ? 'standard input' : file, parsed.problems));
  return parsed.site;
}

function readInput(file: string): Buffer {
  try {
    return readFileSync(file === '-' ? 0 : file);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new CaissonError('invalid', code === 'ENOENT' ? `there is no file ${file}` : `the site file ${file} cannot be read`, { cause });
  }
}

async function printYaml(site: Site): Promise<void> {
  const { renderSiteFile } = await import('../../model/site-document.ts');
  process.stdout.write(renderSiteFile(site));
}

async function confirm(options: CommonOptions): Promise<void> {
  const name = await connected(options, async ({ client }) => (await client.call('siteShow')).site.site);
  if (!process.stdin.isTTY)
    throw new CaissonError('invalid', `site ${name} is destroyed only with --yes, or when its name is typed on a terminal`);
  const { createInterface } = await import('node:readline/promises');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await lines.question(`This deletes every guest of site ${name}. Type its name to go on: `);
  lines.close();
  if (answer.trim() !== name) throw new CaissonError('cancelled', 'nothing was changed');
}
