// `caisson image …`
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { CaissonError } from '../../lib/errors.ts';
import { formatSize } from '../../lib/units.ts';
import type { ImageView } from '../../model/image-view.ts';
import { type JobOptions, runJob, showDetail, showList, type ViewOptions, withJob, withWatch } from '../command.ts';
import type { Io } from '../io.ts';
import { type Column, type Field, listNames } from '../table.ts';

const columns: Column<ImageView>[] = [
  { title: 'NAME', text: (image) => image.name },
  { title: 'FROM', text: (image) => (image.builtIn ? 'built in' : image.source) },
  { title: 'ON THIS HOST', text: (image) => (image.present ? 'yes' : 'no'), style: (image) => (image.present ? undefined : 'dim') },
  { title: 'SIZE', text: (image) => (image.sizeBytes === undefined ? '' : formatSize(image.sizeBytes)), right: true, optional: true },
  { title: 'DIGEST', text: (image) => image.digest.slice(0, 12) },
  { title: 'GUESTS', text: (image) => listNames(image.guests), shrink: true, optional: true },
];

export function addImage(image: Command, io: Io): void {
  withWatch(image.command('list'))
    .description('every image of the site, and those built in')
    .action((options: ViewOptions) =>
      showList(io, options, { columns, none: 'there are no images', fetch: (client) => client.call('imageList') }),
    );

  withWatch(image.command('show'))
    .description('one image: what it is made from, whether it is on this host, which guests were made from it')
    .argument('<image>', 'name')
    .action((name: string, options: ViewOptions) =>
      showDetail(io, options, { fields: imageFields, fetch: (client) => client.call('imageShow', { params: { name } }) }),
    );

  withJob(image.command('build'))
    .description('make an image now; apply makes those that are missing by itself')
    .argument('<image>', 'name')
    .action(async (name: string, options: JobOptions) => {
      await runJob(io, options, (client) => client.call('imageBuild', { params: { name } }));
    });

  withJob(image.command('import'))
    .description('take a disk image into the site: a file of the host, or an address with its SHA-256')
    .argument('<name>', 'the name that it gets')
    .argument('<source>', 'a file, or http(s)://…')
    .option('--sha256 <digest>', 'for an address: what must come from there')
    .action(async (name: string, source: string, options: JobOptions & { sha256?: string }) => {
      const body = { name, source: sourceOf(source, options.sha256) };
      await runJob(io, options, (client) => client.call('imageImport', { body }));
    });

  withJob(image.command('delete'))
    .description('delete an image that no guest uses')
    .argument('<image>', 'name')
    .action(async (name: string, options: JobOptions) => {
      await runJob(io, options, (client) => client.call('imageDelete', { params: { name } }));
    });
}

function imageFields({ name, source, builtIn, present, sizeBytes, digest, guests }: ImageView): Field[] {
  return [
    ['image', name],
    ['from', builtIn ? 'built in' : source],
    ['on this host', present ? 'yes' : 'no'],
    ...(sizeBytes === undefined ? [] : [['size', formatSize(sizeBytes)] satisfies Field]),
    ['digest', digest],
    ['guests', guests.length === 0 ? 'none' : listNames(guests, ', ')],
  ];
}

function sourceOf(source: string, sha256: string | undefined): { file: string } | { url: string; sha256: string } {
  if (!/^https?:\/\//.test(source)) return { file: resolve(source) };
  if (sha256 === undefined)
    throw new CaissonError('invalid', 'an image from an address needs --sha256: what comes from there is compared with it');
  return { url: source, sha256 };
}
