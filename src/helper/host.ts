// One data directory opened by its helper: locked, its folders and namespace made, what runs already adopted. And the way back, which
// leaves nothing but the data.
import { mkdirSync } from 'node:fs';
import { CaissonError } from '../lib/errors.ts';
import { run } from '../lib/exec.ts';
import { KeyedLock } from '../lib/keyed-lock.ts';
import type { Log } from '../lib/log.ts';
import type { HelperEvent } from '../model/helper-protocol.ts';
import type { NetworkChange, NetworkHelper } from '../model/network-helper.ts';
import { Cgroups } from './cgroups.ts';
import { type HostFile, openDataDirectory, prepareDataDirectory, setFolder } from './data-directory.ts';
import { lockDataDirectory } from './data-lock.ts';
import { GuestFiles } from './guest-files.ts';
import { GuestProcesses } from './guest-processes.ts';
import { cacheFolder } from './image-work.ts';
import { NetworkNamespace } from './network-namespace.ts';
import { Probes } from './probes.ts';
import { prepareRunDirectory, removeRunDirectory } from './run-directory.ts';
import { sealSocketFolder } from './socket-folder.ts';
import { readSystemUser, type SystemUser } from './system-user.ts';
import { type RunInGuestsNetwork, takeTap } from './take-tap.ts';
import { releaseUserIds, reservedIds } from './user-id-range.ts';

export interface Host {
  dataDirectory: string;
  file: HostFile;
  user: SystemUser;
  /** Those of guests. */
  userIds: { base: number; count: number };
  namespace: NetworkNamespace;
  network: NetworkHelper;
  cgroups: Cgroups;
  files: GuestFiles;
  processes: GuestProcesses;
  probes: Probes;
  /** By uid of a guest. */
  locks: KeyedLock;
  /** Of the data directory: the daemon holds it too. */
  lockFd: number;
  log: Log;
  /** Takes away all but the data; `not-allowed` while a guest runs. */
  teardown(): Promise<void>;
  /** At an orderly end: without guests nothing of their network is left standing. */
  close(): Promise<void>;
}

export type NetworkFactory = (options: {
  netns?: string;
  folder: string;
  userId: number;
  log: Log;
  claim: { folder: string; owner: string };
  onChange: (change: NetworkChange) => void;
  takeTap: (uid: string, tap: string, run: RunInGuestsNetwork) => Promise<boolean>;
}) => NetworkHelper;

export async function openHost(options: {
  dataDirectory: string;
  netns?: string;
  user: string;
  createNetwork: NetworkFactory;
  emit: (event: HelperEvent) => void;
  log: Log;
}): Promise<Host> {
  const { log } = options;
  const user = await readSystemUser(options.user);
  const dataDirectory = openDataDirectory(options.dataDirectory);
  const lock = lockDataDirectory(`${dataDirectory}/lock`);
  try {
    const file = await prepareDataDirectory(dataDirectory, user);
    const { runDirectory } = file;
    await prepareRunDirectory(runDirectory, dataDirectory, user);
    mkdirSync(cacheFolder, { recursive: true, mode: 0o755 });
    for (const name of ['images', 'packages', 'work']) setFolder(`${cacheFolder}/${name}`, user, 0o2775);
    const namespace = new NetworkNamespace(options.netns, runDirectory);
    await namespace.open();
    const probes = new Probes(namespace, runDirectory.slice(-8));
    await probes.sweep();
    const cgroups = Cgroups.read(runDirectory.slice(-8));
    const files = new GuestFiles(dataDirectory, user);
    const processes = new GuestProcesses({ cgroups, emit: options.emit, log });
    const network = options.createNetwork({
      ...(options.netns && { netns: options.netns }),
      folder: `${runDirectory}/network`,
      userId: file.userIdBase + file.userIdCount - 1,
      log,
      claim: { folder: '/run/caisson', owner: dataDirectory },
      onChange: (what) => options.emit({ event: 'network-changed', what }),
      takeTap: (uid, tap, run) => takeTap(uid, tap, { processes, namespace }, run),
    });
    processes.adopt((uid) => files.readLog(uid));
    for (const { uid } of processes.list()) await sealSocketFolder(`${runDirectory}/${uid}`, user.groupId, [], () => true);
    const bounding = setInterval(() => void boundLogs(processes, files), 10_000);

    let isTornDown = false;
    const teardown = async () => {
      const running = processes.list();
      if (running.length > 0) {
        throw new CaissonError('not-allowed', `${running.length} guests of ${dataDirectory} run: stop them first`, {
          details: { uids: running.map(({ uid }) => uid) },
        });
      }
      isTornDown = true;
      await all([
        () => probes.closeAll(),
        () => network.networkRemove({}),
        () => cgroups.removeAll(),
        () => namespace.remove(),
        () => removeRunDirectory(runDirectory, dataDirectory),
        () => releaseUserIds(dataDirectory),
      ]);
    };
    return {
      dataDirectory,
      file,
      user,
      namespace,
      network,
      cgroups,
      files,
      processes,
      probes,
      log,
      teardown,
      userIds: { base: file.userIdBase, count: file.userIdCount - reservedIds },
      locks: new KeyedLock(),
      lockFd: lock.fd,
      async close() {
        clearInterval(bounding);
        try {
          await probes.closeAll();
          if (!isTornDown && processes.list().length === 0) await all([() => network.networkRemove({}), () => namespace.remove()]);
        } finally {
          processes.close();
          lock.release();
        }
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Removes the guest's taps from the guests' network, whoever put them there. */
export async function removeTaps(namespace: NetworkNamespace, uid: string): Promise<void> {
  const [first = 'env', ...rest] = namespace.enter();
  const list = async () =>
    (await run([first, ...rest, 'ls', '/proc/sys/net/ipv4/conf'])).stdout.split('\n').filter((one) => one.startsWith(`cs${uid}`));
  for (const name of await list()) {
    await run([first, ...rest, 'ip', 'link', 'delete', 'dev', name]).catch(async (error: unknown) => {
      // The network may have taken its nic down in the same moment.
      if ((await list()).includes(name)) throw error;
    });
  }
}

/** Does each, going on past failures; then throws the first. */
async function all(steps: (() => Promise<unknown>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) await step().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

async function boundLogs(processes: GuestProcesses, files: GuestFiles): Promise<void> {
  for (const { uid } of processes.list()) await files.boundLog(uid).catch(() => undefined);
}
