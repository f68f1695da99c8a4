// Disk files: qcow2, made and grown by qemu-img. Every path is one of ours; options are given as JSON where QEMU takes it.
import { open, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CaissonError } from '../../lib/errors.ts';
import { run } from '../../lib/exec.ts';
import type { DiskInfo } from '../guest-files.ts';

const mib = 1024 * 1024;

/** Makes a disk that begins as the image and is at least as large. Nothing is left when it fails. */
export async function makeOverlay(path: string, backingPath: string, sizeMib: number): Promise<void> {
  const image = await readDisk(backingPath);
  if (!image) throw new CaissonError('missing', `the image ${backingPath} is not there`);
  const sizeBytes = Math.max(sizeMib * mib, image.sizeBytes);
  await qemuImg(['create', '-q', '-f', 'qcow2', '-b', backingPath, '-F', 'qcow2', path, String(sizeBytes)], path);
}

export async function makeEmpty(path: string, sizeMib: number): Promise<void> {
  await qemuImg(['create', '-q', '-f', 'qcow2', path, String(sizeMib * mib)], path);
}

export async function growDiskFile(path: string, sizeMib: number): Promise<void> {
  await qemuImg(['resize', '-q', '-f', 'qcow2', path, String(sizeMib * mib)], path);
}

/** The first bytes of a qcow2 file, as its format has them: magic, then the virtual size at 24, big-endian. */
const qcow2Magic = 0x514649fb;

/** Undefined when there is no such file. Reads the header itself: ten times faster than a program. Throws `failed` when it is none. */
export async function readDisk(path: string): Promise<DiskInfo | undefined> {
  let file;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new CaissonError('failed', `the disk ${path} cannot be opened`, { cause: error });
  }
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(32), 0, 32, 0);
    if (bytesRead < 32 || buffer.readUInt32BE(0) !== qcow2Magic)
      throw new CaissonError('failed', `${path} is not a qcow2 disk: it is damaged, or another file has its name`);
    const { blocks } = await file.stat();
    return { sizeBytes: Number(buffer.readBigUInt64BE(24)), allocatedBytes: blocks * 512 };
  } finally {
    await file.close();
  }
}

async function qemuImg(args: string[], path: string): Promise<void> {
  try {
    await run(['qemu-img', ...args], { timeoutMs: 120_000 });
  } catch (cause) {
    throw new CaissonError((await isFull(path)) ? 'no-capacity' : 'failed', `the disk ${path} could not be made or changed`, { cause });
  }
}

async function isFull(path: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(dirname(path));
  return bavail * bsize < 16 * mib;
}
