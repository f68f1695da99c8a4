// The tiny guest on a disk that boots by itself: what a real daemon, which knows disks only, starts in tests and benches within five
// seconds of software emulation. Kept in the cache beside the tiny guest's kernel, and built anew with it.
import { access, cp, mkdir, mkdtemp, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeBootDisk } from '../../src/drivers/images/boot-disk.ts';
import { planDisk } from '../../src/drivers/images/disk-layout.ts';
import { run } from '../../src/lib/exec.ts';
import { tinyCommandLine, tinyGuest, type TinyKernel } from './tiny-guest.ts';

/** Changes with what is made here; the folder's name holds what is in the kernel and its first file system. */
const diskName = 'disk-2.qcow2';
const sizeMib = 64;
const uuids = {
  disk: '2f1a8c1e-55d0-4f0e-8a55-000000000000',
  biosBoot: '2f1a8c1e-55d0-4f0e-8a55-000000000001',
  efi: '2f1a8c1e-55d0-4f0e-8a55-000000000002',
  root: '2f1a8c1e-55d0-4f0e-8a55-000000000003',
};

/** Path of a qcow2 image, world-readable. It asks for its address by DHCP. */
export async function tinyDisk(kernel?: TinyKernel): Promise<string> {
  const guest = await tinyGuest(kernel);
  const path = join(dirname(guest.initrd), diskName);
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (isThere) return path;
  const work = await mkdtemp(`${dirname(dirname(guest.initrd))}/disk-`);
  try {
    const files = join(work, 'root/boot');
    await mkdir(join(files, 'grub'), { recursive: true });
    await cp(guest.kernel, join(files, 'vmlinuz'));
    await cp(guest.initrd, join(files, 'initrd'));
    // “linux” would move the kernel with all the room that it will take up, 54 MB byte by byte: two to three seconds of emulation.
    await writeFile(join(files, 'grub/grub.cfg'), `linux16 /boot/vmlinuz ${tinyCommandLine} tiny.dhcp\ninitrd16 /boot/initrd\nboot\n`);
    const layout = planDisk(sizeMib);
    const disk = join(work, 'disk.raw');
    const file = await open(disk, 'w');
    await file.truncate(layout.diskBytes);
    await file.close();
    const blocks = String(Math.floor(layout.root.size / 4096));
    await run([
      'mke2fs',
      '-q',
      '-F',
      '-t',
      'ext4',
      '-b',
      '4096',
      '-m',
      '0',
      '-U',
      uuids.root,
      '-O',
      '^metadata_csum_seed,^orphan_file',
      '-E',
      `offset=${layout.root.offset}`,
      '-d',
      join(work, 'root'),
      disk,
      blocks,
    ]);
    await writeBootDisk({ disk, layout, workFolder: work, uuids });
    await run(['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', disk, join(work, diskName)]);
    await rename(join(work, diskName), path);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return path;
}
