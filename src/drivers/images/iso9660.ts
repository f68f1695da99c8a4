// A small writer of ISO 9660 images with Joliet names: files in one folder, enough for a seed. Written here because the daemon
// makes a seed at every start of a guest, without a program or a temporary folder. Pure: the same files give the same bytes.
//
// Layout, in sectors of 2,048 bytes: 16 primary descriptor, 17 Joliet descriptor, 18 end; then for each of the two trees the
// path tables (little and big endian) and the root folder; then the files.
import { CaissonError } from '../../lib/errors.ts';

const sector = 2048;
const firstFileSector = 25;

export interface IsoFile {
  /** Lower-case letters, digits, hyphens and dots; at most 30. */
  name: string;
  content: Uint8Array;
}

interface PlacedFile extends IsoFile {
  sector: number;
}

/** The image's bytes. `volume` is its label, at most 16 characters. Throws `invalid` for a name that cannot be stored. */
export function renderIso(volume: string, files: readonly IsoFile[]): Buffer {
  let next = firstFileSector;
  const placed = files
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((file): PlacedFile => {
      if (!/^[a-z0-9][a-z0-9.-]{0,29}$/.test(file.name))
        throw new CaissonError('invalid', `“${file.name}” cannot be a file name on a seed`);
      const at = { ...file, sector: next };
      next += Math.ceil(file.content.length / sector);
      return at;
    });
  const image = Buffer.alloc(Math.max(next, firstFileSector + 1) * sector);
  const joliet = (text: string) => Buffer.from(text, 'utf16le').swap16();
  const plain = (text: string) => Buffer.from(text, 'latin1');
  writeDescriptor(image, { at: 16, type: 1, volume, encode: plain, tables: 19, root: 21, sectors: image.length / sector });
  writeDescriptor(image, { at: 17, type: 2, volume, encode: joliet, tables: 22, root: 24, sectors: image.length / sector });
  Buffer.from([255, ...plain('CD001'), 1]).copy(image, 18 * sector);
  writeTree(image, { tables: 19, root: 21, files: placed, encode: (name) => plain(`${name};1`) });
  writeTree(image, { tables: 22, root: 24, files: placed, encode: (name) => joliet(name) });
  for (const file of placed) image.set(file.content, file.sector * sector);
  return image;
}

interface Descriptor {
  at: number;
  type: 1 | 2;
  volume: string;
  encode: (text: string) => Buffer;
  tables: number;
  root: number;
  sectors: number;
}

function writeDescriptor(image: Buffer, descriptor: Descriptor): void {
  const block = image.subarray(descriptor.at * sector, (descriptor.at + 1) * sector);
  block[0] = descriptor.type;
  block.write('CD001', 1, 'latin1');
  block[6] = 1;
  // Text fields are filled up with spaces of their encoding.
  const text = (value: string, at: number, length: number) => descriptor.encode(value.padEnd(length)).copy(block, at, 0, length);
  text('', 8, 32);
  text(descriptor.volume, 40, 32);
  if (descriptor.type === 2) block.write('%/E', 88, 'latin1'); // UCS-2 level 3
  both32(block, 80, descriptor.sectors);
  both16(block, 120, 1);
  both16(block, 124, 1);
  both16(block, 128, sector);
  both32(block, 132, pathTableBytes);
  block.writeUInt32LE(descriptor.tables, 140);
  block.writeUInt32BE(descriptor.tables + 1, 148);
  renderRecord(Buffer.from([0]), descriptor.root, sector, true).copy(block, 156);
  text('', 190, 623);
  block.fill('0', 813, 881, 'latin1'); // four times: never
  for (const at of [829, 846, 863, 880]) block[at] = 0;
  block[881] = 1;
}

const pathTableBytes = 10;

function writeTree(image: Buffer, tree: { tables: number; root: number; files: PlacedFile[]; encode: (name: string) => Buffer }): void {
  const table = Buffer.alloc(pathTableBytes);
  table[0] = 1;
  table.writeUInt32LE(tree.root, 2);
  table.writeUInt16LE(1, 6);
  table.copy(image, tree.tables * sector);
  table.writeUInt32BE(tree.root, 2);
  table.writeUInt16BE(1, 6);
  table.copy(image, (tree.tables + 1) * sector);
  const records = [
    renderRecord(Buffer.from([0]), tree.root, sector, true),
    renderRecord(Buffer.from([1]), tree.root, sector, true),
    ...tree.files.map((file) => renderRecord(tree.encode(file.name), file.sector, file.content.length, false)),
  ];
  const folder = Buffer.concat(records);
  if (folder.length > sector) throw new CaissonError('invalid', 'too many files for a seed');
  folder.copy(image, tree.root * sector);
}

function renderRecord(name: Buffer, at: number, size: number, isFolder: boolean): Buffer {
  const length = 33 + name.length + ((name.length + 1) % 2);
  const record = Buffer.alloc(length);
  record[0] = length;
  both32(record, 2, at);
  both32(record, 10, size);
  record.set([70, 1, 1, 0, 0, 0, 0], 18); // a fixed date: the same seed, the same bytes
  record[25] = isFolder ? 2 : 0;
  both16(record, 28, 1);
  record[32] = name.length;
  name.copy(record, 33);
  return record;
}

function both32(buffer: Buffer, at: number, value: number): void {
  buffer.writeUInt32LE(value, at);
  buffer.writeUInt32BE(value, at + 4);
}

function both16(buffer: Buffer, at: number, value: number): void {
  buffer.writeUInt16LE(value, at);
  buffer.writeUInt16BE(value, at + 2);
}
