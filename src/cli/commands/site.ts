// `caisson site …`
import type { Command } from 'commander';
import { CaissonError } from '../../lib/errors.ts';
import type { Site } from '../../model/site.ts';
import { type JobOptions, runJob, showDetail, type ViewOptions, withConnection, withJob, withWatch } from '../command.ts';
import { connected, type ConnectionOptions } from '../connection.ts';
import type { Io } from '../io.ts';
import { type Field, listNames } from '../table.ts';

interface SiteAnswer {
  revision: number;
  site: Site;
}

export function addSite(site: Command, io: Io): void {
  withWatch(site.command('show'))
    .description('what the site consists of; with -o json or yaml, all of it')
    .action((options: ViewOptions) =>
      showDetail(io, options, { fields: (answer: SiteAnswer) => fields(io, answer), fetch: (client) => client.call('siteShow') }),
    );

  withConnection(site.command('export'))
    .description('the site as a canonical site file, on standard output')
    .action((options: ConnectionOptions) =>
      connected(io, options, async ({ client }) => {
        const { renderSiteFile } = await import('../../model/render-site-file.ts');
        io.stdout.write(renderSiteFile((await client.call('siteShow')).site));
      }),
    );

  withJob(site.command('destroy'))
    .description('shut down and delete every guest, zone and image of the site; disks stay unless told otherwise')
    .option('--yes', 'do it without asking')
    .option('--delete-disks', 'delete the disks too')
    .action((options: JobOptions & { yes?: boolean; deleteDisks?: boolean }) => destroy(io, options));
}

async function destroy(io: Io, options: JobOptions & { yes?: boolean; deleteDisks?: boolean }): Promise<void> {
  const deleteDisks = options.deleteDisks ?? false;
  const seen = options.yes ? undefined : await confirm(io, options, deleteDisks);
  await runJob(io, options, (client) => client.call('siteDestroy', { query: { deleteDisks: deleteDisks ? 'true' : 'false' } }, { seen }));
}

function fields(io: Io, { revision, site }: SiteAnswer): Field[] {
  if (isEmpty(site)) io.stderr.write('the site is empty: “caisson apply FILE” fills it\n');
  const names = (record: Record<string, unknown>) => listNames(Object.keys(record), ', ');
  return [
    ['site', site.site],
    ['revision', String(revision)],
    ['time zone', site.timezone],
    ['zones', names(site.zones)],
    ['flows', String(site.flows.length)],
    ['images', names(site.images)],
    ['guests', names(site.guests)],
  ];
}

function isEmpty(site: Site): boolean {
  return [site.zones, site.images, site.guests].every((record) => Object.keys(record).length === 0);
}

/** Only who types the site's name means it; without a terminal nobody is asked. Returns the version that was shown. */
async function confirm(io: Io, options: ConnectionOptions, deleteDisks: boolean): Promise<string | undefined> {
  const {
    value: { site },
    tag,
  } = await connected(io, options, ({ client }) => client.see('siteShow'));
  if (!io.stdin.isTTY)
    throw new CaissonError('invalid', `nothing was changed: give --yes to destroy site ${site.site}, or type its name on a terminal`);
  const count = Object.keys(site.guests).length;
  const disks = deleteDisks ? 'Their disks are deleted too: what is on them is lost.' : 'Their disks stay.';
  io.stderr.write(
    `This deletes ${count === 1 ? 'the one guest' : `all ${count} guests`} of site ${site.site}. ${disks}\nType the site’s name to go on: `,
  );
  const { promise, resolve } = Promise.withResolvers<string>();
  let typed = '';
  io.stdin.on('data', (chunk) => {
    typed += chunk.toString('utf8');
    if (typed.includes('\n')) resolve(typed);
  });
  io.stdin.on('end', () => resolve(typed));
  const answer = await promise;
  io.stdin.pause();
  if (answer.trim() !== site.site) throw new CaissonError('cancelled', 'nothing was changed');
  return tag;
}
