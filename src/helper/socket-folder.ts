// The folder of a guest's sockets. QEMU makes them when it starts, before the guest executes its first instruction; then the folder is
// taken from it. A QEMU that a guest has taken over can therefore not put another guest's socket, by a link, where the daemon expects
// its own.
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { CaissonError } from '../lib/errors.ts';
import { failpoint } from '../lib/failpoint.ts';
import type { Undo } from '../lib/undo.ts';
import { waitFor } from '../lib/wait-for.ts';

/** QEMU needs 30 ms; on an overloaded host it takes longer. */
const socketsTimeoutMs = 60_000;

/** Makes it, or empties that of the process before, for QEMU to make its sockets in. */
export function openSocketFolder(path: string, owner: { userId: number; groupId: number }, undo: Undo): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  // The run directory is sticky: what is root's in it was made or sealed here.
  if (stat && (!stat.isDirectory() || ![0, owner.userId].includes(stat.uid))) {
    throw new CaissonError('invalid', `${path} is not the folder of user ${owner.userId}; remove it`);
  }
  if (!stat) {
    mkdirSync(path, { mode: 0o700 });
    undo.push('socket folder', () => rmSync(path, { recursive: true, force: true }));
    failpoint('guest-start.folder');
  }
  // Nobody is to take the sockets of the process before for this one's.
  for (const name of readdirSync(path)) rmSync(`${path}/${name}`, { recursive: true, force: true });
  chownSync(path, owner.userId, owner.groupId);
  chmodSync(path, 0o2770);
}

/** The names of the sockets right in `folder` that a command line speaks of. Pure. */
export function socketsOf(argv: readonly string[], folder: string): string[] {
  const names = argv.flatMap((one) => one.split(/[,"]/).flatMap((part) => part.split(`${folder}/`).slice(1)));
  return [...new Set(names.filter((name) => /^[A-Za-z0-9._-]+\.sock$/.test(name)))];
}

/** Takes the folder from QEMU, once every socket is there or it takes too long; nothing when the process has gone meanwhile. */
export async function sealSocketFolder(path: string, groupId: number, sockets: readonly string[], isAlive: () => boolean): Promise<void> {
  const areThere = () => sockets.every((name) => lstatSync(`${path}/${name}`, { throwIfNoEntry: false })?.isSocket());
  await waitFor('the sockets', () => !isAlive() || areThere(), { timeoutMs: socketsTimeoutMs, everyMs: 10 }).catch(() => undefined);
  if (!isAlive()) return;
  // It is gone when /run was wiped while the guest ran: nobody is to put another one in its place.
  mkdirSync(path, { recursive: true, mode: 0o750 });
  chownSync(path, 0, groupId);
  chmodSync(path, 0o2750);
}
