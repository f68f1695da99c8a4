// Starting a guest: its group with limits, its socket folder, its jail, a record on disk, then QEMU. Whatever fails before QEMU
// is executed leaves nothing behind. Once it is, it belongs to nobody: a session of its own, files as standard output, no pipe
// to us; it runs on when helper and daemon are gone.
import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { CaissonError, describeError } from '../lib/errors.ts';
import { failpoint } from '../lib/failpoint.ts';
import { Undo } from '../lib/undo.ts';
import { waitFor } from '../lib/wait-for.ts';
import type { Log } from '../lib/log.ts';
import type { GuestStartArgs } from '../model/helper-protocol.ts';
import type { Cgroups } from './cgroups.ts';
import type { GuestFiles } from './guest-files.ts';
import type { GuestProcesses } from './guest-processes.ts';
import { type Jail, renderJail } from './jail.ts';
import { pinProcess } from './pin-process.ts';
import { readBootId, readProcess, startedAt } from './process-stat.ts';
import { openSocketFolder, sealSocketFolder, socketsOf } from './socket-folder.ts';

const readyTimeoutMs = 20_000;
const endingTimeoutMs = 10_000;

export interface GuestStartParts {
  runDirectory: string;
  daemonGroupId: number;
  cgroups: Cgroups;
  files: GuestFiles;
  processes: GuestProcesses;
  log: Log;
}

/** `not-allowed` when the guest has a process; `invalid` for files that are not the guest's; `failed` with what was said otherwise. */
export async function startGuest(
  args: GuestStartArgs,
  parts: GuestStartParts,
): Promise<{ pid: number; startTime: number; startedAt: number }> {
  const running = parts.processes.of(args.uid);
  if (running)
    throw new CaissonError('not-allowed', `guest ${args.uid} has a process already (${running.pid})`, { details: { pid: running.pid } });
  // Its monitor closes some milliseconds before QEMU has given its memory back and is gone.
  if (parts.processes.holderOf(args.userId) === args.uid) {
    await waitFor(`the end of the process that guest ${args.uid} had`, () => parts.processes.holderOf(args.userId) !== args.uid, {
      timeoutMs: endingTimeoutMs,
      everyMs: 5,
    });
  }
  const holder = parts.processes.holderOf(args.userId);
  if (holder !== undefined) throw new CaissonError('conflict', `user id ${args.userId} is guest ${holder}'s, which runs`);
  const files = await Promise.all([
    ...args.disks.map((path) => parts.files.checkDisk(args.uid, args.userId, path)),
    ...args.files.map((path) => parts.files.checkReadable(args.uid, args.userId, path)),
  ]);
  const undo = new Undo();
  try {
    const socketFolder = `${parts.runDirectory}/${args.uid}`;
    openSocketFolder(socketFolder, { userId: args.userId, groupId: parts.daemonGroupId }, undo);
    parts.cgroups.create(args.uid, args.limits);
    undo.push('control group', () => parts.cgroups.remove(args.uid));
    failpoint('guest-start.group');
    const jail: Jail = {
      folder: `${parts.runDirectory}/jail`,
      userId: args.userId,
      files,
      socketFolder,
      taps: args.taps.map((tap) => tap.name),
      kvm: args.kvm ?? false,
    };
    const started = await launch(args, jail, parts, undo);
    undo.keep();
    return started;
  } catch (error) {
    const failures = await undo.rollBack();
    if (failures.length === 0) throw error;
    throw new CaissonError('failed', `${describeError(error)}; and what was begun could not be undone: ${failures.join('; ')}`, {
      cause: error,
    });
  }
}

async function launch(
  args: GuestStartArgs,
  jail: Jail,
  parts: GuestStartParts,
  undo: Undo,
): Promise<{ pid: number; startTime: number; startedAt: number }> {
  const log = await parts.files.openLog(args.uid);
  let child: ChildProcess;
  try {
    const fstabPath = `${jail.folder}/${args.uid}.fstab`;
    const { command, fstab } = renderJail(jail, fstabPath, args.argv);
    const [program, ...rest] = command;
    writeFileSync(fstabPath, fstab, { mode: 0o600 });
    undo.push('list of mounts', () => rmSync(fstabPath, { force: true }));
    child = spawn(program, rest, {
      cwd: '/',
      detached: true,
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' },
      stdio: ['pipe', log.file.fd, log.file.fd, 'pipe'],
    });
  } finally {
    await log.file.close();
  }
  const said = () => parts.files.readLog(args.uid, log.size);
  const gone = once(child, 'exit');
  gone.catch(() => undefined);
  child.stdin?.on('error', () => undefined);
  undo.push('process', async () => {
    child.kill('SIGKILL');
    if (child.pid !== undefined) await gone;
  });
  if (child.pid === undefined) {
    const [cause] = (await once(child, 'error')) as [Error];
    throw new CaissonError('missing', 'the program unshare (package util-linux) cannot be run', { cause });
  }
  const stat = readProcess(child.pid);
  if (!stat) throw new CaissonError('failed', `guest ${args.uid}: the process ended at once: ${await said()}`);
  const { pid, startTime } = stat;
  failpoint('guest-start.spawned');
  await Promise.all([
    isReady(child, said),
    parts.cgroups.join(args.uid, pid),
    ...(args.limits.cpuPin ? [pinProcess(pid, args.limits.cpuPin)] : []),
    parts.files.writeRecord(args.uid, {
      pid,
      startTime,
      bootId: readBootId(),
      generation: args.generation,
      userId: args.userId,
      argv: args.argv,
    }),
  ]);
  failpoint('guest-start.recorded');
  rmSync(`${jail.folder}/${args.uid}.fstab`);
  parts.processes.watch({ uid: args.uid, userId: args.userId, startTime, child, said });
  child.stdin?.end('go\n');
  (child.stdio[3] as Duplex).destroy();
  child.unref();
  const isAlive = () => readProcess(pid)?.startTime === startTime;
  sealSocketFolder(jail.socketFolder, parts.daemonGroupId, socketsOf(args.argv, jail.socketFolder), isAlive).catch((error: unknown) =>
    parts.log.error('the folder of a guest’s sockets could not be taken from its QEMU', { uid: args.uid, error }),
  );
  return { pid, startTime, startedAt: startedAt(startTime) };
}

/** Resolves when the jail stands and waits for `go`. */
function isReady(child: ChildProcess, said: () => Promise<string>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(
    () => reject(new CaissonError('timeout', `the guest's surroundings were not ready after ${readyTimeoutMs} ms`)),
    readyTimeoutMs,
  );
  const onExit = (code: number | null, signal: string | null) => void fail(code, signal);
  const fail = async (code: number | null, signal: string | null) => {
    const words = (await said().catch(() => '')).trim();
    reject(
      new CaissonError('failed', `the guest's surroundings could not be made (${signal ?? `exit ${code}`})${words ? `: ${words}` : ''}`),
    );
  };
  child.once('exit', onExit);
  child.stdio[3]?.once('data', () => resolve());
  return promise.finally(() => {
    clearTimeout(timer);
    child.off('exit', onExit);
  });
}
