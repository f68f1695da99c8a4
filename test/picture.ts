// Looks at pictures: eight bits a colour, without interlace, as our own encoder and others write them.
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
  const [depth, colours, ...methods] = header.subarray(8);
  assert.deepEqual([depth, ...methods], [8, 0, 0, 0]);
  const channels = colours === 2 ? 3 : colours === 6 ? 4 : assert.fail(`colours of kind ${colours}`);
  const rows = inflateSync(Buffer.concat(chunks.filter(({ type }) => type === 'IDAT').map(({ data }) => data)));
  assert.equal(rows.length, (width * channels + 1) * height);
  const pixels = withoutFilters(rows, width * channels, height, channels);
  if (channels === 3) return { width, height, rgb: pixels };
  const rgb = Buffer.alloc(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) pixels.copy(rgb, pixel * 3, pixel * 4, pixel * 4 + 3);
  return { width, height, rgb };
}

/** A row may say of its bytes only by how much they are more than those on the left, above, or a mean of both. */
function withoutFilters(rows: Buffer, rowBytes: number, height: number, channels: number): Buffer {
  const plain = Buffer.alloc(rowBytes * height);
  for (let row = 0; row < height; row++) {
    const filter = rows[row * (rowBytes + 1)];
    for (let at = 0; at < rowBytes; at++) {
      const to = row * rowBytes + at;
      const left = at < channels ? 0 : (plain[to - channels] ?? 0);
      const above = row === 0 ? 0 : (plain[to - rowBytes] ?? 0);
      const corner = at < channels || row === 0 ? 0 : (plain[to - rowBytes - channels] ?? 0);
      const guesses = [0, left, above, (left + above) >> 1, nearest(left, above, corner)];
      plain[to] = (rows[row * (rowBytes + 1) + 1 + at] ?? 0) + (guesses[filter ?? -1] ?? assert.fail(`filter ${filter}`));
    }
  }
  return plain;
}

function nearest(left: number, above: number, corner: number): number {
  const guess = left + above - corner;
  const [toLeft, toAbove, toCorner] = [Math.abs(guess - left), Math.abs(guess - above), Math.abs(guess - corner)];
  return toLeft <= toAbove && toLeft <= toCorner ? left : toAbove <= toCorner ? above : corner;
}

/** How many pixels have another colour than the first one. */
export function unlikeTheFirst(frame: Frame): number {
  return drawnIn(frame).filter(Boolean).length;
}

/** How many pixels are drawn in one and ground in the other; all of them where the sizes differ. */
export function drawnElsewhere(one: Frame, other: Frame): number {
  if (one.width !== other.width || one.height !== other.height) return Infinity;
  const there = drawnIn(other);
  return drawnIn(one).filter((isDrawn, at) => isDrawn !== there[at]).length;
}

/** Of each pixel whether it has another colour than the first one. */
function drawnIn({ rgb }: Frame): boolean[] {
  return Array.from({ length: rgb.length / 3 }, (_, pixel) => rgb.compare(rgb, 0, 3, pixel * 3, pixel * 3 + 3) !== 0);
}
