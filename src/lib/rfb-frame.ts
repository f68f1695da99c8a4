// One picture of a screen from a VNC server (RFB 3.8, RFC 6143): the whole of it once, without compression. The server may be one that a guest
// has taken over: every length is bounded, what it says is checked, and nothing of it is believed but the colours.
import type { Duplex } from 'node:stream';
import { ByteReader } from './byte-reader.ts';
import { CaissonError } from './errors.ts';

export interface Frame {
  width: number;
  height: number;
  /** Three bytes a pixel, from the left to the right, from the top down. */
  rgb: Buffer;
}

/** What a graphics card of 16 MiB can show. */
const mostPixels = 4 * 1024 * 1024;
/** Of a name, or a text that was cut in the guest. */
const mostSkippedBytes = 1024 * 1024;
/** Messages and rectangles: one of no size costs its sender next to nothing. */
const mostTurns = 100_000;

const noAuthentication = 1;
/** What a server says, by its first byte. */
const message = { frame: 0, colours: 1, bell: 2, text: 3 } as const;
const raw = 0;
/** In the place of a rectangle: the screen has another size now (firmware gives way to a system, a system sets a mode). */
const newSize = -223;
/** How often it may change while it is looked at. */
const mostSizes = 20;

/** 32 bits a pixel, its bytes red, green, blue and one unused. */
const pixelFormat = Buffer.from([0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 0, 8, 16, 0, 0, 0]);
const encodings = Buffer.from([2, 0, 0, 2, 0, 0, 0, raw, ...int32(newSize)]);

/** Destroys the stream in the end. Throws `unavailable` when the other side does not keep the protocol. */
export async function readFrame(stream: Duplex): Promise<Frame> {
  const reader = new ByteReader(stream);
  try {
    const { width, height } = await greet(stream, reader);
    stream.write(pixelFormat);
    stream.write(encodings);
    const ask = (size: Size) => stream.write(updateRequest(size.width, size.height));
    ask({ width, height });
    return await readPixels(reader, { width, height }, ask);
  } finally {
    stream.destroy();
  }
}

async function greet(stream: Duplex, reader: ByteReader): Promise<{ width: number; height: number }> {
  const version = (await reader.read(12)).toString('latin1');
  if (!/^RFB 003\.(?:00[789]|\d[1-9]\d)\n$/.test(version)) throw wrong('is not the protocol of screens');
  stream.write('RFB 003.008\n');
  const offered = await reader.read((await reader.read(1)).readUInt8());
  if (!offered.includes(noAuthentication)) throw wrong('wants a password');
  stream.write(Buffer.from([noAuthentication]));
  if ((await reader.read(4)).readUInt32BE() !== 0) throw wrong('refuses to show it');
  const shared = 1;
  stream.write(Buffer.from([shared]));
  const server = await reader.read(24);
  const [width, height, nameBytes] = [server.readUInt16BE(0), server.readUInt16BE(2), server.readUInt32BE(20)];
  checkSize(width, height);
  await skip(reader, nameBytes);
  return { width, height };
}

function checkSize(width: number, height: number): void {
  if (width === 0 || height === 0 || width * height > mostPixels) throw wrong(`is of ${width} × ${height} pixels`);
}

function int32(value: number): number[] {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return [...bytes];
}

function updateRequest(width: number, height: number): Buffer {
  const request = Buffer.alloc(10);
  request.writeUInt8(3, 0);
  request.writeUInt16BE(width, 6);
  request.writeUInt16BE(height, 8);
  return request;
}

interface Size {
  width: number;
  height: number;
}

/** Until every pixel has been told; `ask` asks for all of them again. */
async function readPixels(reader: ByteReader, size: Size, ask: (size: Size) => void): Promise<Frame> {
  let picture = emptyPicture(size);
  let sizes = 0;
  let turns = 0;
  while (picture.missing > 0) {
    const kind = (await reader.read(1)).readUInt8();
    if (++turns > mostTurns) throw wrong('never comes to its end');
    if (kind === message.bell) continue;
    if (kind === message.text) {
      await skip(reader, (await reader.read(7)).readUInt32BE(3));
    } else if (kind === message.colours) {
      await skip(reader, (await reader.read(5)).readUInt16BE(3) * 6);
    } else if (kind === message.frame) {
      const count = (await reader.read(3)).readUInt16BE(1);
      turns += count;
      for (let index = 0; index < count; index++) {
        const size = await readRectangle(reader, picture);
        if (!size) continue;
        if (++sizes > mostSizes) throw wrong('never keeps its size');
        picture = emptyPicture(size);
        ask(size);
      }
    } else throw wrong(`says something that was not asked for (${kind})`);
  }
  const { width, height, rgb } = picture;
  return { width, height, rgb };
}

function emptyPicture({ width, height }: Size): Picture {
  const pixels = width * height;
  return { width, height, rgb: Buffer.alloc(pixels * 3), told: new Uint8Array(pixels), missing: pixels };
}

interface Picture extends Frame {
  /** One where the pixel is known. */
  told: Uint8Array;
  missing: number;
}

/** What it says of the picture goes into it; a new size of the screen is returned. */
async function readRectangle(reader: ByteReader, picture: Picture): Promise<Size | undefined> {
  const head = await reader.read(12);
  const [x, y, width, height] = [0, 2, 4, 6].map((at) => head.readUInt16BE(at)) as [number, number, number, number];
  const encoding = head.readInt32BE(8);
  if (encoding === newSize) {
    checkSize(width, height);
    return { width, height };
  }
  if (encoding !== raw) throw wrong('is told in a way that was not asked for');
  if (x + width > picture.width || y + height > picture.height) throw wrong('is told beyond its edges');
  for (let row = y; row < y + height; row++) {
    const pixels = await reader.read(width * 4);
    for (let column = 0; column < width; column++) {
      const at = row * picture.width + x + column;
      for (let colour = 0; colour < 3; colour++) picture.rgb[at * 3 + colour] = pixels[column * 4 + colour] as number;
      if (picture.told[at] === 1) continue;
      picture.told[at] = 1;
      picture.missing--;
    }
  }
  return undefined;
}

async function skip(reader: ByteReader, bytes: number): Promise<void> {
  if (bytes > mostSkippedBytes) throw wrong(`says ${bytes} bytes of something else`);
  await reader.read(bytes);
}

function wrong(what: string): CaissonError {
  return new CaissonError('unavailable', `the guest’s screen ${what}`);
}
