// Looks at pictures that our own encoder made: eight bits a colour, rows as they are.
import assert from 'node:assert/strict';
import { inflateSync } from 'node:zlib';
import type { Frame } from '../src/lib/rfb-frame.ts';

export function decodePng(png: Uint8Array): Frame {
  const bytes = Buffer.from(png);
  assert.equal(bytes.subarray(0, 8).toString('latin1'), '\u0089PNG\r\n\u001a\n');
  const chunks: { type: string; data: Buffer }[] = [];
  for (let at = 8; at < bytes.length;) {
    const length = bytes.readUInt32BE(at);
    chunks.push({ type: bytes.toString('latin1', at + 4, at + 8), data: bytes.subarray(at + 8, at + 8 + length) });
    at += length + 12;
  }
  assert.equal(chunks.at(-1)?.type, 'IEND');
  const header = chunks.find(({ type }) => type === 'IHDR')?.data ?? assert.fail('no header');
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  assert.deepEqual([...header.subarray(8)], [8, 2, 0, 0, 0]);
  const rows = inflateSync(Buffer.concat(chunks.filter(({ type }) => type === 'IDAT').map(({ data }) => data)));
  assert.equal(rows.length, (width * 3 + 1) * height);
  const rgb = Buffer.concat(
    Array.from({ length: height }, (_, row) => {
      const from = row * (width * 3 + 1);
      assert.equal(rows[from], 0, 'a row is as it is');
      return rows.subarray(from + 1, from + 1 + width * 3);
    }),
  );
  return { width, height, rgb };
}

/** How many pixels have another colour than the first one. */
export function unlikeTheFirst({ rgb }: Frame): number {
  let count = 0;
  for (let at = 0; at < rgb.length; at += 3) if (rgb.compare(rgb, 0, 3, at, at + 3) !== 0) count++;
  return count;
}
