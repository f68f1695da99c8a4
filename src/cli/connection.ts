// Finding the daemon: `--url` or CAISSON_URL, else the unix socket of the data directory (`--data`, CAISSON_DATA).
import { join } from 'node:path';
import { type Client, createClient } from '../api/client.ts';
import { createNodeTransport, type NodeTransport, parseDaemonUrl } from '../api/node-transport.ts';

export const defaultDataDirectory = '/var/lib/caisson';

export interface ConnectionOptions {
  url?: string;
  data?: string;
}

export interface Connection {
  client: Client;
  transport: NodeTransport;
}

export function dataDirectoryOf(options: { data?: string }): string {
  return options.data ?? process.env['CAISSON_DATA'] ?? defaultDataDirectory;
}

export function openConnection(options: ConnectionOptions): Connection {
  const url = options.url ?? (options.data === undefined ? process.env['CAISSON_URL'] : undefined);
  const address =
    url === undefined
      ? { socketPath: join(dataDirectoryOf(options), 'run', 'api.sock') }
      : parseDaemonUrl(url, process.env['CAISSON_TOKEN']);
  const transport = createNodeTransport(address);
  return { client: createClient(transport), transport };
}
