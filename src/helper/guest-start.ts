// Starting a guest: its group with limits, its socket folder, its jail, a record on disk, then QEMU. Whatever fails before QEMU
// is executed leaves nothing behind. Once it is, it belongs to nobody: a session of its own, files as standard output, no pipe
// to us; it runs on when helper and daemon are gone.
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { CaissonError, describeError } from '../lib/errors.ts';
import { failpoint } from '../lib/failpoint.ts';
import { uidPattern } from '../lib/ids.ts';
import { Undo } from '../lib/undo.ts';
import type { GuestStartArgs } from '../model/helper-protocol.ts';
import type { Cgroups } from './cgroups.ts';
import type { GuestFiles } from './guest-files.ts';
import type { GuestProcesses } from './guest-processes.ts';
import { type Jail, renderJail } from './jail.ts';
import { readBootId, readProcess, startedAt } from './process-stat.ts';

const readyTimeoutMs = 20_000;

export interface GuestStartParts {
  runDirectory: string;
  daemonGroupId: number;
  cgroups: Cgroups;
  files: GuestFiles;
  processes: GuestProcesses;
}

/** `not-allowed` when the guest has a process; `invalid` for files that are not the guest's; `failed` with what was said otherwise. */
export async function startGuest(
  args: GuestStartArgs,
  parts: GuestStartParts,
): Promise<{ pid: number; startTime: number; startedAt: number }> {
  const running = parts.processes.of(args.uid);
  if (running)
    throw new CaissonError('not-allowed', `guest ${args.uid} has a process already (${running.pid})`, { details: { pid: running.pid } });
  refuseSharedUserId(parts.runDirectory, args);
  const files = await Promise.all([
    ...args.disks.map((path) => parts.files.checkDisk(args.uid, args.userId, path)),
    ...args.files.map((path) => parts.files.checkReadable(args.uid, args.userId, path)),
  ]);
  const undo = new Undo();
  try {
    const socketFolder = makeSocketFolder(args, parts, undo);
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
  parts.processes.watch(args.uid, startTime, child, said);
  child.stdin?.end('go\n');
  (child.stdio[3] as Duplex).destroy();
  child.unref();
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

/** A user id is one guest's as long as its socket folder exists: two guests of one user could read each other's memory. */
function refuseSharedUserId(runDirectory: string, args: GuestStartArgs): void {
  for (const name of readdirSync(runDirectory)) {
    if (name === args.uid || !uidPattern.test(name)) continue;
    if (lstatSync(`${runDirectory}/${name}`, { throwIfNoEntry: false })?.uid === args.userId) {
      throw new CaissonError('conflict', `user id ${args.userId} is guest ${name}'s`);
    }
  }
}

function makeSocketFolder(args: GuestStartArgs, parts: GuestStartParts, undo: Undo): string {
  const path = `${parts.runDirectory}/${args.uid}`;
  const stat = lstatSync(path, { throwIfNoEntry: false });
  // The run directory is sticky: what is root's in it was made here, by a helper that died before it could give it away.
  if (stat && (!stat.isDirectory() || ![0, args.userId].includes(stat.uid))) {
    throw new CaissonError('invalid', `${path} is not the folder of user ${args.userId}; remove it`);
  }
  if (!stat) {
    mkdirSync(path, { mode: 0o700 });
    undo.push('socket folder', () => rmSync(path, { recursive: true, force: true }));
    failpoint('guest-start.folder');
  }
  // Sockets of the process before: nobody is to take them for this one's.
  for (const name of readdirSync(path)) rmSync(`${path}/${name}`, { recursive: true, force: true });
  chownSync(path, args.userId, parts.daemonGroupId);
  chmodSync(path, 0o2770);
  return path;
}
