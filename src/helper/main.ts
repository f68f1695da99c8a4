// The root helper: prepares what needs root, starts the daemon as an ordinary user and does for it, verb by verb, what only root may.
// When either of the two ends the other does; guests go on.
import { existsSync } from 'node:fs';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { CaissonError, describeError, toCaissonError } from '../lib/errors.ts';
import { giveMemoryBack } from '../lib/give-memory-back.ts';
import { jsonLog } from '../lib/log.ts';
import type { HelperEvent } from '../model/helper-protocol.ts';
import { serveChannel } from './channel.ts';
import { type HelperOptions, parseHelperOptions } from './command-line.ts';
import { type Host, openHost } from './host.ts';
import { closeInheritedFiles } from './inherited-files.ts';
import { createKernelNetwork } from './network/kernel-network.ts';
import { explainEarlyEnd, openListeners, spawnDaemon } from './spawn-daemon.ts';
import type { SystemUser } from './system-user.ts';
import { createVerbs } from './verbs.ts';

/** A daemon that was asked to end and does not is killed; guests do not notice. */
const daemonEndMs = 20_000;

/** 12.3 → 10.2 MiB; the pause of a collection is some ten milliseconds. */
const memoryGivenBack = { everyMs: 10_000, worthwhileBytes: 1024 * 1024 };

const log = jsonLog((line) => process.stderr.write(line), 'info', { from: 'helper' });

async function main(): Promise<number> {
  const options = parseHelperOptions(process.argv.slice(2));
  if (process.getuid?.() !== 0)
    throw new CaissonError('not-allowed', 'the helper must be started as root: it makes taps, rules and users’ processes');
  process.umask(0o022);
  closeInheritedFiles();
  const emitters: ((event: HelperEvent) => void)[] = [];
  const host = await openHost({
    dataDirectory: options.dataDirectory,
    ...(options.netns !== undefined && { netns: options.netns }),
    user: options.user,
    createNetwork: createKernelNetwork,
    emit: (event) => emitters.forEach((emit) => emit(event)),
    log,
  });
  try {
    if (options.teardown) await host.teardown();
    else return await serve(host, options, emitters);
    return 0;
  } finally {
    await host.close();
  }
}

/** Runs the daemon to its end; its exit code. */
async function serve(host: Host, options: HelperOptions, emitters: ((event: HelperEvent) => void)[]): Promise<number> {
  const program = sibling(options.daemon, 'daemon.js');
  const listening = await openListeners(options.listen);
  const daemon = spawnDaemon({
    enter: host.namespace.enter(),
    user: host.user,
    nodeOptions: options.nodeOptions,
    program,
    dataDirectory: host.dataDirectory,
    runDirectory: host.file.runDirectory,
    args: options.daemonArgs,
    listeningFds: listening.fds,
    lockFd: host.lockFd,
  });
  listening.close();
  const exited = once(daemon, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const stop = (signal: NodeJS.Signals) => {
    log.info('ending', { signal });
    daemon.kill('SIGTERM');
    setTimeout(() => daemon.kill('SIGKILL'), daemonEndMs).unref();
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop(signal));
  const imageBuilder =
    options.imageBuilder ?? (existsSync(sibling(undefined, 'image-builder.js')) ? sibling(undefined, 'image-builder.js') : undefined);
  const commandLine = sibling(undefined, 'cli.js');
  const verbs = createVerbs(host, {
    listeners: listening.listeners,
    ...(existsSync(commandLine) && { commandLine: asUser(host.user, [process.execPath, commandLine]) }),
    ...(imageBuilder !== undefined && { imageBuilder: asUser(host.user, [process.execPath, imageBuilder]) }),
  });
  const channel = serveChannel(daemon.stdio[3] as Duplex, verbs, {
    log,
    onClosed: (why) => {
      // Normally it is ending; one that has lost its channel can do nothing any more.
      log.info('the channel is closed', { why });
      setTimeout(() => daemon.kill('SIGKILL'), daemonEndMs).unref();
    },
  });
  emitters.push((event) => channel.emit(event));
  const stopCollecting = giveMemoryBack(memoryGivenBack);
  log.info('started', { data: host.dataDirectory, daemon: daemon.pid, listeners: listening.listeners });
  const [code, signal] = await exited;
  const why = explainEarlyEnd(code, program, host.user);
  if (why) log.error(why);
  else log.info('the daemon has ended', { code, signal });
  stopCollecting();
  await channel.close();
  return code ?? 1;
}

/** The builder makes a user namespace by newuidmap, which is why it may gain privileges by executing it. */
function asUser(user: SystemUser, argv: string[]): [string, ...string[]] {
  return [
    'setpriv',
    '--reuid',
    String(user.userId),
    '--regid',
    String(user.groupId),
    '--clear-groups',
    '--inh-caps=-all',
    '--ambient-caps=-all',
    '--',
    ...argv,
  ];
}

function sibling(given: string | undefined, name: string): string {
  return given ?? fileURLToPath(new URL(`./${name}`, import.meta.url));
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`caisson helper: ${describeError(error)}\n`);
    process.exit(toCaissonError(error).code === 'invalid' ? 2 : 1);
  },
);
