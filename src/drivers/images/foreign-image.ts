// An image made elsewhere: what it is, whether it may be used, and turning it into a qcow2 image of ours. Nothing of QEMU opens
// the file before our own reader has passed it, and then only in a sandbox that holds this one file and no network.
import { constants } from 'node:fs';
import { copyFile, open, stat } from 'node:fs/promises';
import { CaissonError } from '../../lib/errors.ts';
import { run } from '../../lib/exec.ts';
import { headerBytes, isQcow2, parseQcow2Header } from './qcow2-header.ts';

export type ForeignImage = { format: 'qcow2'; virtualBytes: number } | { format: 'raw'; virtualBytes: number };

/** Beginnings of files that are often given and are no disk. */
const others: [string, Buffer, string][] = [
  ['a VMDK disk', Buffer.from('KDMV'), 'convert it first: qemu-img convert -O qcow2'],
  ['a VMDK description', Buffer.from('# Disk DescriptorFile'), 'convert it first: qemu-img convert -O qcow2'],
  ['a VHDX disk', Buffer.from('vhdxfile'), 'convert it first: qemu-img convert -O qcow2'],
  ['a VHD disk', Buffer.from('conectix'), 'convert it first: qemu-img convert -O qcow2'],
  ['compressed (xz)', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a]), 'unpack it first: xz -d'],
  ['compressed (gzip)', Buffer.from([0x1f, 0x8b]), 'unpack it first: gzip -d'],
  ['compressed (zstd)', Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), 'unpack it first: zstd -d'],
  ['compressed (bzip2)', Buffer.from('BZh'), 'unpack it first: bzip2 -d'],
  ['a ZIP archive', Buffer.from('PK\x03\x04'), 'unpack it first'],
];

/** Looks at the first bytes only. `name` is how messages call it. Throws `missing`, `invalid` or `unsupported`, saying why. */
export async function readForeignImage(path: string, name: string): Promise<ForeignImage> {
  let file;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const absent = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new CaissonError(absent ? 'missing' : 'failed', absent ? `${name} is not there` : `${name} cannot be read`, { cause });
  }
  try {
    const about = await file.stat();
    if (!about.isFile()) throw new CaissonError('invalid', `${name} is not a file`);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headerBytes), 0, headerBytes, 0);
    const start = buffer.subarray(0, bytesRead);
    if (isQcow2(start)) return { format: 'qcow2', virtualBytes: parseQcow2Header(start, name).virtualBytes };
    const other = others.find(([, magic]) => start.subarray(0, magic.length).equals(magic));
    if (other) throw new CaissonError('unsupported', `${name} is ${other[0]}; ${other[2]}`);
    if (start.length < 512 || start.readUInt16LE(510) !== 0xaa55)
      throw new CaissonError('invalid', `${name} is neither a qcow2 image nor a raw disk with a boot sector`);
    if (about.size % 512 !== 0)
      throw new CaissonError('invalid', `${name} is a raw disk that is cut off: ${about.size} bytes are not whole sectors`);
    return { format: 'raw', virtualBytes: about.size };
  } finally {
    await file.close();
  }
}

/** Makes `to`, which must not exist yet, a qcow2 image with the content of `from`. Returns when it is on disk. */
export async function convertForeignImage(from: string, image: ForeignImage, to: string, signal?: AbortSignal): Promise<void> {
  if (image.format === 'qcow2') await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  else {
    await (await open(to, 'wx', 0o644)).close();
    await run(sandboxed(from, to), { timeoutMs: 3_600_000, ...(signal ? { signal } : {}) });
  }
  const file = await open(to, 'r+');
  await file.sync();
  await file.close();
  if ((await stat(to)).size === 0) throw new CaissonError('failed', `${to} is empty after the conversion`);
}

function sandboxed(from: string, to: string): [string, ...string[]] {
  const limits = 'prlimit --as=4294967296 --nofile=64';
  const links = ['lib', 'lib64', 'bin', 'sbin'].map((name) => `--symlink usr/${name} /${name}`).join(' ');
  const sandbox = `bwrap --unshare-all --die-with-parent --new-session --cap-drop ALL --ro-bind /usr /usr ${links} --dev /dev --chdir /`;
  const words = `${limits} ${sandbox}`.split(' ') as [string, ...string[]];
  const convert = 'qemu-img convert -f raw -O qcow2 -o compat=1.1 /from /to'.split(' ');
  return [...words, '--ro-bind', from, '/from', '--bind', to, '/to', ...convert];
}
