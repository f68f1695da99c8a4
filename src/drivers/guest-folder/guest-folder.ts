// A guest's folder below the data directory: D/guests/<uid>/. The daemon makes the files as itself and the helper gives them to the
// guest's user. A disk is made under another name and renamed when it is complete and the guest's own, so that a crash in the middle
// never leaves something that looks like a disk.
import { access, mkdir, open, readFile, rename, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CaissonError } from '../../lib/errors.ts';
import { syncFolder } from '../../lib/durable-file.ts';
import type { GuestFiles, GuestOwner, GuestSeed } from '../guest-files.ts';
import type { HelperCaller } from '../helper-client/helper-client.ts';
import { growDiskFile, makeEmpty, makeOverlay, readDisk } from './disk-file.ts';

/** Longer than the helper waits itself: large files take their time. */
const deleteTimeoutMs = 660_000;

export interface GuestFolderOptions {
  helper: Pick<HelperCaller, 'call'>;
  dataDirectory: string;
  runDirectory: string;
  writeSeed: (path: string, seed: GuestSeed) => Promise<void>;
  /** Makes a guest's own copy of the firmware's variables. */
  createUefiVariables: (path: string) => Promise<void>;
}

export function createGuestFolder(options: GuestFolderOptions): GuestFiles {
  const { helper, dataDirectory, runDirectory } = options;
  const folder = (uid: string) => join(dataDirectory, 'guests', uid);
  const diskPath = (uid: string, name: string) => join(folder(uid), `${name}.qcow2`);

  const own = ({ uid, userId }: GuestOwner, path: string) => helper.call('guestOwnDisk', { uid, userId, path });

  /** Makes a file that is not there yet, complete and the guest's own when it gets its name. */
  const make = async (owner: GuestOwner, path: string, write: (path: string) => Promise<void>) => {
    await mkdir(folder(owner.uid), { recursive: true, mode: 0o770 });
    if (await exists(path)) throw new CaissonError('conflict', `${path} is there already: nothing is made over it`);
    const beside = `${path}.new`;
    try {
      await rm(beside, { force: true });
      await write(beside);
      await sync(beside);
      await own(owner, beside);
      await rename(beside, path);
      await syncFolder(folder(owner.uid));
      // The folder itself may be new, or left by a start that died before this.
      await syncFolder(dirname(folder(owner.uid)));
    } catch (error) {
      await rm(beside, { force: true });
      throw error;
    }
  };

  return {
    folders: (uid) => ({ data: folder(uid), sockets: join(runDirectory, uid) }),
    createRootDisk: (owner, imagePath, sizeMib) =>
      make(owner, diskPath(owner.uid, 'root'), (path) => makeOverlay(path, imagePath, sizeMib)),
    createDisk: (owner, name, sizeMib) => make(owner, diskPath(owner.uid, name), (path) => makeEmpty(path, sizeMib)),
    disk: (uid, name) => readDisk(diskPath(uid, name)),
    async freeBytes(uid) {
      const { bavail, bsize } = await statfs(folder(uid));
      return bavail * bsize;
    },
    growDisk: (uid, name, sizeMib) => growDiskFile(diskPath(uid, name), sizeMib),
    async writeSeed(owner, seed) {
      const path = join(folder(owner.uid), 'seed.iso');
      const wanted = `${path}.wanted`;
      await mkdir(folder(owner.uid), { recursive: true, mode: 0o770 });
      await rm(wanted, { force: true });
      await options.writeSeed(wanted, seed);
      // Mostly it is what it was at the last start, complete and the guest's own since: nothing has to reach the disk then.
      if (await isSame(path, wanted)) return rm(wanted);
      await rm(path, { force: true });
      await make(owner, path, (beside) => rename(wanted, beside));
    },
    async prepareStart(owner, firmware) {
      const consoleLog = join(folder(owner.uid), 'console.log');
      await (await open(consoleLog, 'a', 0o660)).close();
      // Each time: a crash between making and owning it would keep the guest from starting for ever.
      await own(owner, consoleLog);
      const variables = join(folder(owner.uid), 'nvram.fd');
      if (firmware === 'uefi' && !(await exists(variables))) await make(owner, variables, options.createUefiVariables);
    },
    async remove(uid) {
      await helper.call('guestDeleteFolder', { uid }, { timeoutMs: deleteTimeoutMs });
    },
  };
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

async function isSame(path: string, other: string): Promise<boolean> {
  if (!(await exists(path))) return false;
  const [one, two] = await Promise.all([readFile(path), readFile(other)]);
  return one.equals(two);
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
