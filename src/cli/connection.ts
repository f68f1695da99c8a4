// Finding the daemon: `--url` or CAISSON_URL, else the unix socket of the data directory (`--data`, CAISSON_DATA).
import { join, resolve } from 'node:path';
import { type Client, createClient } from '../api/client.ts';
import { createNodeTransport, type DaemonAddress, type NodeTransport, parseDaemonUrl } from '../api/node-transport.ts';
import { CaissonError } from '../lib/errors.ts';
import { Advised } from './failure.ts';
import type { Io } from './io.ts';

const defaultDataDirectory = '/var/lib/caisson';

export interface ConnectionOptions {
  url?: string;
  data?: string;
}

export interface Connection {
  client: Client;
  transport: NodeTransport;
}

export function dataDirectoryOf(options: { data?: string }, env: Io['env']): string {
  return resolve(options.data ?? nonEmpty(env['CAISSON_DATA']) ?? defaultDataDirectory);
}

/** Runs `work` with a connection that is closed afterwards; a daemon that does not answer is told with what to do. */
export async function connected<T>(
  io: Io,
  options: ConnectionOptions,
  work: (connection: Connection) => Promise<T>,
  limits: { timeoutMs?: number } = {},
): Promise<T> {
  const address = addressOf(options, io.env);
  const transport = createNodeTransport(address, limits);
  try {
    return await work({ client: createClient(transport), transport });
  } catch (error) {
    throw advise(error, address, options, io.env);
  } finally {
    transport.close();
  }
}

function addressOf(options: ConnectionOptions, env: Io['env']): DaemonAddress {
  // What is typed counts more than the environment.
  const url = options.url ?? (options.data === undefined ? nonEmpty(env['CAISSON_URL']) : undefined);
  if (url === undefined) return { socketPath: join(dataDirectoryOf(options, env), 'run', 'api.sock') };
  return parseDaemonUrl(url, nonEmpty(env['CAISSON_TOKEN']));
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

function advise(error: unknown, address: DaemonAddress, options: ConnectionOptions, env: Io['env']): unknown {
  if (!(error instanceof CaissonError)) return error;
  const cause = (error.cause as NodeJS.ErrnoException | undefined)?.code;
  if (cause === 'ENOENT' || cause === 'ECONNREFUSED') {
    return new Advised(error.message, error, [...startAdvice(address, options, env), elsewhere]);
  }
  if (cause === 'EACCES' || cause === 'EPERM') {
    return new Advised(error.message, error, ['be root, or join the group and log in again: usermod -aG caisson USER']);
  }
  if (error.code === 'unauthorized' && 'url' in address) {
    const tokenFile = join(dataDirectoryOf(options, env), 'api-token');
    return new Advised(error.message, error, [
      `give its token: CAISSON_TOKEN=$(cat ${tokenFile}) (root and the group caisson may read it)`,
    ]);
  }
  return error;
}

const elsewhere = 'if it runs elsewhere, say where: --data DIR or --url URL (or CAISSON_DATA, CAISSON_URL)';

function startAdvice(address: DaemonAddress, options: ConnectionOptions, env: Io['env']): string[] {
  if ('url' in address) return [`start it, as root: caisson daemon --listen ${new URL(address.url).host}`];
  if (options.url !== undefined || nonEmpty(env['CAISSON_URL']) !== undefined) return ['start it, as root: caisson daemon'];
  const directory = dataDirectoryOf(options, env);
  return [`start it, as root: caisson daemon${directory === defaultDataDirectory ? '' : ` --data ${directory}`}`];
}
