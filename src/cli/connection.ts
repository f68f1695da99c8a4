// Finding the daemon: what is typed (`--url`, `--context`, `--data`) before the environment (CAISSON_URL, CAISSON_CONTEXT, CAISSON_DATA), that before the
// context that was signed in to last, and else the unix socket of the usual data directory.
import { join, resolve } from 'node:path';
import { type Client, createClient, staleOf } from '../api/client.ts';
import { createNodeTransport, type DaemonAddress, type NodeTransport, parseDaemonUrl } from '../api/node-transport.ts';
import { CaissonError } from '../lib/errors.ts';
import { type Context, contextOf, localContext, readContexts } from './contexts.ts';
import { Advised } from './failure.ts';
import type { Io } from './io.ts';
import { readAuthority } from './read-authority.ts';

const defaultDataDirectory = '/var/lib/caisson';

export interface ConnectionOptions {
  url?: string;
  data?: string;
  context?: string;
  ca?: string;
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

export function addressOf(options: ConnectionOptions, env: Io['env']): DaemonAddress {
  const { url, context } = placeOf(options, env);
  if (url !== undefined) {
    const known = contextAt(url, env);
    const ca = options.ca ?? nonEmpty(env['CAISSON_CA']);
    return parseDaemonUrl(url, nonEmpty(env['CAISSON_TOKEN']) ?? known?.token, ca === undefined ? known?.authority : readAuthority(ca));
  }
  if (context === undefined || context === localContext) return { socketPath: join(dataDirectoryOf(options, env), 'run', 'api.sock') };
  const { url: at, token, authority } = contextOf(readContexts(env), context);
  return parseDaemonUrl(at, token, authority);
}

/** What is typed counts more than the environment, and that more than what was used last; one of several in the environment is enough. */
function placeOf(options: ConnectionOptions, env: Io['env']): { url?: string | undefined; context?: string | undefined } {
  if (options.url !== undefined || options.context !== undefined || options.data !== undefined) return options;
  const inEnvironment = { url: nonEmpty(env['CAISSON_URL']), context: nonEmpty(env['CAISSON_CONTEXT']) };
  if (inEnvironment.url !== undefined || inEnvironment.context !== undefined) return inEnvironment;
  return nonEmpty(env['CAISSON_DATA']) === undefined ? { context: readContexts(env).current } : {};
}

/** One of the same address. */
function contextAt(url: string, env: Io['env']): Context | undefined {
  return Object.values(readContexts(env).contexts).find((context) => context.url === url);
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

function advise(error: unknown, address: DaemonAddress, options: ConnectionOptions, env: Io['env']): unknown {
  if (!(error instanceof CaissonError)) return error;
  if (staleOf(error)) return new Advised(error.message, error, ['run the command again: it goes by how things are now']);
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
      `sign in: caisson login ${address.url}`,
      `or give a token in CAISSON_TOKEN; until there are users that of ${tokenFile} (root and the group caisson may read it)`,
    ]);
  }
  return error;
}

const elsewhere =
  'if it runs elsewhere, say where: --data DIR, --url URL or --context NAME (or CAISSON_DATA, CAISSON_URL, CAISSON_CONTEXT)';

function startAdvice(address: DaemonAddress, options: ConnectionOptions, env: Io['env']): string[] {
  if ('url' in address) return [`start it, as root: caisson daemon --listen ${new URL(address.url).host}`];
  if (options.url !== undefined || nonEmpty(env['CAISSON_URL']) !== undefined) return ['start it, as root: caisson daemon'];
  const directory = dataDirectoryOf(options, env);
  return [`start it, as root: caisson daemon${directory === defaultDataDirectory ? '' : ` --data ${directory}`}`];
}
