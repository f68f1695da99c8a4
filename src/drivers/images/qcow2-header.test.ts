import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CaissonError } from '../../lib/errors.ts';
import { parseQcow2Header } from './qcow2-header.ts';

/** A header as qemu-img writes it, with changes. */
function header(change: (bytes: Buffer) => void = () => undefined, version = 3): Buffer {
  const bytes = Buffer.alloc(512);
  bytes.writeUInt32BE(0x514649fb, 0);
  bytes.writeUInt32BE(version, 4);
  bytes.writeUInt32BE(16, 20);
  bytes.writeBigUInt64BE(2n ** 31n, 24);
  bytes.writeUInt32BE(4, 96);
  if (version === 3) bytes.writeUInt32BE(104, 100);
  change(bytes);
  return bytes;
}

test('a plain image of version 2 or 3 passes, with its size', () => {
  assert.deepEqual(parseQcow2Header(header(), 'x'), { version: 3, virtualBytes: 2 ** 31, clusterBytes: 65536 });
  assert.equal(parseQcow2Header(header(undefined, 2), 'x').version, 2);
});

const refused: [string, (bytes: Buffer) => void, RegExp][] = [
  ['a backing file', (bytes) => bytes.writeBigUInt64BE(200n, 8), /backing file/],
  ['a backing name without an offset', (bytes) => bytes.writeUInt32BE(9, 16), /backing file/],
  ['a backing format', (bytes) => extend(bytes, 0xe2792aca, 'raw'), /backing file/],
  ['an external data file', (bytes) => bytes.writeBigUInt64BE(4n, 72), /another file/],
  ['the name of a data file', (bytes) => extend(bytes, 0x44415441, '/etc/shadow'), /another file/],
  ['a data file named after another extension', (bytes) => extend(bytes, 0x6803f857, 'x'.repeat(13), 0x44415441), /another file/],
  ['encryption', (bytes) => bytes.writeUInt32BE(2, 32), /encrypted/],
  ['a LUKS header', (bytes) => extend(bytes, 0x0537be77, 'x'.repeat(16)), /encrypted/],
  ['damage', (bytes) => bytes.writeBigUInt64BE(2n, 72), /damaged/],
  ['not having been closed', (bytes) => bytes.writeBigUInt64BE(1n, 72), /not closed/],
  ['an unknown feature', (bytes) => bytes.writeBigUInt64BE(1n << 40n, 72), /not known/],
  ['another version', (bytes) => bytes.writeUInt32BE(4, 4), /version 4/],
  ['clusters out of range', (bytes) => bytes.writeUInt32BE(63, 20), /clusters/],
  ['no size', (bytes) => bytes.writeBigUInt64BE(0n, 24), /size/],
  ['a size beyond reason', (bytes) => bytes.writeBigUInt64BE(2n ** 63n, 24), /size/],
  ['a header longer than allowed', (bytes) => bytes.writeUInt32BE(4096, 100), /4096 bytes long/],
];

function extend(bytes: Buffer, type: number, text: string, next = 0): void {
  bytes.writeUInt32BE(type, 104);
  bytes.writeUInt32BE(text.length, 108);
  bytes.write(text, 112);
  bytes.writeUInt32BE(next, 112 + Math.ceil(text.length / 8) * 8);
}

for (const [what, change, message] of refused) {
  test(`an image is refused for ${what}`, () => {
    assert.throws(
      () => parseQcow2Header(header(change), 'x'),
      (error: unknown) => error instanceof CaissonError && error.code === 'invalid' && message.test(error.message),
    );
  });
}

test('any bytes are either understood or refused as invalid', () => {
  const bytes = fc.uint8Array({ minLength: 0, maxLength: 400 }).map((rest) => Buffer.concat([header().subarray(0, 8), rest]));
  fc.assert(
    fc.property(bytes, (start) => {
      try {
        const { virtualBytes, clusterBytes } = parseQcow2Header(start, 'x');
        return virtualBytes > 0 && clusterBytes >= 512;
      } catch (error) {
        return error instanceof CaissonError && error.code === 'invalid';
      }
    }),
    { seed: 1, numRuns: 3000 },
  );
});
