// Reads the header of a qcow2 image that comes from elsewhere, before any program of QEMU opens it: such an image can name other
// files of the host as its backing or data file, and QEMU would follow. Only images complete in themselves pass.
// Format: docs/interop/qcow2 of QEMU; all numbers big-endian.
import { CaissonError } from '../../lib/errors.ts';

export interface Qcow2Header {
  version: 2 | 3;
  virtualBytes: number;
  clusterBytes: number;
}

const magic = 0x514649fb;
const extension = { end: 0, backingFormat: 0xe2792aca, dataFile: 0x44415441, encryption: 0x0537be77 };
/** Bits of incompatible features; compression type and extended L2 entries change nothing about what is opened. */
const feature = { dirty: 1n, corrupt: 2n, dataFile: 4n, compression: 8n, extendedL2: 16n };

/** Bytes of the file that `parseQcow2Header` wants to see: more than any header with its extensions. */
export const headerBytes = 64 * 1024;

export function isQcow2(start: Buffer): boolean {
  return start.length >= 4 && start.readUInt32BE(0) === magic;
}

/** Throws `invalid` saying why the image is refused; `name` is how the message calls it. */
export function parseQcow2Header(start: Buffer, name: string): Qcow2Header {
  const refuse = (why: string): never => {
    throw new CaissonError('invalid', `${name} is refused: ${why}`);
  };
  if (!isQcow2(start)) refuse('it is not a qcow2 image');
  if (start.length < 72) refuse('its header is cut off');
  const version = start.readUInt32BE(4);
  if (version !== 2 && version !== 3) return refuse(`it is qcow2 version ${version}; versions 2 and 3 are known`);
  if (version === 3 && start.length < 104) refuse('its header is cut off');
  if (start.readBigUInt64BE(8) !== 0n || start.readUInt32BE(16) !== 0) refuse('it has a backing file; flatten it first (qemu-img convert)');
  if (start.readUInt32BE(32) !== 0) refuse('it is encrypted');
  const clusterBits = start.readUInt32BE(20);
  if (clusterBits < 9 || clusterBits > 21) refuse(`its clusters of 2^${clusterBits} bytes are out of range`);
  const virtualBytes = Number(start.readBigUInt64BE(24));
  if (!Number.isSafeInteger(virtualBytes) || virtualBytes === 0) refuse('its size is out of range');
  const headerLength = version === 2 ? 72 : start.readUInt32BE(100);
  if (version === 3) {
    const features = start.readBigUInt64BE(72);
    if (features & feature.dataFile) refuse('it keeps its data in another file');
    if (features & feature.corrupt) refuse('it is marked as damaged; mend it first (qemu-img check -r all)');
    if (features & feature.dirty) refuse('it was not closed; mend it first (qemu-img check -r all)');
    if (features & ~(feature.compression | feature.extendedL2)) refuse('it uses features that are not known here');
    if (headerLength < 104 || headerLength > 1024 || headerLength % 8 !== 0)
      refuse(`its header says that it is ${headerLength} bytes long`);
  }
  checkExtensions(start, headerLength, refuse);
  return { version, virtualBytes, clusterBytes: 2 ** clusterBits };
}

function checkExtensions(start: Buffer, from: number, refuse: (why: string) => never): void {
  for (let at = from; ;) {
    if (at + 8 > start.length) refuse('its header extensions have no end');
    const type = start.readUInt32BE(at);
    const length = start.readUInt32BE(at + 4);
    if (type === extension.end) return;
    if (type === extension.backingFormat) refuse('it has a backing file; flatten it first (qemu-img convert)');
    if (type === extension.dataFile) refuse('it keeps its data in another file');
    if (type === extension.encryption) refuse('it is encrypted');
    at += 8 + Math.ceil(length / 8) * 8;
  }
}
