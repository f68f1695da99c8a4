// What commands have in common: the options that find the daemon and choose the format, showing things, and waiting for jobs.
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Client } from '../api/client.ts';
import { parseDuration } from '../lib/units.ts';
import type { Job } from '../model/job.ts';
import { type Connection, type ConnectionOptions, connected } from './connection.ts';
import { followJob, throwUnlessSucceeded } from './follow-job.ts';
import type { Io } from './io.ts';
import { fieldsFor, type Format, formats, renderValue, tableFor } from './output.ts';
import type { Column, Field } from './table.ts';
import { watchView } from './watch.ts';

export interface OutputOptions extends ConnectionOptions {
  output: Format;
}

export interface ViewOptions extends OutputOptions {
  watch?: boolean;
}

export interface JobOptions extends OutputOptions {
  wait: boolean;
}

export const daemonGroup = 'The daemon:';

export function withConnection(command: Command): Command {
  return command
    .addOption(
      new Option('--data <dir>', 'data directory whose daemon is asked (CAISSON_DATA; default /var/lib/caisson)').helpGroup(daemonGroup),
    )
    .addOption(
      new Option('--url <url>', 'its address: https://HOST:PORT with CAISSON_TOKEN, or unix:PATH (CAISSON_URL)')
        .conflicts('data')
        .helpGroup(daemonGroup),
    )
    .addOption(
      new Option('--context <name>', 'a site that you have signed in to, or local (CAISSON_CONTEXT; see caisson context list)')
        .conflicts(['data', 'url'])
        .helpGroup(daemonGroup),
    )
    .addOption(
      new Option(
        '--ca <file>',
        'with --url: the authority of its certificate, as “caisson host ca” prints it there (CAISSON_CA)',
      ).helpGroup(daemonGroup),
    );
}

export function withFormat(command: Command): Command {
  return command.addOption(new Option('-o, --output <format>', 'how to print').choices(formats).default('table'));
}

export function withOutput(command: Command): Command {
  return withFormat(withConnection(command));
}

/** For commands that show something that changes. */
export function withWatch(command: Command): Command {
  return withOutput(command).option('--watch', 'print anew at every change, until Ctrl-C');
}

/** For commands that start a job. */
export function withJob(command: Command): Command {
  return withOutput(command).option('--no-wait', 'return once the job runs, instead of waiting for its end');
}

/** A parser of option values: a whole number. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`A whole number from ${least} to ${most} is expected.`);
    return value;
  };
}

/** A parser of option values: `90s`, `5min`; a bare number means seconds. Milliseconds. */
export function duration(text: string): number {
  const ms = parseDuration(/^\d+$/.test(text) ? `${text}s` : text);
  if (ms === undefined || ms === 0) throw new InvalidArgumentError('A duration is expected, for example 90s or 5min.');
  return ms;
}

/** Prints what `render` returns, once or, with `--watch`, at every change. */
export async function showView(
  io: Io,
  options: ViewOptions,
  render: (connection: Connection, compact: boolean) => Promise<string>,
): Promise<void> {
  await connected(io, options, async (connection) => {
    if (options.watch) await watchView(io, connection, () => render(connection, true));
    else {
      const text = await render(connection, false);
      if (text !== '') io.stdout.write(text);
    }
  });
}

export interface ListView<T> {
  columns: readonly Column<T>[];
  /** Said on standard error when there are none. */
  none: string;
  fetch: (client: Client) => Promise<{ items: T[] }>;
}

export function showList<T>(io: Io, options: ViewOptions, { columns, none, fetch }: ListView<T>): Promise<void> {
  return showView(io, options, async ({ client }, compact) => {
    const { items } = await fetch(client);
    if (options.output !== 'table') return renderValue({ items }, options.output, compact);
    if (items.length > 0) return tableFor(io, items, columns);
    if (options.watch) return `${none}\n`;
    io.stderr.write(`${none}\n`);
    return '';
  });
}

export interface DetailView<T> {
  fields: (value: T) => readonly Field[] | Promise<readonly Field[]>;
  fetch: (client: Client) => Promise<T>;
}

export function showDetail<T>(io: Io, options: ViewOptions, { fields, fetch }: DetailView<T>): Promise<void> {
  return showView(io, options, async ({ client }, compact) => {
    const value = await fetch(client);
    return options.output === 'table' ? fieldsFor(io, await fields(value)) : renderValue(value, options.output, compact);
  });
}

/** Starts a job, waits for it unless told otherwise, and prints it where JSON or YAML was asked for. Throws when it did not succeed. */
export function runJob(io: Io, options: JobOptions, start: (client: Client) => Promise<Job>): Promise<Job> {
  return connected(io, options, async (connection) => {
    const job = await followJob(io, connection, await start(connection.client), { wait: options.wait });
    if (options.output !== 'table') io.stdout.write(await renderValue(job, options.output));
    if (options.wait) throwUnlessSucceeded(job);
    return job;
  });
}
