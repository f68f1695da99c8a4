// Makes a disk image with a root file system boot by itself under BIOS and UEFI: without mount, loop device or root rights.
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError } from '../../lib/errors.ts';
import { run } from '../../lib/exec.ts';
import { type DiskLayout, renderPartitionTable, sectorBytes } from './disk-layout.ts';

/** Modules that grub needs to find and read an ext4 root file system and talk on screen and serial line. */
const common = ['part_gpt', 'ext2', 'normal', 'linux', 'search', 'search_fs_uuid', 'configfile', 'echo', 'test', 'serial', 'terminal'];

export interface BootDiskOptions {
  disk: string;
  layout: DiskLayout;
  workFolder: string;
  uuids: { disk: string; biosBoot: string; efi: string; root: string };
  signal?: AbortSignal;
}

/** Writes partition table, boot code and EFI system partition into `disk`, whose root partition is there already. */
export async function writeBootDisk(options: BootDiskOptions): Promise<void> {
  const { layout, workFolder, uuids } = options;
  const at = (name: string) => join(workFolder, name);
  const limits = options.signal ? { signal: options.signal } : {};
  await writeFile(at('table'), renderPartitionTable(layout, uuids));
  const table = await open(at('table'));
  try {
    await run(['sfdisk', '--quiet', '--no-reread', '--no-tell-kernel', options.disk], { stdin: table.fd, ...limits });
  } finally {
    await table.close();
  }
  await writeFile(
    at('early.cfg'),
    `search --no-floppy --fs-uuid --set=root ${uuids.root}\nset prefix=($root)/boot/grub\nconfigfile ($root)/boot/grub/grub.cfg\n`,
  );
  const mkimage = (format: string, output: string, modules: string[]) =>
    run(['grub-mkimage', '-O', format, '-o', output, '-p', '/boot/grub', '-c', at('early.cfg'), ...modules, ...common], limits);
  await mkimage('i386-pc', at('core.img'), ['biosdisk', 'linux16']);
  await mkimage('x86_64-efi', at('bootx64.efi'), ['fat', 'efi_gop']);
  await makeEfiPartition(at('esp.img'), at('bootx64.efi'), layout.efi.size, uuids.efi, limits);
  const disk = await open(options.disk, 'r+');
  try {
    await writeBiosBoot(disk, layout, await readFile(at('core.img')), await readFile('/usr/lib/grub/i386-pc/boot.img'));
    await disk.write(await readFile(at('esp.img')), 0, layout.efi.size, layout.efi.offset);
  } finally {
    await disk.close();
  }
  for (const name of ['table', 'early.cfg', 'core.img', 'bootx64.efi', 'esp.img']) await rm(at(name));
}

async function makeEfiPartition(path: string, loader: string, size: number, uuid: string, limits: { signal?: AbortSignal }): Promise<void> {
  const file = await open(path, 'w');
  await file.truncate(size);
  await file.close();
  const env = { MTOOLS_SKIP_CHECK: '1', SOURCE_DATE_EPOCH: '1' };
  await run(['mkfs.vfat', '--invariant', '-n', 'EFI', '-i', uuid.slice(0, 8), path], limits);
  await run(['mmd', '-i', path, '::/EFI', '::/EFI/BOOT'], { env, ...limits });
  await run(['mcopy', '-i', path, loader, '::/EFI/BOOT/BOOTX64.EFI'], { env, ...limits });
}

/** As grub-bios-setup does: boot.img in sector 0 knows where core.img begins, core.img's first sector where its rest is. */
async function writeBiosBoot(disk: FileHandle, layout: DiskLayout, core: Buffer, boot: Buffer): Promise<void> {
  if (core.length > layout.biosBoot.size) {
    throw new CaissonError('internal', `grub's core image of ${core.length} bytes does not fit into ${layout.biosBoot.size}`);
  }
  const first = layout.biosBoot.offset / sectorBytes;
  core.writeBigUInt64LE(BigInt(first + 1), 500);
  core.writeUInt16LE(Math.ceil(core.length / sectorBytes) - 1, 508);
  core.writeUInt16LE(0x820, 510);
  boot.writeBigUInt64LE(BigInt(first), 0x5c);
  boot.writeUInt16LE(0x9090, 0x66); // grub-setup's own way with BIOSes that pass the boot drive's number wrongly
  await disk.write(core, 0, core.length, layout.biosBoot.offset);
  await disk.write(boot, 0, 440, 0); // the protective MBR's table begins after it
}
