// Reads a stream in pieces of a known length, as binary protocols have it. No more is taken from the stream than a chunk beyond what was asked for.
import type { Readable } from 'node:stream';
import { CaissonError } from './errors.ts';

export class ByteReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: Readable) {
    this.#chunks = (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  }

  /** Exactly `length` bytes. Throws `unavailable` when the stream ends before. */
  async read(length: number): Promise<Buffer> {
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length;) {
      if (this.#rest.length === 0) {
        const { value, done } = await this.#chunks.next();
        if (done) throw new CaissonError('unavailable', 'the other side ended in the middle of what it said');
        this.#rest = value;
      }
      const copied = this.#rest.copy(bytes, at);
      this.#rest = this.#rest.subarray(copied);
      at += copied;
    }
    return bytes;
  }
}
