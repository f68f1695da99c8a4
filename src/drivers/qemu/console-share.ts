// One connection to a guest's serial console, shared by any number of readers. QEMU writes everything into the log as well,
// whether anybody reads or not. A reader that does not keep up loses output; neither the guest nor another reader waits for it.
import { open } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { CaissonError } from '../../lib/errors.ts';

/** What a reader may be behind, bytes. */
const maxBehind = 256 * 1024;

/** What a reader may ask to see of before, bytes. */
const maxHistory = 1024 * 1024;

const leftOut = Buffer.from('\r\n[output left out]\r\n');

export class ConsoleShare {
  readonly #socketPath: string;
  readonly #logPath: string;
  readonly #readers = new Set<ConsoleReader>();
  #socket: Promise<Socket> | undefined;
  #closed = false;

  constructor(socketPath: string, logPath: string) {
    this.#socketPath = socketPath;
    this.#logPath = logPath;
  }

  /** A stream of the console's output, after the last `history` bytes of its log; what is written to it is typed. */
  async open(history: number): Promise<Duplex> {
    if (this.#closed) throw new CaissonError('unavailable', 'the guest does not run: it has no console');
    this.#socket ??= this.#connect();
    const socket = await this.#socket;
    const reader = new ConsoleReader(socket, () => {
      this.#readers.delete(reader);
      if (this.#readers.size === 0) this.#disconnect(socket);
    });
    this.#readers.add(reader);
    reader.begin(await readTail(this.#logPath, history));
    return reader;
  }

  /** Ends every reader. */
  close(): void {
    this.#closed = true;
    for (const reader of this.#readers) reader.end();
    for (const reader of this.#readers) reader.push(null);
    this.#readers.clear();
    this.#socket?.then((socket) => socket.destroy()).catch(() => {});
  }

  async #connect(): Promise<Socket> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const socket = createConnection(this.#socketPath, resolve);
    socket.once('error', (cause) => {
      this.#socket = undefined;
      reject(new CaissonError('unavailable', 'the guest has no console', { cause }));
    });
    await promise;
    socket.removeAllListeners('error');
    socket.on('error', () => {}); // followed by close
    socket.on('data', (chunk: Buffer) => {
      for (const reader of this.#readers) reader.give(chunk);
    });
    socket.on('close', () => {
      this.#socket = undefined;
      for (const reader of this.#readers) reader.push(null);
      this.#readers.clear();
    });
    return socket;
  }

  #disconnect(socket: Socket): void {
    this.#socket = undefined;
    socket.removeAllListeners('data');
    socket.destroy();
  }
}

class ConsoleReader extends Duplex {
  readonly #socket: Socket;
  readonly #onLeft: () => void;
  /** Output that came while the history was being read. */
  #early: Buffer[] | undefined = [];
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #mayPush = true;

  constructor(socket: Socket, onLeft: () => void) {
    super({ allowHalfOpen: false, readableHighWaterMark: 64 * 1024 });
    this.#socket = socket;
    this.#onLeft = onLeft;
  }

  /** Gives the history, then what came since it was asked for, each byte once. */
  begin(history: Buffer): void {
    const early = Buffer.concat(this.#early ?? []);
    this.#early = undefined;
    const repeated = overlap(history, early);
    if (history.length > 0) this.give(history);
    if (early.length > repeated) this.give(early.subarray(repeated));
  }

  give(chunk: Buffer): void {
    if (this.#early) {
      this.#early.push(chunk);
      return;
    }
    if (this.#mayPush) {
      this.#mayPush = this.push(chunk);
      return;
    }
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes <= maxBehind) return;
    const last = Buffer.concat(this.#waiting).subarray(-maxBehind / 2);
    this.#waiting = [leftOut, last];
    this.#waitingBytes = leftOut.length + last.length;
  }

  override _read(): void {
    this.#mayPush = true;
    while (this.#mayPush) {
      const chunk = this.#waiting.shift();
      if (!chunk) return;
      this.#waitingBytes -= chunk.length;
      this.#mayPush = this.push(chunk);
    }
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#socket.write(chunk)) done();
    else this.#socket.once('drain', () => done());
  }

  override _final(done: () => void): void {
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#onLeft();
    done(error);
  }
}

/** How many bytes at the end of `a` are the beginning of `b`. */
function overlap(a: Buffer, b: Buffer): number {
  const last = a.subarray(-64);
  const found = last.length === 64 ? b.indexOf(last) : -1;
  if (found !== -1) return found + last.length;
  for (let length = Math.min(last.length, b.length); length > 0; length--) {
    if (a.subarray(a.length - length).equals(b.subarray(0, length))) return length;
  }
  return 0;
}

async function readTail(path: string, bytes: number): Promise<Buffer> {
  if (bytes <= 0) return Buffer.alloc(0);
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return Buffer.alloc(0);
  try {
    const { size } = await file.stat();
    const length = Math.min(size, bytes, maxHistory);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
