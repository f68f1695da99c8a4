// Pebble, an ACME server for tests, with a name server that says 127.0.0.1 for every name. Everything on the loopback, ports of its own.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { boundedRequest } from '../../src/lib/bounded-request.ts';
import { waitFor } from '../../src/lib/wait-for.ts';

const program = '/usr/bin/pebble';
const nameServer = '/usr/bin/pebble-challtestsrv';

/** Why there can be no such test here. */
export const withoutPebble = existsSync(program) && existsSync(nameServer) ? false : `there is no ${program}: apt-get install pebble`;

export interface Pebble {
  directory: string;
  /** PEM: of whom its certificates are. */
  root: string;
  stop(): Promise<void>;
}

export interface PebbleOptions {
  folder: string;
  /** Where it looks for proofs over HTTP. */
  proofPort: number;
  /** And by TLS. */
  tlsPort?: number;
  /** Of its own HTTPS, for 127.0.0.1. */
  certificate: string;
  key: string;
  authorities: string;
  /** Seconds. */
  validity?: number;
  /** In percent of requests: it takes a good number for a wrong one. */
  rejects?: number;
}

export async function startPebble({
  folder,
  proofPort,
  tlsPort = 1,
  certificate,
  key,
  authorities,
  validity = 86_400,
  rejects = 5,
}: PebbleOptions): Promise<Pebble> {
  const [port, management, dns, dnsManagement] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const configuration = join(folder, 'pebble.json');
  const pebble = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${management}`,
    certificate,
    privateKey: key,
    httpPort: proofPort,
    tlsPort,
    ocspResponderURL: '',
    externalAccountBindingRequired: false,
    certificateValidityPeriod: validity,
  };
  writeFileSync(configuration, JSON.stringify({ pebble }));
  const off = ['-http01', '', '-https01', '', '-tlsalpn01', ''];
  const names = start(nameServer, [...off, '-dns01', `127.0.0.1:${dns}`, '-management', `127.0.0.1:${dnsManagement}`, '-defaultIPv6', '']);
  const server = start(program, ['-config', configuration, '-dnsserver', `127.0.0.1:${dns}`], {
    PEBBLE_VA_NOSLEEP: '1',
    PEBBLE_WFE_NONCEREJECT: String(rejects),
  });
  const stop = async () => {
    await Promise.all([end(server), end(names)]);
  };
  const ask = (url: string) =>
    boundedRequest({ url: new URL(url), method: 'GET', timeoutMs: 5000, mostBytes: 65_536, authorities })
      .then(({ status, body }) => (status === 200 ? body.toString() : undefined))
      .catch(() => undefined);
  const directory = `https://127.0.0.1:${port}/dir`;
  try {
    await waitFor('pebble answers', async () => (await ask(directory)) !== undefined, { timeoutMs: 60_000 });
    const root = await ask(`https://127.0.0.1:${management}/roots/0`);
    if (root === undefined) throw new Error('pebble does not tell its root');
    return { directory, root, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function start(path: string, argv: string[], env: Record<string, string> = {}): ChildProcess {
  return spawn(path, argv, { stdio: 'ignore', env: { PATH: '/usr/bin:/bin', ...env } });
}

function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  child.once('exit', () => resolve());
  child.kill('SIGKILL');
  return promise;
}

/** One that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const { port } = server.address() as { port: number };
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  await closed.promise;
  return port;
}
