// What commands have in common: the options that find the daemon and choose the format, errors, and waiting for jobs.
import { type Command, Option } from 'commander';
import type { Job } from '../model/job.ts';
import { type Connection, type ConnectionOptions, openConnection } from './connection.ts';
import { followJob } from './follow-job.ts';
import { type Format, formats, printValue } from './output.ts';

export interface CommonOptions extends ConnectionOptions {
  output: Format;
  wait: boolean;
}

export function withConnection(command: Command): Command {
  return command
    .addOption(
      new Option('--url <url>', 'the daemon: http://127.0.0.1:PORT (token in CAISSON_TOKEN) or unix:PATH')
        .env('CAISSON_URL')
        .conflicts('data'),
    )
    .addOption(new Option('--data <dir>', 'data directory whose daemon is asked (default /var/lib/caisson)'));
}

export function withOutput(command: Command): Command {
  return withConnection(command).addOption(new Option('-o, --output <format>', 'how to print').choices(formats).default('table'));
}

/** For commands that start a job. */
export function withJob(command: Command): Command {
  return withOutput(command).option('--no-wait', 'return at once instead of waiting for the job’s end');
}

/** Runs `work` with a connection that is closed afterwards. */
export async function connected<T>(options: ConnectionOptions, work: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = openConnection(options);
  try {
    return await work(connection);
  } finally {
    connection.transport.close();
  }
}

/** Starts a job, waits for it unless told otherwise, and prints it where JSON or YAML was asked for. */
export async function runJob(options: CommonOptions, start: (connection: Connection) => Promise<Job>): Promise<void> {
  await runJobForResult(options, start);
}

/** The same, for commands that say something about the job’s result. */
export async function runJobForResult(options: CommonOptions, start: (connection: Connection) => Promise<Job>): Promise<Job> {
  return connected(options, async (connection) => {
    const job = await followJob(connection, await start(connection), { wait: options.wait });
    if (options.output !== 'table') await printValue(job, options.output);
    return job;
  });
}
