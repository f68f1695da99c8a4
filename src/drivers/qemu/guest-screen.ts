// The screen of a guest: QEMU's VNC server on a socket in a folder that only the daemon reaches, which is why it asks for no password. Each
// viewer has a connection of its own, and QEMU, not the daemon, keeps what a slow one has not read yet.
//
// A QEMU that is stopped takes connections and says nothing: it is waited for, for a while. A picture is read as a viewer reads it: QEMU
// itself could write one to a file, but there is no place that it may write to and the daemon reads from.
import { createConnection, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../lib/clock.ts';
import { CaissonError } from '../../lib/errors.ts';
import { readFrame } from '../../lib/rfb-frame.ts';
import { mostScreenViewers } from '../hypervisor.ts';

import { withDeadline } from './with-deadline.ts';

/** Between the connection and QEMU's first word; the longest that it was seen busy is 0.3 s. */
const greetingMs = 10_000;

/** Between two tries to be taken. */
const againMs = 20;

/** For a whole picture, under emulation on a busy host. */
const pictureMs = 30_000;

export class GuestScreen {
  readonly #socketPath: string;
  readonly #clock: Clock;
  readonly #viewers = new Set<Socket>();
  #picture: Promise<Buffer> | undefined;
  #closed = false;

  constructor(socketPath: string, clock: Clock) {
    this.#socketPath = socketPath;
    this.#clock = clock;
  }

  /**
   * RFB from its first byte on. Throws `not-allowed` without a display, `too-many` for more viewers than that, `timeout` when QEMU says nothing,
   * `unavailable` when it has ended.
   */
  async open(): Promise<Duplex> {
    const until = this.#clock.monotonic() + greetingMs;
    for (;;) {
      try {
        return await this.#connect(until);
      } catch (error) {
        if (!isBusy(error) || this.#clock.monotonic() >= until) throw error;
        await this.#clock.sleep(againMs);
      }
    }
  }

  async #connect(until: number): Promise<Socket> {
    if (this.#closed) throw ended();
    if (this.#viewers.size >= mostScreenViewers)
      throw new CaissonError('too-many', `${mostScreenViewers} look at it already: one of them must leave first`);
    const socket = createConnection(this.#socketPath);
    // Counted from here on: of two that come at once both are.
    this.#viewers.add(socket);
    socket.once('close', () => this.#viewers.delete(socket));
    try {
      await withDeadline(this.#clock, 'QEMU’s screen', until - this.#clock.monotonic(), greeted(socket));
    } catch (error) {
      socket.destroy();
      throw error;
    }
    return socket;
  }

  /** As PNG. Whoever asks while one is being made gets the same. */
  picture(): Promise<Buffer> {
    this.#picture ??= this.#takePicture().finally(() => (this.#picture = undefined));
    return this.#picture;
  }

  /** Ends every viewer. */
  close(): void {
    this.#closed = true;
    for (const socket of this.#viewers) socket.destroy();
  }

  async #takePicture(): Promise<Buffer> {
    const stream = await this.open();
    try {
      const frame = await withDeadline(this.#clock, 'the picture of the screen', pictureMs, readFrame(stream));
      // Loaded, and compression with it, once somebody wants a picture.
      const { encodePng } = await import('../../lib/png.ts');
      return await encodePng(frame);
    } finally {
      stream.destroy();
    }
  }
}

/** Resolves once the other side has begun to speak; what it said stays to be read. */
function greeted(socket: Socket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // Stays for as long as the socket does: what comes later is told by its close.
  socket.on('error', (cause: NodeJS.ErrnoException) => reject(notConnected(cause)));
  socket.once('close', () => reject(ended()));
  socket.once('readable', () => (socket.readableLength > 0 ? resolve() : reject(ended())));
  return promise;
}

function notConnected(cause: NodeJS.ErrnoException): CaissonError {
  switch (cause.code) {
    case 'ENOENT':
      return new CaissonError('not-allowed', 'it was started without a display: it gets one at its next start', { cause });
    case 'EAGAIN':
      return new CaissonError('timeout', 'QEMU takes no connection to its screen', { cause });
    default:
      return ended(cause);
  }
}

/** One connection waits to be taken, and for a further one there is no place: for a moment, or because QEMU is stopped. */
function isBusy(error: unknown): boolean {
  return error instanceof CaissonError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'EAGAIN';
}

function ended(cause?: unknown): CaissonError {
  return new CaissonError('unavailable', 'the guest’s QEMU has ended, and its screen with it', { cause });
}
