// Where things are on the self-booting disk. One GPT disk starts under BIOS and UEFI: grub's core image lies in a partition of
// its own for the one, in the EFI system partition for the other. The root partition is the last, so that it can grow.

export const sectorBytes = 512;
const mib = 1024 * 1024;

export interface DiskLayout {
  diskBytes: number;
  /** Byte ranges, aligned to 1 MiB. */
  biosBoot: Range;
  efi: Range;
  root: Range;
}

interface Range {
  offset: number;
  size: number;
}

/** The layout of a disk of `sizeMib`; its last MiB holds the second copy of the partition table. */
export function planDisk(sizeMib: number): DiskLayout {
  const biosBoot = { offset: mib, size: mib };
  const efi = { offset: 2 * mib, size: 16 * mib };
  const rootOffset = efi.offset + efi.size;
  return { diskBytes: sizeMib * mib, biosBoot, efi, root: { offset: rootOffset, size: (sizeMib - 1) * mib - rootOffset } };
}

const types = {
  biosBoot: '21686148-6449-6E6F-744E-656564454649',
  efi: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
  root: '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709', // root of x86-64, as the discoverable partitions specification has it
};

/** Input of sfdisk. Every identifier is derived from `uuids`, so that the same recipe gives the same table. */
export function renderPartitionTable(layout: DiskLayout, uuids: { disk: string; biosBoot: string; efi: string; root: string }): string {
  const line = (name: 'biosBoot' | 'efi' | 'root', extra = '') => {
    const { offset, size } = layout[name];
    return `start=${offset / sectorBytes}, size=${size / sectorBytes}, type=${types[name]}, uuid=${uuids[name]}${extra}`;
  };
  return ['label: gpt', `label-id: ${uuids.disk}`, 'unit: sectors', line('biosBoot'), line('efi'), line('root'), ''].join('\n');
}
