// The screen of a fake guest: a small VNC server (RFB 3.8) in memory. It shows lines on dark ground and, for every key that was pressed, a bar
// as wide as the key’s number says; so whoever looks sees what was typed.
import { type Duplex, duplexPair } from 'node:stream';
import { ByteReader } from '../../lib/byte-reader.ts';

const width = 640;
const height = 400;
const name = Buffer.from('fake guest');

/** Red, green, blue. */
type Colour = readonly [number, number, number];
const ground: Colour = [16, 24, 32];
const lines: Colour = [160, 170, 180];
const bars: Colour = [230, 180, 60];
const lineHeight = 16;
const firstBar = 4;

/** Where red, green and blue begin, in bits, in a pixel of four bytes as the viewer wants it. */
interface PixelFormat {
  bigEndian: boolean;
  shifts: readonly [number, number, number];
}

export class FakeScreen {
  readonly #keys: number[] = [];
  readonly #viewers = new Set<Viewer>();

  /** Key symbols, in the order in which they were pressed. */
  get keys(): readonly number[] {
    return this.#keys;
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  /** Puts every viewer out. */
  close(): void {
    for (const { stream } of this.#viewers) stream.destroy();
  }

  open(): Duplex {
    const [ours, theirs] = duplexPair();
    const viewer: Viewer = { stream: ours, format: { bigEndian: false, shifts: [16, 8, 0] }, isWaiting: false };
    this.#viewers.add(viewer);
    ours.once('close', () => this.#viewers.delete(viewer));
    ours.on('error', () => ours.destroy());
    theirs.once('close', () => ours.destroy());
    ours.once('close', () => theirs.destroy());
    this.#serve(viewer).catch(() => theirs.destroy());
    return theirs;
  }

  async #serve(viewer: Viewer): Promise<void> {
    const { stream } = viewer;
    const reader = new ByteReader(stream);
    stream.write('RFB 003.008\n');
    await reader.read(12);
    stream.write(Buffer.from([1, 1]));
    await reader.read(1);
    stream.write(Buffer.alloc(4));
    await reader.read(1);
    const server = Buffer.alloc(24);
    server.writeUInt16BE(width, 0);
    server.writeUInt16BE(height, 2);
    server.set([32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0], 4);
    server.writeUInt32BE(name.length, 20);
    stream.write(Buffer.concat([server, name]));
    for (;;) await this.#answer(viewer, reader);
  }

  async #answer(viewer: Viewer, reader: ByteReader): Promise<void> {
    const kind = (await reader.read(1)).readUInt8();
    switch (kind) {
      case 0: {
        const format = await reader.read(19);
        viewer.format = { bigEndian: format[5] !== 0, shifts: [format.readUInt8(13), format.readUInt8(14), format.readUInt8(15)] };
        return;
      }
      case 2:
        await reader.read((await reader.read(3)).readUInt16BE(1) * 4);
        return;
      case 3: {
        const incremental = (await reader.read(9)).readUInt8() !== 0;
        if (incremental) viewer.isWaiting = true;
        else this.#show(viewer);
        return;
      }
      case 4: {
        const key = await reader.read(7);
        if (key.readUInt8() === 1) this.#press(key.readUInt32BE(3));
        return;
      }
      case 5:
        await reader.read(5);
        return;
      case 6:
        await reader.read((await reader.read(7)).readUInt32BE(3));
        return;
      default:
        throw new Error(`a fake screen does not know message ${kind}`);
    }
  }

  #press(key: number): void {
    this.#keys.push(key);
    for (const viewer of this.#viewers) if (viewer.isWaiting) this.#show(viewer);
  }

  #show(viewer: Viewer): void {
    viewer.isWaiting = false;
    const head = Buffer.alloc(16);
    head.writeUInt16BE(1, 2);
    head.writeUInt16BE(width, 8);
    head.writeUInt16BE(height, 10);
    viewer.stream.write(Buffer.concat([head, this.#render(viewer.format)]));
  }

  #render(format: PixelFormat): Buffer {
    const pixels = Buffer.alloc(width * height * 4);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const at = (y * width + x) * 4;
        const value = pixelOf(this.#colourAt(x, y), format);
        if (format.bigEndian) pixels.writeUInt32BE(value, at);
        else pixels.writeUInt32LE(value, at);
      }
    }
    return pixels;
  }

  #colourAt(x: number, y: number): Colour {
    const line = Math.floor(y / lineHeight);
    if (y % lineHeight < lineHeight / 2) return ground;
    if (line < firstBar - 1) return x > 16 && x < 320 + 48 * line ? lines : ground;
    const key = this.#keys[line - firstBar];
    return key !== undefined && x > 16 && x < 32 + (key & 0xff) * 2 ? bars : ground;
  }
}

interface Viewer {
  readonly stream: Duplex;
  format: PixelFormat;
  /** It wants to be told of the next change. */
  isWaiting: boolean;
}

function pixelOf(colour: Colour, { shifts }: PixelFormat): number {
  return colour.reduce((value, part, index) => value + part * 2 ** (shifts[index] ?? 0), 0);
}
