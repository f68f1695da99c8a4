// Starting the daemon: as its ordinary user without any way back to a privilege, in the guests' network, with the channel as file
// descriptor 3 and the listening sockets, which belong to the host's own network, from 4 on.
import { type ChildProcess, spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { CaissonError } from '../lib/errors.ts';
import type { HelperOptions } from './command-line.ts';
import type { HelperHello } from '../model/helper-protocol.ts';
import type { SystemUser } from './system-user.ts';

const firstListenerFd = 4;

export interface Listening {
  listeners: HelperHello['listeners'];
  fds: number[];
  /** Our copies; the daemon's stay open. */
  close(): void;
}

/** Opens the listening sockets. They are the daemon's to accept from; a connection that comes before it has them is cut. */
export async function openListeners(addresses: HelperOptions['listen']): Promise<Listening> {
  const servers: Server[] = [];
  const close = () => {
    for (const server of servers) server.close();
  };
  const listeners: HelperHello['listeners'] = [];
  for (const { host, port, acme } of addresses) {
    const server = createServer((connection) => connection.destroy());
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once('error', reject).listen({ host, port }, resolve);
    try {
      await promise;
    } catch (cause) {
      close();
      const taken = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
      throw new CaissonError(
        taken ? 'conflict' : 'failed',
        `cannot listen on ${host} port ${port}${taken ? ': another program has that port; give another --listen' : ''}`,
        { cause },
      );
    }
    servers.push(server);
    const address = server.address();
    listeners.push({
      fd: firstListenerFd + listeners.length,
      address: host,
      port: typeof address === 'object' && address ? address.port : port,
      ...(acme && { acme }),
    });
  }
  return { listeners, fds: servers.map(fileDescriptor), close };
}

/** Node has no public way to the descriptor of a server. */
function fileDescriptor(server: Server): number {
  const fd = (Reflect.get(server, '_handle') as { fd: number }).fd;
  if (!Number.isInteger(fd) || fd < 0) throw new CaissonError('internal', 'a listening socket has no file descriptor');
  return fd;
}

export interface DaemonOptions {
  /** Program that enters the guests' network, or nothing. */
  enter: string[];
  user: SystemUser;
  nodeOptions: readonly string[];
  program: string;
  dataDirectory: string;
  runDirectory: string;
  args: readonly string[];
  listeningFds: readonly number[];
  /** The lock of the data directory. */
  lockFd: number;
}

/** The group of /dev/kvm, where it has one: the daemon tries whether KVM really runs a guest. */
function supplementaryGroups(): string[] {
  const device = statSync('/dev/kvm', { throwIfNoEntry: false });
  const isOpenToGroup = device !== undefined && device.gid !== 0 && (device.mode & 0o060) === 0o060;
  return isOpenToGroup ? ['--groups', String(device.gid)] : ['--clear-groups'];
}

export function spawnDaemon(options: DaemonOptions): ChildProcess {
  const { user } = options;
  const drop = [
    'setpriv',
    '--reuid',
    String(user.userId),
    '--regid',
    String(user.groupId),
    ...supplementaryGroups(),
    '--bounding-set=-all',
    '--inh-caps=-all',
    '--ambient-caps=-all',
    '--no-new-privs',
    '--',
  ];
  const [program = '', ...rest] = [
    ...options.enter,
    ...drop,
    process.execPath,
    ...options.nodeOptions,
    options.program,
    '--data',
    options.dataDirectory,
    ...options.args,
  ];
  return spawn(program, rest, {
    cwd: '/',
    // A session of its own: Ctrl-C in our terminal is ours to pass on, once.
    detached: true,
    env: {
      ...inherited(),
      // One arena of the C library instead of one for each thread: 2 MiB less.
      MALLOC_ARENA_MAX: '1',
      // What is large, and the end of its heap, is given back at once, whatever has been needed before: another MiB less.
      MALLOC_MMAP_THRESHOLD_: '131072',
      MALLOC_TRIM_THRESHOLD_: '65536',
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      CAISSON_DATA: options.dataDirectory,
      CAISSON_RUN: options.runDirectory,
    },
    stdio: ['ignore', 'inherit', 'inherit', 'pipe', ...options.listeningFds, options.lockFd],
  });
}

/** Of the environment only what is ours: the daemon is not to depend on who typed the command. */
function inherited(): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    ([name]) => name.startsWith('CAISSON_') || ['LANG', 'LC_ALL', 'TZ', 'NO_COLOR'].includes(name),
  );
  return Object.fromEntries(kept.map(([name, value]) => [name, value ?? '']));
}

/** What setpriv or the runtime could not do, in words; undefined for an end of the daemon's own. */
export function explainEarlyEnd(code: number | null, program: string, user: SystemUser): string | undefined {
  if (code !== 126 && code !== 127) return undefined;
  return `the daemon could not be executed: can user ${user.name} read ${process.execPath} and ${program}?`;
}
