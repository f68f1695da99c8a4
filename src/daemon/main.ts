// The daemon's process. Started by the root helper it runs as an ordinary user with the helper's channel as file descriptor 3; by
// `--simulate`, with nothing but itself. Ends with 0 when asked to (guests run on), with 1 when the helper is gone or it cannot
// start, with 2 for wrong arguments, with 70 when it met an error that nobody expected: the helper then ends too.
import { existsSync } from 'node:fs';
import { mkdtemp, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeError, toCaissonError } from '../lib/errors.ts';
import { giveMemoryBack } from '../lib/give-memory-back.ts';
import { jsonLog, type Log } from '../lib/log.ts';
import { type DaemonCommand, parseDaemonCommand, type TlsOptions } from './command-line.ts';
import { openApiToken } from './http/api-token.ts';

/** What was begun must not take longer to end. */
const closeMs = 15_000;

/** The pause of a collection is some ten milliseconds. */
const memoryGivenBack = { everyMs: 10_000, worthwhileBytes: 4 * 1024 * 1024 };

interface Running {
  urls: string[];
  setUpLinks: string[];
  close(): Promise<void>;
}

let log = jsonLog((line) => process.stderr.write(line), 'info', { from: 'daemon' });

process.on('uncaughtException', (error) => {
  log.error('an unexpected error ends the daemon; guests run on', { error, stack: error.stack });
  process.exit(70);
});

async function main(): Promise<void> {
  const command = parseDaemonCommand(process.argv.slice(2));
  if (command.verbose) log = jsonLog((line) => process.stderr.write(line), 'debug', { from: 'daemon' });
  const { promise: asked, resolve: ask } = Promise.withResolvers<string>();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => ask(signal));
  const running = command.kind === 'simulate' ? await simulate(command) : await host(command.tls);
  // Whoever started us waits for this line.
  process.stdout.write(`ready ${running.urls.join(' ')}\n`);
  // Not into the log: whoever has it is the administrator.
  for (const link of running.setUpLinks) process.stdout.write(`set-up ${link}\n`);
  log.info('ready', { urls: running.urls });
  const stopCollecting = giveMemoryBack(memoryGivenBack);
  log.info('ending', { why: await asked });
  stopCollecting();
  setTimeout(() => {
    log.error('ending takes too long');
    process.exit(1);
  }, closeMs).unref();
  await running.close();
}

async function host(tls: TlsOptions): Promise<Running> {
  const { startHostDaemon } = await import('./host-daemon.ts');
  return startHostDaemon({
    tls,
    log,
    webRoot: webRoot(),
    onHelperGone(why) {
      log.error('the helper is gone, so the daemon ends; guests run on', { why });
      process.exit(1);
    },
  });
}

async function simulate(command: DaemonCommand & { kind: 'simulate' }): Promise<Running> {
  const { createSimulatedWorld, startSimulatedDaemon } = await import('./simulate.ts');
  const data = resolve(command.dataDirectory ?? (await mkdtemp(join(tmpdir(), 'caisson-simulated-'))));
  await mkdir(data, { recursive: true });
  return startSimulatedDaemon({
    world: createSimulatedWorld({ seed: command.seed, dataDirectory: data }),
    socketPath: join(data, 'run', 'api.sock'),
    tcp: command.listen,
    token: await openApiToken(join(data, 'api-token')),
    tls: command.tls,
    acmePlaces: command.acmeListen,
    bootMs: command.bootMs,
    webRoot: webRoot(),
    log: simulationLog(command.verbose),
  });
}

/** Somebody watches a simulation on a terminal: only what is wrong is told. */
function simulationLog(verbose: boolean): Log {
  return verbose ? log : jsonLog((line) => process.stderr.write(line), 'warn', { from: 'daemon' });
}

/** Beside the bundle; for a daemon that runs from its sources, as it was built last. */
function webRoot(): string | undefined {
  return ['./web', '../../dist/web'].map((path) => fileURLToPath(new URL(path, import.meta.url))).find((path) => existsSync(path));
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`caisson daemon: ${describeError(error)}\n`);
    process.exit(toCaissonError(error).code === 'invalid' ? 2 : 1);
  },
);
