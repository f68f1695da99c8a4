// The files of one guest, handled as root in a folder that the daemon owns: every step by open-below.ts.
import { constants } from 'node:fs';
import { type FileHandle, rename, rm } from 'node:fs/promises';
import { CaissonError } from '../lib/errors.ts';
import { run } from '../lib/exec.ts';
import type { JailFile } from './jail.ts';
import { identify, inside, openFile, openFolder } from './open-below.ts';
import type { SystemUser } from './system-user.ts';

/** A QEMU that talks much fills the disk of the host: beyond this its log is begun anew. */
export const maxLogBytes = 1024 * 1024;
const logName = 'qemu.log';
const recordName = 'launch-process.json';

/** What is on disk before QEMU is executed. */
export interface LaunchRecord {
  pid: number;
  startTime: number;
  bootId: string;
  generation: number;
  userId: number;
  argv: string[];
}

export class GuestFiles {
  readonly #dataDirectory: string;
  readonly #daemon: SystemUser;

  constructor(dataDirectory: string, daemon: SystemUser) {
    this.#dataDirectory = dataDirectory;
    this.#daemon = daemon;
  }

  /** Gives a file of the daemon's to the guest's user. `invalid` for a link, another's file, or one with a second name elsewhere. */
  async own(uid: string, userId: number, path: string): Promise<void> {
    await this.#inFolder(uid, async (folder) => {
      const file = await openFile(folder, nameOf(path), constants.O_RDONLY);
      try {
        const stat = await file.stat();
        if (stat.nlink !== 1)
          throw new CaissonError(
            'invalid',
            `${path} has ${stat.nlink} names: one outside of the guest's folder would change its owner too`,
          );
        if (stat.uid !== this.#daemon.userId && stat.uid !== userId)
          throw new CaissonError('invalid', `${path} belongs to user ${stat.uid}, not to the daemon`);
        await file.chown(userId, this.#daemon.groupId);
        await file.chmod(0o660);
      } finally {
        await file.close();
      }
    });
  }

  /** A writable file of the guest: its own user's. */
  async checkDisk(uid: string, userId: number, path: string): Promise<JailFile> {
    return this.#inFolder(uid, async (folder) => {
      const found = await identify(folder, nameOf(path));
      if (found.owner !== userId) throw new CaissonError('invalid', `${path} does not belong to the guest's user ${userId}`);
      return { path, writable: true, device: found.device, inode: found.inode };
    });
  }

  /** Does something with a writable file of the guest, opened: its own user's. */
  async withDisk<T>(uid: string, userId: number, path: string, work: (fd: number) => Promise<T>): Promise<T> {
    return this.#inFolder(uid, async (folder) => {
      const file = await openFile(folder, nameOf(path), constants.O_RDONLY);
      try {
        const { uid: owner } = await file.stat();
        if (owner !== userId) throw new CaissonError('invalid', `${path} does not belong to the guest's user ${userId}`);
        return await work(file.fd);
      } finally {
        await file.close();
      }
    });
  }

  /** A file that the guest may only read: in its folder or among the images; the daemon's, root's or its own. */
  async checkReadable(uid: string, userId: number, path: string): Promise<JailFile> {
    const names = path.startsWith(`${this.#dataDirectory}/images/`) ? ['images'] : ['guests', uid];
    const folder = await openFolder(this.#dataDirectory, names);
    try {
      const found = await identify(folder, nameOf(path));
      if (found.owner !== userId && ![0, this.#daemon.userId].includes(found.owner))
        throw new CaissonError('invalid', `${path} belongs to user ${found.owner}`);
      if (found.owner !== userId && (found.mode & 0o004) === 0)
        throw new CaissonError('invalid', `${path} cannot be read by the guest's user: its mode must let others read`);
      return { path, writable: false, device: found.device, inode: found.inode };
    } finally {
      await folder.close();
    }
  }

  /** Durable when it returns. */
  async writeRecord(uid: string, record: LaunchRecord): Promise<void> {
    await this.#inFolder(uid, async (folder) => {
      const beside = `${recordName}.new`;
      await rm(inside(folder, beside), { force: true });
      const file = await openFile(folder, beside, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o640);
      try {
        await file.writeFile(`${JSON.stringify(record)}\n`);
        await file.chown(0, this.#daemon.groupId);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(inside(folder, beside), inside(folder, recordName));
      await folder.sync();
    });
  }

  /** The generation that a process was started with; undefined when the record is not of that process. */
  async readGeneration(uid: string, of: { pid: number; startTime: number }): Promise<number | undefined> {
    try {
      return await this.#inFolder(uid, async (folder) => {
        const file = await openFile(folder, recordName, constants.O_RDONLY);
        try {
          const { uid: owner, size } = await file.stat();
          if (owner !== 0 || size > maxLogBytes) return undefined;
          const record = JSON.parse(await file.readFile('utf8')) as LaunchRecord;
          return record.pid === of.pid && record.startTime === of.startTime ? record.generation : undefined;
        } finally {
          await file.close();
        }
      });
    } catch {
      return undefined;
    }
  }

  /** Where QEMU's own output goes, begun anew when it has grown. */
  async openLog(uid: string): Promise<{ file: FileHandle; size: number }> {
    return this.#inFolder(uid, async (folder) => {
      const file = await openFile(folder, logName, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, 0o640);
      const stat = await file.stat();
      if (stat.uid !== 0 || stat.nlink !== 1) {
        await file.close();
        throw new CaissonError('invalid', `${logName} of guest ${uid} is not the helper's own file; remove it`);
      }
      await file.chown(0, this.#daemon.groupId);
      if (stat.size <= maxLogBytes / 2) return { file, size: stat.size };
      await file.truncate(0);
      return { file, size: 0 };
    });
  }

  /** The end of the log from byte `from` on, at most 2,000 characters. */
  async readLog(uid: string, from = 0): Promise<string> {
    return this.#inFolder(uid, async (folder) => {
      const file = await openFile(folder, logName, constants.O_RDONLY);
      try {
        const { size, uid: owner } = await file.stat();
        if (owner !== 0) return '';
        const start = Math.max(size < from ? 0 : from, size - 2000);
        const { buffer, bytesRead } = await file.read(Buffer.alloc(2000), 0, 2000, start);
        return buffer.toString('utf8', 0, bytesRead);
      } finally {
        await file.close();
      }
    });
  }

  /** Keeps the log of a running guest within bounds; QEMU appends, so it goes on at the new end. */
  async boundLog(uid: string): Promise<void> {
    await this.#inFolder(uid, async (folder) => {
      const file = await openFile(folder, logName, constants.O_RDWR);
      try {
        const { size, uid: owner } = await file.stat();
        if (owner === 0 && size > maxLogBytes) await file.truncate(0);
      } finally {
        await file.close();
      }
    });
  }

  /** As the daemon's user, who owns the folder: root's rights are not needed for it. */
  async deleteFolder(uid: string): Promise<void> {
    const { userId: as, groupId } = this.#daemon;
    await run(['rm', '-rf', '--one-file-system', '--', `${this.#dataDirectory}/guests/${uid}`], {
      uid: as,
      gid: groupId,
      timeoutMs: 600_000,
    });
  }

  async #inFolder<T>(uid: string, work: (folder: FileHandle) => Promise<T>): Promise<T> {
    const folder = await openFolder(this.#dataDirectory, ['guests', uid]);
    try {
      return await work(folder);
    } finally {
      await folder.close();
    }
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
